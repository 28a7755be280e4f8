// SPDX-License-Identifier: Apache-2.0
/* What a running job is told: each call in a thread of its own, waited for a moment
 *
 * libvirt hands each of them to the hypervisor's monitor, and a monitor may not answer: at the
 * end of a pre-copy over a cut network it does not for minutes. Whoever leads the job must go on
 * all the same, if only to say so. One call is under way at a time: the next one waits a moment for it.
 */
#include <string.h>

#include "lib/clock.h"
#include "migrate/vm/internal.h"

#define ANSWER_NS (1500 * SK_NS_PER_MS)

static void note_call(struct sk_vm *vm, const char *name, uint64_t value)
{
	struct sk_event event = {.kind = SK_EVENT_NOTE, .value = (int64_t)value};

	(void)snprintf(event.name, sizeof(event.name), "%s", name);
	(void)sk_timeline_add(vm->ends.timeline, &event);
}

static void *steer_main(void *arg)
{
	struct sk_vm *vm = arg;
	struct sk_vm_steer *steer = &vm->steer;
	struct sk_err err = SK_ERR_INIT;
	int r = steer->call(vm, steer->arg, &err);

	(void)pthread_mutex_lock(&vm->lock);
	steer->result = r;
	steer->err = err;
	steer->is_done = true;
	steer->is_busy = false;
	(void)pthread_cond_broadcast(&vm->wake);
	(void)pthread_mutex_unlock(&vm->lock);
	return NULL;
}

static int launch(struct sk_vm *vm)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, steer_main, vm);

	if (r == 0)
		(void)pthread_detach(thread);
	return -r;
}

/* Under the lock: until the call has returned, or it takes too long. */
static bool wait_answer(struct sk_vm *vm, uint64_t ns)
{
	uint64_t end = sk_clock_real() + ns;
	struct timespec deadline = {.tv_sec = (time_t)(end / SK_NS_PER_S),
				    .tv_nsec = (long)(end % SK_NS_PER_S)};

	while (vm->steer.is_busy)
		if (pthread_cond_timedwait(&vm->wake, &vm->lock, &deadline) != 0)
			break;
	return !vm->steer.is_busy;
}

int sk_vm_steer(struct sk_vm *vm,
		int (*call)(struct sk_vm *vm, uint64_t arg, struct sk_err *err),
		uint64_t arg, struct sk_err *err)
{
	struct sk_vm_steer *steer = &vm->steer;
	int r;

	(void)pthread_mutex_lock(&vm->lock);
	if (!wait_answer(vm, ANSWER_NS)) {
		r = sk_err_set(err, EALREADY,
			       "the hypervisor has not answered what it was told before");
	} else {
		*steer = (struct sk_vm_steer){.call = call, .arg = arg, .is_busy = true};
		r = launch(vm);
		if (r < 0) {
			steer->is_busy = false;
			r = sk_err_code(err, r, "start a thread");
		} else if (!wait_answer(vm, ANSWER_NS)) {
			r = sk_err_set(err, ETIMEDOUT, "the hypervisor does not answer");
		} else {
			r = steer->result;
			if (r < 0 && err)
				*err = steer->err;
		}
	}
	(void)pthread_mutex_unlock(&vm->lock);
	return r;
}

bool sk_vm_steer_wait(struct sk_vm *vm)
{
	bool is_idle;

	(void)pthread_mutex_lock(&vm->lock);
	is_idle = wait_answer(vm, ANSWER_NS);
	(void)pthread_mutex_unlock(&vm->lock);
	return is_idle;
}

static int call_abort(struct sk_vm *vm, uint64_t flags, struct sk_err *err)
{
	if (virDomainAbortJobFlags(vm->domain, (unsigned int)flags) < 0)
		return sk_vm_error(err, "abort the migration of '%s'", vm->ends.guest);
	return 0;
}

int sk_vm_abort(struct sk_vm *vm, struct sk_err *err)
{
	note_call(vm, "virDomainAbortJob", 0);
	return sk_vm_steer(vm, call_abort, 0, err);
}

int sk_vm_abort_postcopy(struct sk_vm *vm, struct sk_err *err)
{
	note_call(vm, "virDomainAbortJobFlags(post-copy)", 0);
	return sk_vm_steer(vm, call_abort, VIR_DOMAIN_ABORT_JOB_POSTCOPY, err);
}

static int call_start_postcopy(struct sk_vm *vm, uint64_t arg, struct sk_err *err)
{
	struct sk_event event = {.kind = SK_EVENT_POSTCOPY_RETURN};
	int r = 0;

	(void)arg;
	if (virDomainMigrateStartPostCopy(vm->domain, 0) < 0)
		r = sk_vm_error(err, "switch to post-copy");
	event.value = r;
	(void)sk_timeline_add(vm->ends.timeline, &event);
	return r;
}

int sk_vm_start_postcopy(struct sk_vm *vm, struct sk_err *err)
{
	struct sk_event event = {.kind = SK_EVENT_POSTCOPY_CALL,
				 .name = "virDomainMigrateStartPostCopy"};

	(void)sk_timeline_add(vm->ends.timeline, &event);
	return sk_vm_steer(vm, call_start_postcopy, 0, err);
}

static int call_max_downtime(struct sk_vm *vm, uint64_t ms, struct sk_err *err)
{
	if (virDomainMigrateSetMaxDowntime(vm->domain, ms, 0) < 0)
		return sk_vm_error(err, "set the downtime that is allowed");
	return 0;
}

int sk_vm_set_max_downtime(struct sk_vm *vm, uint64_t ms, struct sk_err *err)
{
	note_call(vm, "virDomainMigrateSetMaxDowntime", ms);
	return sk_vm_steer(vm, call_max_downtime, ms, err);
}

static int call_bandwidth(struct sk_vm *vm, uint64_t mib, struct sk_err *err)
{
	if (virDomainMigrateSetMaxSpeed(vm->domain, mib, 0) < 0)
		return sk_vm_error(err, "set the bandwidth");
	return 0;
}

int sk_vm_set_bandwidth(struct sk_vm *vm, uint64_t bits, struct sk_err *err)
{
	const uint64_t mib_bits = 8ull << 20;

	note_call(vm, "virDomainMigrateSetMaxSpeed", bits);
	return sk_vm_steer(vm, call_bandwidth, (bits + mib_bits - 1) / mib_bits, err);
}

static int call_suspend(struct sk_vm *vm, uint64_t arg, struct sk_err *err)
{
	(void)arg;
	if (virDomainSuspend(vm->domain) < 0)
		return sk_vm_error(err, "suspend guest '%s'", vm->ends.guest);
	return 0;
}

int sk_vm_suspend(struct sk_vm *vm, struct sk_err *err)
{
	note_call(vm, "virDomainSuspend", 0);
	return sk_vm_steer(vm, call_suspend, 0, err);
}
