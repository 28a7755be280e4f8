// SPDX-License-Identifier: Apache-2.0
/* preflight_host - whether the destination can run what runs at the source: machine, CPU, memory */
#include <inttypes.h>
#include <string.h>

#include "lib/parse.h"
#include "lib/str.h"
#include "migrate/vm/preflight.h"
#include "migrate/vm/xml_read.h"

/* libvirt's word for the accelerator. */
static const char *virt_type(const struct sk_vm_inspection *in)
{
	return strcmp(in->facts->accelerator, "kvm") == 0 ? "kvm" : "qemu";
}

int sk_vm_check_machine(struct sk_vm_inspection *in, struct sk_err *err)
{
	const char *machine = in->machine ? in->machine : "?";
	char *caps;
	int r;

	caps = virConnectGetDomainCapabilities(sk_vm_peer(in, SK_SIDE_DESTINATION), NULL,
					       in->arch, in->machine, virt_type(in), 0);
	if (caps) {
		free(caps);
		sk_vm_found(in, "%s, known at the destination", machine);
		return 0;
	}
	if (virGetLastErrorCode() == VIR_ERR_NO_SUPPORT) {
		sk_vm_found(in, "%s, whether known is not told", machine);
		return 0;
	}
	r = sk_vm_error(err, "machine type '%s' at the destination", machine);
	return sk_err_hint(
		err, r,
		"upgrade QEMU there, or start the guest with an older machine type");
}

/* An emulated CPU is QEMU's too: an older one may lack what a newer one emulates. */
int sk_vm_check_cpu(struct sk_vm_inspection *in, struct sk_err *err)
{
	sk_autofree char *cpu = sk_vm_xml_element(in->xml, "cpu");
	sk_autofree char *mode = cpu ? sk_vm_xml_attribute(cpu, "mode") : NULL;
	const char *result = "compatible";
	int r = 0;

	if (in->job->transfer.no_cpu_check)
		result = "not done, as asked";
	else if (!cpu)
		result = "not needed: the guest has the default CPU";
	else if (sk_str_equal(mode, "host-passthrough"))
		result =
			"not possible: the guest sees the source's own CPU (host-passthrough)";
	else
		r = virConnectCompareHypervisorCPU(sk_vm_peer(in, SK_SIDE_DESTINATION),
						   NULL, in->arch, NULL, virt_type(in),
						   cpu, 0);
	in->facts->cpu_check = r == VIR_CPU_COMPARE_ERROR
				       ? "not possible: the destination cannot compare"
				       : result;
	sk_vm_found(in, "%s", in->facts->cpu_check);
	if (!cpu || strcmp(result, "compatible") != 0 ||
	    r != VIR_CPU_COMPARE_INCOMPATIBLE)
		return 0;
	in->facts->cpu_check = "incompatible";
	r = sk_err_set(err, ENOTSUP, "the destination's CPU lacks what guest '%s' uses",
		       in->vm->ends.guest);
	return sk_err_hint(
		err, r,
		"start the guest with a CPU model that both hosts have; to try all the same: no-cpu-check");
}

int sk_vm_check_memory(struct sk_vm_inspection *in, struct sk_err *err)
{
	virConnectPtr conn = sk_vm_peer(in, SK_SIDE_DESTINATION);
	unsigned long long free_bytes = virNodeGetFreeMemory(conn);
	char need[SK_FORMAT_SIZE], total[SK_FORMAT_SIZE], rest[SK_FORMAT_SIZE];
	uint64_t total_bytes;
	virNodeInfo node;

	if (virNodeGetInfo(conn, &node) < 0) {
		sk_vm_found(in, "not told by the destination");
		return 0;
	}
	total_bytes = (uint64_t)node.memory << 10;
	(void)sk_format_size(in->facts->memory_bytes, need);
	(void)sk_format_size(total_bytes, total);
	(void)sk_format_size(free_bytes, rest);
	if (in->facts->memory_bytes > total_bytes)
		return sk_err_set(err, ENOMEM,
				  "guest '%s' has %s of memory, the destination %s",
				  in->vm->ends.guest, need, total);
	/* Less free than needed is no refusal: hosts are over-committed on purpose. */
	sk_vm_found(in, "%s needed, %s of %s free at the destination", need, rest, total);
	return 0;
}
