// SPDX-License-Identifier: Apache-2.0
/* The migration job: one thread in libvirt's blocking call, one that reads statistics at 10 Hz
 *
 * Theory of operation
 *
 * 1. sk_vm_job_start() starts both threads. The job thread calls virDomainMigrate3() with
 *    both connections ("direct" migration: the client leads, memory flows from QEMU to
 *    QEMU). Peer-to-peer would need the source's libvirtd to log in at the destination:
 *    in a lab an unauthenticated TCP listener, outside of it credentials on the source.
 *    Direct needs neither, works between any two URIs the user can reach, and a killed
 *    client leaves the guest running at the source.
 * 2. While the call runs nothing is asked of the destination: its monitor is busy until
 *    the incoming job ends, and a call queued there would delay the switch to post-copy.
 * 3. The call returns 1 to 2 s after QEMU has completed. The end is noted then, once the
 *    source's JOB_COMPLETED event, which carries the downtime, has come (at most 500 ms).
 */
#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "migrate/vm/internal.h"

#define STATS_PERIOD_NS	  (100 * SK_NS_PER_MS)
#define COMPLETED_WAIT_NS (500 * SK_NS_PER_MS)

void sk_vm_job_sample(const virTypedParameter *params, int nr, struct sk_job_sample *ret)
{
	const struct {
		const char *key;
		uint64_t *value;
	} fields[] = {
		{VIR_DOMAIN_JOB_MEMORY_TOTAL, &ret->memory_total},
		{VIR_DOMAIN_JOB_MEMORY_PROCESSED, &ret->memory_processed},
		{VIR_DOMAIN_JOB_MEMORY_REMAINING, &ret->memory_remaining},
		{VIR_DOMAIN_JOB_MEMORY_BPS, &ret->memory_bps},
		{VIR_DOMAIN_JOB_MEMORY_NORMAL_BYTES, &ret->normal_bytes},
		{VIR_DOMAIN_JOB_MEMORY_CONSTANT, &ret->constant_pages},
		{VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE, &ret->dirty_rate},
		{VIR_DOMAIN_JOB_MEMORY_ITERATION, &ret->iteration},
		{VIR_DOMAIN_JOB_MEMORY_POSTCOPY_REQS, &ret->postcopy_requests},
		{VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE, &ret->page_size},
		{VIR_DOMAIN_JOB_DOWNTIME, &ret->downtime_ms},
		{VIR_DOMAIN_JOB_SETUP_TIME, &ret->setup_ms},
		{VIR_DOMAIN_JOB_TIME_ELAPSED, &ret->elapsed_ms},
	};

	*ret = (struct sk_job_sample){.real_ns = sk_clock_real()};
	for (size_t i = 0; i < SK_ARRAY_SIZE(fields); i++) {
		unsigned long long value = 0;

		if (virTypedParamsGetULLong((virTypedParameterPtr)params, nr,
					    fields[i].key, &value) == 1)
			*fields[i].value = value;
	}
}

static void read_stats(struct sk_vm *vm)
{
	struct sk_vm_note note = {.kind = SK_VM_NOTE_PROGRESS};
	virTypedParameterPtr params = NULL;
	int type = VIR_DOMAIN_JOB_NONE, nr = 0;

	if (virDomainGetJobStats(vm->domain, &type, &params, &nr, 0) < 0)
		return;
	if (type == VIR_DOMAIN_JOB_BOUNDED || type == VIR_DOMAIN_JOB_UNBOUNDED) {
		sk_vm_job_sample(params, nr, &note.job);
		/* Before the first byte libvirt knows no totals. */
		if (note.job.memory_total) {
			(void)sk_timeline_add_job(vm->ends.timeline, &note.job);
			sk_vm_note(vm, &note);
		}
	}
	virTypedParamsFree(params, nr);
}

static bool job_is_over(struct sk_vm *vm)
{
	bool is_over;

	(void)pthread_mutex_lock(&vm->lock);
	is_over = vm->is_over;
	(void)pthread_mutex_unlock(&vm->lock);
	return is_over;
}

static void *stats_main(void *arg)
{
	struct sk_vm *vm = arg;
	uint64_t next = sk_clock_mono();

	while (!job_is_over(vm)) {
		read_stats(vm);
		next += STATS_PERIOD_NS;
		sk_clock_sleep_until(next);
	}
	return NULL;
}

static int set_params(const struct sk_vm_job *job, virTypedParameterPtr *params, int *nr)
{
	const unsigned long long mib_bits = 8ull << 20;
	unsigned long long mib = (job->transfer.bandwidth_bits + mib_bits - 1) / mib_bits;
	int max = 0;

	if (!job->transfer.bandwidth_bits)
		return 0;
	if (virTypedParamsAddULLong(params, nr, &max, VIR_MIGRATE_PARAM_BANDWIDTH, mib) <
	    0)
		return -1;
	/* Without this the post-copy phase would run without the limit. */
	if (job->postcopy &&
	    virTypedParamsAddULLong(params, nr, &max,
				    VIR_MIGRATE_PARAM_BANDWIDTH_POSTCOPY, mib) < 0)
		return -1;
	return 0;
}

static int run_job(struct sk_vm *vm, struct sk_err *err)
{
	unsigned int flags = (vm->job.live ? VIR_MIGRATE_LIVE : 0) |
			     (vm->job.postcopy ? VIR_MIGRATE_POSTCOPY : 0);
	struct sk_event event = {.kind = SK_EVENT_API_CALL, .name = "virDomainMigrate3"};
	virTypedParameterPtr params = NULL;
	virDomainPtr moved = NULL;
	int nr = 0, r = 0;

	if (set_params(&vm->job, &params, &nr) < 0)
		return sk_vm_error(err, "set the bandwidth");
	(void)sk_timeline_add(vm->ends.timeline, &event);
	moved = virDomainMigrate3(vm->domain, vm->end[SK_SIDE_DESTINATION].host->conn,
				  params, nr, flags);
	if (!moved)
		r = sk_vm_error(err, "migrate guest '%s'", vm->ends.guest);
	event.kind = SK_EVENT_API_RETURN;
	event.value = r;
	(void)sk_timeline_add(vm->ends.timeline, &event);
	virTypedParamsFree(params, nr);
	if (moved)
		(void)virDomainFree(moved);
	return r;
}

static void wait_completed(struct sk_vm *vm)
{
	uint64_t end = sk_clock_real() + COMPLETED_WAIT_NS;
	struct timespec deadline = {.tv_sec = (time_t)(end / SK_NS_PER_S),
				    .tv_nsec = (long)(end % SK_NS_PER_S)};

	(void)pthread_mutex_lock(&vm->lock);
	while (!vm->has_completed)
		if (pthread_cond_timedwait(&vm->wake, &vm->lock, &deadline) != 0)
			break;
	(void)pthread_mutex_unlock(&vm->lock);
}

static void *job_main(void *arg)
{
	struct sk_vm *vm = arg;
	struct sk_vm_note note = {.kind = SK_VM_NOTE_ENDED};

	note.result = run_job(vm, &note.err);
	if (note.result == 0)
		wait_completed(vm);
	(void)pthread_mutex_lock(&vm->lock);
	vm->is_over = true;
	(void)pthread_mutex_unlock(&vm->lock);
	sk_vm_note(vm, &note);
	return NULL;
}

int sk_vm_job_start(struct sk_vm *vm, const struct sk_vm_job *job, struct sk_err *err)
{
	int r;

	r = sk_vm_host_find(vm->end[SK_SIDE_SOURCE].host, vm->ends.guest, &vm->domain,
			    err);
	if (r < 0)
		return r;
	vm->job = *job;
	r = pthread_create(&vm->stats_thread, NULL, stats_main, vm);
	if (r != 0)
		return sk_err_code(err, -r, "start a thread");
	r = pthread_create(&vm->job_thread, NULL, job_main, vm);
	if (r != 0) {
		(void)pthread_mutex_lock(&vm->lock);
		vm->is_over = true;
		(void)pthread_mutex_unlock(&vm->lock);
		(void)pthread_join(vm->stats_thread, NULL);
		return sk_err_code(err, -r, "start a thread");
	}
	vm->is_started = true;
	return 0;
}

void sk_vm_job_join(struct sk_vm *vm)
{
	if (vm->is_started) {
		(void)pthread_join(vm->job_thread, NULL);
		(void)pthread_join(vm->stats_thread, NULL);
	}
	vm->is_started = false;
}
