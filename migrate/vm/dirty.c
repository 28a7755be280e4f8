// SPDX-License-Identifier: Apache-2.0
/* dirty - what a guest writes and holds, as its hypervisor can tell before a migration
 *
 * libvirt lets QEMU sample 512 pages of each GiB. That is too few for a small guest, so QEMU is
 * asked by its own monitor for as many as it takes (4,096); libvirt marks such a guest as one that
 * was spoken to behind its back, which changes nothing for it.
 */
#include <math.h>

#include "lib/clock.h"
#include "migrate/vm/dirty.h"
#include "migrate/vm/internal.h"

#define SMALL_BYTES (4ull << 30)
#define PER_GIB	    512
#define PER_GIB_MAX 4096
#define GRACE_NS    (5 * SK_NS_PER_S)
#define MIB	    1048576.0
#define NAP_NS	    (50 * SK_NS_PER_MS)

static int start_by_monitor(virDomainPtr domain, unsigned int seconds, struct sk_err *err)
{
	char command[160];
	char *reply = NULL;
	int r;

	(void)snprintf(command, sizeof(command),
		       "{\"execute\":\"calc-dirty-rate\",\"arguments\":"
		       "{\"calc-time\":%u,\"sample-pages\":%d}}",
		       seconds, PER_GIB_MAX);
	r = virDomainQemuMonitorCommand(domain, command, &reply, 0);
	free(reply);
	return r < 0 ? sk_vm_error(err, "ask QEMU for what the guest writes") : 0;
}

static int start(virDomainPtr domain, unsigned int seconds, bool is_small,
		 unsigned int *ret_per_gib, struct sk_err *err)
{
	*ret_per_gib = PER_GIB_MAX;
	if (is_small && start_by_monitor(domain, seconds, NULL) == 0)
		return 0;
	*ret_per_gib = PER_GIB;
	if (virDomainStartDirtyRateCalc(domain, (int)seconds, 0) < 0)
		return sk_vm_error(err, "ask for what the guest writes");
	return 0;
}

/* Whether it is measured yet, and the MiB a second. */
static int read_result(virDomainPtr domain, bool *ret_done, long long *ret_mib,
		       struct sk_err *err)
{
	virDomainPtr domains[] = {domain, NULL};
	virDomainStatsRecordPtr *records = NULL;
	int status = -1, n;

	n = virDomainListGetStats(domains, VIR_DOMAIN_STATS_DIRTYRATE, &records, 0);
	if (n < 0)
		return sk_vm_error(err, "read what the guest writes");
	*ret_done = false;
	if (n == 1 &&
	    virTypedParamsGetInt(records[0]->params, records[0]->nparams,
				 "dirtyrate.calc_status", &status) == 1 &&
	    status == VIR_DOMAIN_DIRTYRATE_MEASURED)
		*ret_done =
			virTypedParamsGetLLong(records[0]->params, records[0]->nparams,
					       "dirtyrate.megabytes_per_second",
					       ret_mib) == 1;
	virDomainStatsRecordListFree(records);
	return 0;
}

int sk_vm_dirty_measure(struct sk_vm *vm, unsigned int seconds, uint64_t memory_bytes,
			struct sk_vm_dirty *ret, struct sk_err *err)
{
	sk_auto(sk_vm_domain_unref) virDomain *domain = NULL;
	uint64_t end = sk_clock_mono() + seconds * SK_NS_PER_S;
	unsigned int per_gib = PER_GIB;
	bool is_done = false;
	long long mib = 0;
	double share, samples;
	int r;

	r = sk_vm_host_find(vm->end[SK_SIDE_SOURCE].host, vm->ends.guest, &domain, err);
	if (r == 0)
		r = start(domain, seconds, memory_bytes < SMALL_BYTES, &per_gib, err);
	if (r < 0)
		return r;
	/* An earlier result would still be there before that. */
	sk_clock_sleep_until(end);
	while (r == 0 && !is_done) {
		if (sk_clock_mono() > end + GRACE_NS)
			return sk_err_set(err, ETIMEDOUT,
					  "QEMU does not tell what the guest writes");
		sk_clock_sleep_until(sk_clock_mono() + NAP_NS);
		r = read_result(domain, &is_done, &mib, err);
	}
	if (r < 0)
		return r;
	*ret = (struct sk_vm_dirty){.seconds = seconds,
				    .bytes = (double)mib * MIB * seconds};
	/* The rate comes in whole MiB, rounded down. */
	if (mib > 0)
		ret->bytes += 0.5 * MIB * seconds;
	ret->bytes = fmin(ret->bytes, (double)memory_bytes);
	share = ret->bytes / (double)memory_bytes;
	samples = (double)per_gib * (double)memory_bytes / (1 << 30);
	ret->error_bytes = (double)memory_bytes * sqrt(share * (1 - share) / samples) +
			   0.3 * MIB * seconds;
	return 0;
}

uint64_t sk_vm_resident(struct sk_vm *vm)
{
	sk_auto(sk_vm_domain_unref) virDomain *domain = NULL;
	virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];
	int n;

	if (sk_vm_host_find(vm->end[SK_SIDE_SOURCE].host, vm->ends.guest, &domain, NULL) <
	    0)
		return 0;
	n = virDomainMemoryStats(domain, stats, VIR_DOMAIN_MEMORY_STAT_NR, 0);
	for (int i = 0; i < n; i++)
		if (stats[i].tag == VIR_DOMAIN_MEMORY_STAT_RSS)
			return (uint64_t)stats[i].val << 10;
	return 0;
}
