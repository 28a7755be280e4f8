// SPDX-License-Identifier: Apache-2.0
/* The migration job: one thread in libvirt's blocking call, one that reads statistics at 10 Hz
 *
 * Theory of operation
 *
 * 1. sk_vm_job_start() starts both threads. The job thread calls virDomainMigrate3() with
 *    both connections ("direct" migration: the client leads, memory flows from QEMU to
 *    QEMU). Direct works between any two URIs the user can reach, and a killed client
 *    leaves the guest running at the source. Peer-to-peer, where the source's libvirtd
 *    leads and logs in at the destination, outlives the client: virDomainMigrateToURI3().
 * 2. While the call runs nothing is asked of the destination: its monitor is busy until
 *    the incoming job ends, and a call queued there would delay the switch to post-copy.
 * 3. What only a running job can be told (the downtime that is allowed) it is told by the
 *    thread of statistics as soon as it runs: libvirt then takes it back with the job. A
 *    job that cannot be told is given up: it would not be the migration that was asked for.
 * 4. The call returns 1 to 2 s after QEMU has completed. The end is noted then, once the
 *    source's JOB_COMPLETED event, which carries the downtime, has come (at most 500 ms).
 */
#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "migrate/vm/explain.h"
#include "migrate/vm/internal.h"
#include "migrate/vm/qmp.h"

#define STATS_PERIOD_NS	  (100 * SK_NS_PER_MS)
#define COMPLETED_WAIT_NS (500 * SK_NS_PER_MS)
#define LOOK_MS		  5000 /* for a libvirtd to answer */

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

static struct timespec deadline_in(uint64_t ns)
{
	uint64_t end = sk_clock_real() + ns;

	return (struct timespec){.tv_sec = (time_t)(end / SK_NS_PER_S),
				 .tv_nsec = (long)(end % SK_NS_PER_S)};
}

/* Until the job runs, is over, or a period has passed. */
static void wait_active(struct sk_vm *vm, bool *ret_active, bool *ret_over)
{
	struct timespec deadline = deadline_in(STATS_PERIOD_NS);

	(void)pthread_mutex_lock(&vm->lock);
	while (!vm->is_active && !vm->is_over)
		if (pthread_cond_timedwait(&vm->wake, &vm->lock, &deadline) != 0)
			break;
	*ret_active = vm->is_active;
	*ret_over = vm->is_over;
	(void)pthread_mutex_unlock(&vm->lock);
}

static bool job_is_over(struct sk_vm *vm)
{
	bool is_over;

	(void)pthread_mutex_lock(&vm->lock);
	is_over = vm->is_over;
	(void)pthread_mutex_unlock(&vm->lock);
	return is_over;
}

static void set_max_downtime(struct sk_vm *vm)
{
	struct sk_event event = {.kind = SK_EVENT_NOTE,
				 .name = "virDomainMigrateSetMaxDowntime",
				 .value = (int64_t)vm->job.transfer.max_downtime_ms};
	struct sk_err refusal = SK_ERR_INIT;

	if (!vm->job.transfer.max_downtime_ms)
		return;
	if (virDomainMigrateSetMaxDowntime(vm->domain, vm->job.transfer.max_downtime_ms,
					   0) == 0) {
		(void)sk_timeline_add(vm->ends.timeline, &event);
		return;
	}
	(void)sk_vm_error(&refusal, "set the downtime that is allowed");
	(void)pthread_mutex_lock(&vm->lock);
	if (!vm->is_over)
		vm->refusal = refusal;
	(void)pthread_mutex_unlock(&vm->lock);
	(void)virDomainAbortJob(vm->domain);
}

static void *stats_main(void *arg)
{
	struct sk_vm *vm = arg;
	bool is_active = false, is_over = false;
	uint64_t next;

	while (!is_active && !is_over)
		wait_active(vm, &is_active, &is_over);
	if (is_active && !is_over && !vm->is_resume)
		set_max_downtime(vm);
	next = sk_clock_mono();
	while (!job_is_over(vm)) {
		read_stats(vm);
		next += STATS_PERIOD_NS;
		sk_vm_phase_bytes_await(vm, next);
		sk_clock_sleep_until(next);
	}
	return NULL;
}

/* The call itself; 0 or -1 with libvirt's error. */
static int call_libvirt(struct sk_vm *vm, const struct sk_vm_call *call)
{
	const struct sk_transfer_opts *o = &vm->job.transfer;
	virDomainPtr moved;

	if (o->p2p)
		return virDomainMigrateToURI3(vm->domain,
					      o->p2p_uri ? o->p2p_uri : vm->ends.to,
					      call->params, (unsigned int)call->nr,
					      call->flags);
	moved = virDomainMigrate3(vm->domain, vm->end[SK_SIDE_DESTINATION].host->conn,
				  call->params, (unsigned int)call->nr, call->flags);
	if (!moved)
		return -1;
	(void)virDomainFree(moved);
	return 0;
}

static int describe_failure(const struct sk_vm *vm, struct sk_err *err)
{
	char what[160];

	(void)snprintf(what, sizeof(what), "migrate guest '%s'", vm->ends.guest);
	(void)sk_vm_error(err, "%s", what);
	return sk_vm_explain(err, what);
}

static int run_job(struct sk_vm *vm, struct sk_err *err)
{
	struct sk_event event = {.kind = SK_EVENT_API_CALL};
	struct sk_vm_call call;
	int r = sk_vm_call_init(&vm->job, &call, err);

	if (r < 0)
		return r;
	if (vm->is_resume)
		call.flags |= VIR_MIGRATE_POSTCOPY_RESUME;
	(void)snprintf(event.name, sizeof(event.name), "%s", call.name);
	(void)sk_timeline_add(vm->ends.timeline, &event);
	if (call_libvirt(vm, &call) < 0)
		r = describe_failure(vm, err);
	event.kind = SK_EVENT_API_RETURN;
	event.value = r;
	(void)sk_timeline_add(vm->ends.timeline, &event);
	sk_vm_call_finish(&call);
	return r;
}

static void wait_completed(struct sk_vm *vm)
{
	struct timespec deadline = deadline_in(COMPLETED_WAIT_NS);

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
	if (note.result < 0 && vm->refusal.code) {
		note.result = -vm->refusal.code;
		note.err = vm->refusal;
	}
	(void)pthread_mutex_unlock(&vm->lock);
	sk_vm_note(vm, &note);
	return NULL;
}

static int start_threads(struct sk_vm *vm, struct sk_err *err)
{
	int r = pthread_create(&vm->stats_thread, NULL, stats_main, vm);

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

int sk_vm_job_start(struct sk_vm *vm, const struct sk_vm_job *job, struct sk_err *err)
{
	int r;

	r = sk_vm_host_find(vm->end[SK_SIDE_SOURCE].host, vm->ends.guest, &vm->domain,
			    err);
	if (r < 0)
		return r;
	vm->job = *job;
	return start_threads(vm, err);
}

static void join_threads(struct sk_vm *vm)
{
	if (!vm->is_started)
		return;
	(void)pthread_join(vm->job_thread, NULL);
	(void)pthread_join(vm->stats_thread, NULL);
	vm->is_started = false;
}

/* A libvirtd that was started anew knows its guests, but not this connection. */
static int connect_anew(struct sk_vm_end *end, struct sk_err *err)
{
	struct sk_vm_host *host = NULL;
	struct sk_vm_look look;
	int r;

	if (virConnectIsAlive(end->host->conn) == 1)
		return 0;
	/* First in a time that is known: one that is away is waited for by TCP for minutes. */
	r = sk_vm_look(end->host->uri, end->vm->ends.guest, LOOK_MS, &look, err);
	if (r == 0)
		r = sk_vm_host_open(end->host->uri, &host, err);
	if (r < 0)
		return r;
	sk_vm_events_deregister(end);
	if (end->side == SK_SIDE_SOURCE)
		sk_vm_domain_unref(sk_steal(&end->vm->domain));
	sk_vm_host_free(end->host);
	end->host = host;
	return sk_vm_events_register(end, err);
}

int sk_vm_job_resume(struct sk_vm *vm, const struct sk_vm_job *job, struct sk_err *err)
{
	int r = 0;

	join_threads(vm);
	/* A call under way uses the connections. */
	if (!sk_vm_steer_wait(vm))
		return sk_err_set(err, EAGAIN, "the hypervisor does not answer");
	for (int side = SK_SIDE_SOURCE; side <= SK_SIDE_DESTINATION && r == 0; side++)
		r = connect_anew(&vm->end[side], err);
	if (r == 0 && !vm->domain)
		r = sk_vm_host_find(vm->end[SK_SIDE_SOURCE].host, vm->ends.guest,
				    &vm->domain, err);
	if (r < 0)
		return r;
	if (job) {
		vm->job = *job;
		vm->is_active = true;
	}
	vm->is_resume = true;
	vm->is_over = false;
	vm->has_completed = false;
	return start_threads(vm, err);
}

void sk_vm_job_join(struct sk_vm *vm)
{
	join_threads(vm);
	/* The second monitor takes one client at a time: now others may ask it. */
	if (sk_vm_steer_wait(vm))
		sk_qmp_free(sk_steal(&vm->urgent));
}
