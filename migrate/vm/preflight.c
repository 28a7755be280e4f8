// SPDX-License-Identifier: Apache-2.0
/* Checks before a migration: all that can be known to fail is found here, and nothing is changed
 *
 * A table of checks, each of which says what it found. All of them run, so that a dry run
 * shows everything that is wrong at once; only without a host or the guest the rest has no
 * sense. The first failure is the result.
 *
 * Whether a port is in use at the destination is not asked: a QEMU that waits there for
 * another guest's memory takes the first connection for it.
 */
#include "migrate/vm/preflight.h"

#include <inttypes.h>
#include <string.h>

#include "lib/parse.h"
#include "lib/str.h"
#include "migrate/vm/xml_read.h"

virConnectPtr sk_vm_peer(const struct sk_vm_inspection *in, enum sk_side side)
{
	return in->vm->end[side].host->conn;
}

void sk_vm_found(struct sk_vm_inspection *in, const char *fmt, ...)
{
	struct sk_vm_check *check = &in->facts->checks[in->facts->nr_checks];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(check->text, sizeof(check->text), fmt, args);
	va_end(args);
}

static void format_version(unsigned long version, char buf[24])
{
	(void)snprintf(buf, 24, "%lu.%lu.%lu", version / 1000000 % 1000,
		       version / 1000 % 1000, version % 1000);
}

static int check_host(struct sk_vm_inspection *in, enum sk_side side, struct sk_err *err)
{
	virConnectPtr conn = sk_vm_peer(in, side);
	struct sk_vm_facts *facts = in->facts;
	char *hostname;

	if (virConnectGetLibVersion(conn, &in->libvirt[side]) < 0 ||
	    virConnectGetVersion(conn, &in->hypervisor[side]) < 0)
		return sk_vm_error(err, "ask '%s' for its version",
				   in->vm->end[side].host->uri);
	format_version(in->libvirt[side], facts->libvirt[side]);
	format_version(in->hypervisor[side], facts->hypervisor[side]);
	hostname = virConnectGetHostname(conn);
	(void)snprintf(facts->hostname[side], sizeof(facts->hostname[0]), "%s",
		       hostname ? hostname : "");
	free(hostname);
	sk_vm_found(in, "%s: libvirt %s, QEMU %s", facts->hostname[side],
		    facts->libvirt[side], facts->hypervisor[side]);
	return 0;
}

static int check_source(struct sk_vm_inspection *in, struct sk_err *err)
{
	return check_host(in, SK_SIDE_SOURCE, err);
}

static int check_destination(struct sk_vm_inspection *in, struct sk_err *err)
{
	return check_host(in, SK_SIDE_DESTINATION, err);
}

static int check_runs(struct sk_vm_inspection *in, struct sk_err *err)
{
	const struct sk_vm_ends *ends = &in->vm->ends;
	struct sk_vm_host *host = in->vm->end[SK_SIDE_SOURCE].host;
	enum sk_vm_state state = SK_VM_GONE;
	int r = sk_vm_host_find(host, ends->guest, &in->domain, err);

	if (r == 0)
		r = sk_vm_host_state(host, ends->guest, &state, err);
	if (r < 0 || state == SK_VM_RUNNING)
		return r;
	if (state == SK_VM_GONE)
		return sk_err_set(err, ESRCH, "guest '%s' does not run", ends->guest);
	r = sk_err_set(err, EBUSY, "guest '%s' does not run: it is paused", ends->guest);
	return sk_err_hint(err, r, "resume it first: virsh -c '%s' resume %s", ends->from,
			   ends->guest);
}

static int read_guest(struct sk_vm_inspection *in, struct sk_err *err)
{
	sk_autofree char *type = NULL;
	virDomainInfo info;

	in->xml = virDomainGetXMLDesc(in->domain, VIR_DOMAIN_XML_MIGRATABLE);
	if (!in->xml || virDomainGetInfo(in->domain, &info) < 0)
		return sk_vm_error(err, "read the description of guest '%s'",
				   in->vm->ends.guest);
	in->facts->memory_bytes = (uint64_t)info.memory << 10;
	(void)snprintf(in->facts->accelerator, sizeof(in->facts->accelerator), "%s",
		       strstr(in->xml, "type='kvm'") ? "kvm" : "tcg");
	sk_vm_xml_macs(in->xml, in->facts->macs, sizeof(in->facts->macs));
	type = sk_vm_xml_element(in->xml, "type");
	in->arch = type ? sk_vm_xml_attribute(type, "arch") : NULL;
	in->machine = type ? sk_vm_xml_attribute(type, "machine") : NULL;
	return 0;
}

static int check_guest(struct sk_vm_inspection *in, struct sk_err *err)
{
	char size[SK_FORMAT_SIZE];
	int r = check_runs(in, err);

	if (r == 0)
		r = read_guest(in, err);
	if (r == 0)
		sk_vm_found(in, "runs, %s of memory, %s",
			    sk_format_size(in->facts->memory_bytes, size),
			    in->facts->accelerator);
	return r;
}

static int check_distinct(struct sk_vm_inspection *in, struct sk_err *err)
{
	sk_autofree char *here =
		virConnectGetCapabilities(sk_vm_peer(in, SK_SIDE_SOURCE));
	sk_autofree char *there =
		virConnectGetCapabilities(sk_vm_peer(in, SK_SIDE_DESTINATION));
	sk_autofree char *a = here ? sk_vm_xml_element(here, "uuid") : NULL;
	sk_autofree char *b = there ? sk_vm_xml_element(there, "uuid") : NULL;
	int r;

	sk_vm_found(in, "two hosts");
	if (!a || !b || strcmp(a, b) != 0)
		return 0;
	r = sk_err_set(err, EINVAL, "source and destination are the same host ('%s')",
		       in->facts->hostname[SK_SIDE_SOURCE]);
	return sk_err_hint(err, r,
			   "libvirt tells hosts apart by host_uuid in libvirtd.conf");
}

/* A definition of this very guest may be there, if it does not run. */
static bool is_same_and_off(struct sk_vm_inspection *in, virDomainPtr other)
{
	unsigned char here[VIR_UUID_BUFLEN], there[VIR_UUID_BUFLEN];

	return virDomainIsActive(other) == 0 && virDomainGetUUID(in->domain, here) == 0 &&
	       virDomainGetUUID(other, there) == 0 &&
	       memcmp(here, there, sizeof(here)) == 0 &&
	       sk_str_equal(virDomainGetName(in->domain), virDomainGetName(other));
}

static int check_name(struct sk_vm_inspection *in, struct sk_err *err)
{
	const struct sk_vm_ends *ends = &in->vm->ends;
	virConnectPtr conn = sk_vm_peer(in, SK_SIDE_DESTINATION);
	unsigned char uuid[VIR_UUID_BUFLEN];
	sk_auto(sk_vm_domain_unref) virDomain *by_name =
		virDomainLookupByName(conn, ends->guest);
	sk_auto(sk_vm_domain_unref) virDomain *by_uuid = NULL;
	int r;

	if (virDomainGetUUID(in->domain, uuid) == 0)
		by_uuid = virDomainLookupByUUID(conn, uuid);
	sk_vm_found(in, by_name ? "defined there already" : "free at the destination");
	if (by_name && !is_same_and_off(in, by_name)) {
		r = sk_err_set(err, EEXIST, "the destination has a guest '%s' already",
			       ends->guest);
		return sk_err_hint(
			err, r,
			"choose another host, or end that one: virsh -c '%s' destroy %s",
			ends->to, ends->guest);
	}
	if (!by_name && by_uuid) {
		r = sk_err_set(err, EEXIST,
			       "the destination has guest '%s' under the name '%s'",
			       ends->guest, virDomainGetName(by_uuid));
		return sk_err_hint(err, r,
				   "both have the same UUID: end or undefine one");
	}
	return 0;
}

static int check_options(struct sk_vm_inspection *in, struct sk_err *err)
{
	struct sk_transfer_facts facts = {.live = in->job->live,
					  .postcopy = in->job->postcopy};

	for (int side = SK_SIDE_SOURCE; side <= SK_SIDE_DESTINATION; side++) {
		facts.libvirt[side] = in->libvirt[side];
		facts.hypervisor[side] = in->hypervisor[side];
	}
	sk_vm_found(in, "go together, no version is too old");
	return sk_transfer_check(&in->job->transfer, &facts, err);
}

static int check_encryption(struct sk_vm_inspection *in, struct sk_err *err)
{
	const struct sk_transfer_opts *o = &in->job->transfer;

	(void)err;
	if (o->tls)
		sk_vm_found(in, "TLS: certificates are looked at when the job starts");
	else if (o->tunnelled)
		sk_vm_found(in, "as the connection between both libvirtd");
	else
		sk_vm_found(in,
			    "none: who can listen between the hosts reads the memory");
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct sk_vm_inspection *in, struct sk_err *err);
	bool is_basic; /* without it there is nothing more to check */
} checks[] = {
	{"source", check_source, true},
	{"destination", check_destination, true},
	{"guest", check_guest, true},
	{"hosts", check_distinct, false},
	{"name", check_name, false},
	{"options", check_options, false},
	{"encryption", check_encryption, false},
	{"machine", sk_vm_check_machine, false},
	{"cpu", sk_vm_check_cpu, false},
	{"memory", sk_vm_check_memory, false},
	{"disks", sk_vm_check_disks, false},
};
_Static_assert(SK_ARRAY_SIZE(checks) <= SK_VM_MAX_CHECKS, "room for all checks");

static int run_check(struct sk_vm_inspection *in, size_t i, struct sk_err *err)
{
	struct sk_vm_check *check = &in->facts->checks[in->facts->nr_checks];

	check->name = checks[i].name;
	check->result = checks[i].run(in, err);
	if (check->result < 0) {
		(void)snprintf(check->text, sizeof(check->text), "%.*s",
			       (int)sizeof(check->text) - 1, err->msg);
		(void)snprintf(check->hint, sizeof(check->hint), "%s", err->hint);
	}
	in->facts->nr_checks++;
	return check->result;
}

int sk_vm_preflight(struct sk_vm *vm, const struct sk_vm_job *job,
		    struct sk_vm_facts *ret, struct sk_err *err)
{
	struct sk_vm_inspection in = {.vm = vm, .job = job, .facts = ret};
	int failed = 0;

	*ret = (struct sk_vm_facts){.cpu_check = ""};
	for (size_t i = 0; i < SK_ARRAY_SIZE(checks); i++) {
		struct sk_err why = SK_ERR_INIT;
		int r = run_check(&in, i, &why);

		if (r < 0 && failed == 0) {
			failed = r;
			if (err)
				*err = why;
		}
		if (r < 0 && checks[i].is_basic)
			break;
	}
	if (in.domain)
		(void)virDomainFree(in.domain);
	free(in.xml);
	free(in.arch);
	free(in.machine);
	return failed;
}
