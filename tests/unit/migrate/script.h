/* SPDX-License-Identifier: Apache-2.0 */
/* script - notes of a job for struct sk_vm of fake_vm.h, and a session that is led by them */
#ifndef SK_TEST_SCRIPT_H
#define SK_TEST_SCRIPT_H

#include "lib/clock.h"
#include "tests/unit/migrate/fake_vm.h"

static void on_phase(void *ctx, const char *phase, const char *detail)
{
	struct sk_vm *vm = ctx;

	if (!phase)
		(void)snprintf(vm->announced, sizeof(vm->announced), "%s", detail);
}

/* Leads it to its end, as `skiff migrate` does. */
static int run(struct sk_vm *vm, enum sk_mode mode, struct sk_err *err)
{
	struct sk_session session = {
		.ops = &fake,
		.vm = vm,
		.strategy = sk_strategy_find(mode),
		.guest = "g1",
		.transfer.bandwidth_bits = 256000000,
		.phase = on_phase,
		.phase_ctx = vm,
		.interrupted = &vm->interrupted,
		.timeout_ns = vm->timeout_ns,
		.timeout_action = vm->timeout_action,
		.timeline = vm->timeline,
		.clock = fake_clock,
	};

	*err = SK_ERR_INIT;
	return sk_session_run(&session, err);
}

#define ACTIVE                                                                           \
	{                                                                                \
		.kind = SK_VM_NOTE_ACTIVE                                                \
	}
#define PASS(n)                                                                          \
	{                                                                                \
		.kind = SK_VM_NOTE_PASS, .value = (n)                                    \
	}
#define PROGRESS                                                                         \
	{                                                                                \
		.kind = SK_VM_NOTE_PROGRESS, .job = {.memory_total = 100 }               \
	}
#define POSTCOPY                                                                         \
	{                                                                                \
		.kind = SK_VM_NOTE_POSTCOPY                                              \
	}
#define ENDED_WELL                                                                       \
	{                                                                                \
		.kind = SK_VM_NOTE_ENDED                                                 \
	}
#define ENDED_BADLY                                                                      \
	{                                                                                \
		.kind = SK_VM_NOTE_ENDED, .result = -EIO,                                \
		.err = {.code = EIO,                                                     \
			.msg = "the stream broke",                                       \
			.hint = "look at the network" }                                  \
	}
#define ROUND (100 * SK_NS_PER_MS)
#define MOVED(n, left)                                                                   \
	{                                                                                \
		.kind = SK_VM_NOTE_PROGRESS,                                             \
		.job = {.memory_total = 100,                                             \
			.memory_processed = (n),                                         \
			.memory_remaining = (left) }                                     \
	}
#define QUIET(rounds)                                                                    \
	{                                                                                \
		.kind = SILENCE, .value = (rounds)                                       \
	}
#define BROKEN                                                                           \
	{                                                                                \
		.kind = SK_VM_NOTE_POSTCOPY_FAILED                                       \
	}

#endif
