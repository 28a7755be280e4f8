// SPDX-License-Identifier: Apache-2.0
/* Checks before a migration: all that can be known to fail is found here, and nothing is changed */
#include <inttypes.h>
#include <string.h>

#include "lib/str.h"
#include "migrate/vm/internal.h"

static void format_version(unsigned long version, char buf[24])
{
	(void)snprintf(buf, 24, "%lu.%lu.%lu", version / 1000000 % 1000,
		       version / 1000 % 1000, version % 1000);
}

static int check_host(struct sk_vm_end *end, struct sk_vm_facts *ret, struct sk_err *err)
{
	virConnectPtr conn = end->host->conn;
	unsigned long libvirt = 0, hypervisor = 0;
	char *hostname;

	if (virConnectGetLibVersion(conn, &libvirt) < 0 ||
	    virConnectGetVersion(conn, &hypervisor) < 0)
		return sk_vm_error(err, "ask '%s' for its version", end->host->uri);
	format_version(libvirt, ret->libvirt[end->side]);
	format_version(hypervisor, ret->hypervisor[end->side]);
	hostname = virConnectGetHostname(conn);
	(void)snprintf(ret->hostname[end->side], sizeof(ret->hostname[0]), "%s",
		       hostname ? hostname : "");
	free(hostname);
	return 0;
}

static int check_source(struct sk_vm *vm, struct sk_err *err)
{
	enum sk_vm_state state;
	int r = sk_vm_host_state(vm->end[SK_SIDE_SOURCE].host, vm->ends.guest, &state,
				 err);

	if (r < 0)
		return r;
	if (state == SK_VM_GONE) {
		sk_auto(sk_vm_domain_unref) virDomain *domain = NULL;

		/* For the text, which lists the guests there are. */
		r = sk_vm_host_find(vm->end[SK_SIDE_SOURCE].host, vm->ends.guest, &domain,
				    err);
		return r < 0 ? r
			     : sk_err_set(err, ESRCH, "guest '%s' does not run",
					  vm->ends.guest);
	}
	if (state != SK_VM_RUNNING) {
		r = sk_err_set(err, EBUSY, "guest '%s' does not run: it is paused",
			       vm->ends.guest);
		return sk_err_hint(err, r, "resume it first: virsh -c '%s' resume %s",
				   vm->ends.from, vm->ends.guest);
	}
	return 0;
}

static int check_destination(struct sk_vm *vm, struct sk_err *err)
{
	enum sk_vm_state state;
	int r = sk_vm_host_state(vm->end[SK_SIDE_DESTINATION].host, vm->ends.guest,
				 &state, err);

	if (r < 0)
		return r;
	if (state == SK_VM_GONE)
		return 0;
	r = sk_err_set(err, EEXIST, "the destination has a guest '%s' already",
		       vm->ends.guest);
	return sk_err_hint(
		err, r, "choose another host, or end that one: virsh -c '%s' destroy %s",
		vm->ends.to, vm->ends.guest);
}

static int check_distinct(const struct sk_vm_facts *facts, struct sk_vm *vm,
			  struct sk_err *err)
{
	virConnectPtr from = vm->end[SK_SIDE_SOURCE].host->conn;
	virConnectPtr to = vm->end[SK_SIDE_DESTINATION].host->conn;
	sk_autofree char *here = virConnectGetCapabilities(from);
	sk_autofree char *there = virConnectGetCapabilities(to);
	sk_autofree char *a = here ? sk_vm_xml_element(here, "uuid") : NULL;
	sk_autofree char *b = there ? sk_vm_xml_element(there, "uuid") : NULL;
	int r;

	if (!a || !b || strcmp(a, b) != 0)
		return 0;
	r = sk_err_set(err, EINVAL, "source and destination are the same host ('%s')",
		       facts->hostname[SK_SIDE_SOURCE]);
	return sk_err_hint(err, r,
			   "libvirt tells hosts apart by host_uuid in libvirtd.conf");
}

/* TCG emulates the same CPU everywhere; with KVM the destination must have the guest's. */
static int check_cpu(struct sk_vm *vm, const char *xml, struct sk_vm_facts *ret,
		     struct sk_err *err)
{
	sk_autofree char *cpu = NULL;
	int r;

	if (strcmp(ret->accelerator, "kvm") != 0) {
		ret->cpu_check = "not needed: the CPU is emulated";
		return 0;
	}
	cpu = sk_vm_xml_element(xml, "cpu");
	if (!cpu) {
		ret->cpu_check = "not needed: the guest has the default CPU";
		return 0;
	}
	r = virConnectCompareHypervisorCPU(vm->end[SK_SIDE_DESTINATION].host->conn, NULL,
					   NULL, NULL, "kvm", cpu, 0);
	if (r == VIR_CPU_COMPARE_ERROR)
		return sk_vm_error(err, "compare the guest's CPU with the destination's");
	if (r == VIR_CPU_COMPARE_INCOMPATIBLE) {
		r = sk_err_set(err, ENOTSUP,
			       "the destination's CPU lacks what guest '%s' uses",
			       vm->ends.guest);
		return sk_err_hint(
			err, r, "start the guest with a CPU model that both hosts have");
	}
	ret->cpu_check = "compatible";
	return 0;
}

static int read_guest(struct sk_vm *vm, char **ret_xml, struct sk_vm_facts *ret,
		      struct sk_err *err)
{
	sk_auto(sk_vm_domain_unref) virDomain *domain = NULL;
	virDomainInfo info;
	char *xml;
	int r = sk_vm_host_find(vm->end[SK_SIDE_SOURCE].host, vm->ends.guest, &domain,
				err);

	if (r < 0)
		return r;
	xml = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_MIGRATABLE);
	if (!xml || virDomainGetInfo(domain, &info) < 0) {
		free(xml);
		return sk_vm_error(err, "read the description of guest '%s'",
				   vm->ends.guest);
	}
	ret->memory_bytes = (uint64_t)info.memory << 10;
	if (strstr(xml, "type='kvm'"))
		(void)snprintf(ret->accelerator, sizeof(ret->accelerator), "kvm");
	else
		(void)snprintf(ret->accelerator, sizeof(ret->accelerator), "tcg");
	*ret_xml = xml;
	return 0;
}

int sk_vm_preflight(struct sk_vm *vm, struct sk_vm_facts *ret, struct sk_err *err)
{
	struct sk_vm_facts facts = {.cpu_check = ""};
	sk_autofree char *xml = NULL;
	int r;

	r = check_host(&vm->end[SK_SIDE_SOURCE], &facts, err);
	if (r == 0)
		r = check_host(&vm->end[SK_SIDE_DESTINATION], &facts, err);
	if (r == 0)
		r = check_source(vm, err);
	if (r == 0)
		r = check_distinct(&facts, vm, err);
	if (r == 0)
		r = check_destination(vm, err);
	if (r == 0)
		r = read_guest(vm, &xml, &facts, err);
	if (r == 0)
		r = check_cpu(vm, xml, &facts, err);
	if (r == 0)
		*ret = facts;
	return r;
}
