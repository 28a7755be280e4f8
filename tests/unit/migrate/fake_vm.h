/* SPDX-License-Identifier: Apache-2.0 */
/* fake_vm - a struct sk_vm_ops that gives notes from a script and counts what it is asked for */
#ifndef SK_TEST_FAKE_VM_H
#define SK_TEST_FAKE_VM_H

#include <errno.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "migrate/strategy/strategy.h"

#define SILENCE ((enum sk_vm_note_kind)99) /* in a script: value rounds without a note */

/** struct sk_vm - The fake: notes to give, answers to give, and what was asked of it */
struct sk_vm {
	const struct sk_vm_note *notes; /* ended by one of SK_VM_NOTE_ENDED */
	size_t next;
	enum sk_vm_state here, there;
	int postcopy_result, abort_failures; /* this many aborts fail first */
	volatile int interrupted;
	size_t interrupt_at; /* before this note; 0 never */
	bool ends_on_abort;

	struct sk_vm_job job;
	uint64_t max_downtime_ms;
	uint64_t timeout_ns;
	enum sk_timeout_action timeout_action;
	uint64_t now_ns, step_ns; /* the clock, and what each round takes */
	int nr_postcopy, nr_abort, nr_resume, nr_suspend, nr_broken, nr_joined;
	int nr_rescue, nr_parted;
	bool can_rescue;
	bool is_deaf;		/* the destination, until it is told */
	int silent_there;	/* this many questions its libvirtd does not answer */
	int join_failures;	/* this many times a post-copy cannot be resumed */
	int interrupt_twice_at; /* before this note, by a second Ctrl-C; 0 never */
	size_t postcopy_at;
	int64_t silent;
	bool is_aborted;
	char announced[256];
	struct sk_timeline *timeline;
};

static int fake_start(struct sk_vm *vm, const struct sk_vm_job *job, struct sk_err *err)
{
	(void)err;
	vm->job = *job;
	return 0;
}

static int fake_next(struct sk_vm *vm, unsigned int timeout_ms, struct sk_vm_note *ret)
{
	(void)timeout_ms;
	vm->now_ns += vm->step_ns;
	if (vm->is_aborted && vm->ends_on_abort) {
		*ret = (struct sk_vm_note){.kind = SK_VM_NOTE_ENDED,
					   .result = -EIO,
					   .err = {.code = EIO, .msg = "aborted"}};
		return 0;
	}
	if (vm->interrupt_at && vm->next == vm->interrupt_at)
		vm->interrupted = 1;
	if (vm->interrupt_twice_at && (int)vm->next == vm->interrupt_twice_at)
		vm->interrupted = 2;
	/* A silent round, as often as the script says. */
	if (vm->notes[vm->next].kind == SILENCE &&
	    vm->silent++ < vm->notes[vm->next].value)
		return -ETIMEDOUT;
	if (vm->notes[vm->next].kind == SILENCE) {
		vm->silent = 0;
		vm->next++;
		return -ETIMEDOUT;
	}
	*ret = vm->notes[vm->next++];
	if (ret->job.real_ns) /* it comes at a time of its own */
		vm->now_ns = ret->job.real_ns;
	return 0;
}

static uint64_t fake_clock(struct sk_vm *vm)
{
	return SK_NS_PER_S + vm->now_ns;
}

static int fake_abort_postcopy(struct sk_vm *vm, struct sk_err *err)
{
	(void)err;
	vm->nr_broken++;
	return 0;
}

static int fake_resume_postcopy(struct sk_vm *vm, const struct sk_vm_job *job,
				struct sk_err *err)
{
	if (job)
		vm->job = *job;
	vm->nr_joined++;
	if (vm->join_failures-- > 0)
		return sk_err_set(err, ECONNREFUSED, "libvirtd is away");
	return 0;
}

static int fake_rescue_open(struct sk_vm *vm, struct sk_err *err)
{
	(void)vm;
	(void)err;
	return 0;
}

static void fake_rescue_close(struct sk_vm *vm)
{
	(void)vm;
}

static int fake_rescue(struct sk_vm *vm, struct sk_err *err)
{
	vm->nr_rescue++;
	if (vm->is_deaf)
		return sk_err_set(err, EAGAIN, "it has not noticed");
	return vm->can_rescue ? 0 : sk_err_set(err, ENOTSUP, "no second monitor");
}

static int fake_rescue_part(struct sk_vm *vm, struct sk_err *err)
{
	(void)err;
	vm->nr_parted++;
	vm->is_deaf = false;
	return 0;
}

static int fake_suspend(struct sk_vm *vm, struct sk_err *err)
{
	(void)err;
	vm->nr_suspend++;
	return 0;
}

static int fake_start_postcopy(struct sk_vm *vm, struct sk_err *err)
{
	vm->nr_postcopy++;
	vm->postcopy_at = vm->next;
	if (vm->postcopy_result < 0)
		return sk_err_set(err, -vm->postcopy_result, "switch to post-copy: no");
	return 0;
}

static int fake_abort(struct sk_vm *vm, struct sk_err *err)
{
	vm->nr_abort++;
	if (vm->abort_failures-- > 0)
		return sk_err_set(err, EBUSY, "no job yet");
	vm->is_aborted = true;
	return 0;
}

static int fake_state(struct sk_vm *vm, enum sk_side side, enum sk_vm_state *ret,
		      struct sk_err *err)
{
	if (side == SK_SIDE_DESTINATION && vm->silent_there-- > 0)
		return sk_err_set(err, ECONNREFUSED, "libvirtd is away");
	*ret = side == SK_SIDE_SOURCE ? vm->here : vm->there;
	return 0;
}

static int fake_resume(struct sk_vm *vm, enum sk_side side, struct sk_err *err)
{
	(void)err;
	assert_int_equal(side, SK_SIDE_SOURCE);
	vm->nr_resume++;
	return 0;
}

static int fake_set_max_downtime(struct sk_vm *vm, uint64_t ms, struct sk_err *err)
{
	(void)err;
	vm->max_downtime_ms = ms;
	return 0;
}

static const struct sk_vm_ops fake = {
	.set_max_downtime = fake_set_max_downtime,
	.start = fake_start,
	.next = fake_next,
	.start_postcopy = fake_start_postcopy,
	.abort = fake_abort,
	.state = fake_state,
	.resume = fake_resume,
	.abort_postcopy = fake_abort_postcopy,
	.resume_postcopy = fake_resume_postcopy,
	.suspend = fake_suspend,
	.rescue_open = fake_rescue_open,
	.rescue = fake_rescue,
	.rescue_part = fake_rescue_part,
	.rescue_close = fake_rescue_close,
};

#endif
