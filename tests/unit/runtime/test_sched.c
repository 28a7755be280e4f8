// SPDX-License-Identifier: Apache-2.0
/* test_sched - what the kernel says of a process after its scheduler and the like were set
 *
 * Each case sets in a child, which asks the kernel and reports what it finds.
 */
#include <errno.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/str.h"
#include "lib/trial.h"
#include "runtime/sandbox/child.h"

#define NOBODY 65534

/* struct attempt - A child of @spec; @check tells what is wrong with what came of it */
struct attempt {
	struct sk_spec spec;
	bool is_further, as_nobody, on_first_cpu;
	int (*check)(struct sk_err *err);
};

static void first_cpu(cpu_set_t *ret)
{
	cpu_set_t own;

	CPU_ZERO(ret);
	if (sched_getaffinity(0, sizeof(own), &own) < 0)
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &own)) {
			CPU_SET(cpu, ret);
			return;
		}
}

static int set_and_check(const void *ctx, struct sk_err *err)
{
	const struct attempt *a = ctx;
	struct sk_child c = {.spec = &a->spec, .is_further = a->is_further};
	const struct rlimit none = {0, 0};
	cpu_set_t one;
	int r;

	first_cpu(&one);
	if (a->on_first_cpu && sched_setaffinity(0, sizeof(one), &one) < 0)
		return sk_err_errno(err, "run on one CPU");
	if (a->as_nobody &&
	    (setrlimit(RLIMIT_NICE, &none) < 0 || (geteuid() == 0 && setuid(NOBODY) < 0)))
		return sk_err_errno(err, "become nobody");
	r = sk_child_sched(&c, err);
	return r < 0 || !a->check ? r : a->check(err);
}

static void assert_attempt(const struct attempt *a)
{
	struct sk_err err = SK_ERR_INIT;

	if (sk_trial_run(set_and_check, a, &err) != 0)
		fail_msg("%s", err.msg);
}

static int is_batch_and_nice(struct sk_err *err)
{
	int policy = sched_getscheduler(0), nice = getpriority(PRIO_PROCESS, 0);

	if (policy != SCHED_BATCH || nice != 7)
		return sk_err_set(err, EPROTO, "policy %d, nice %d", policy, nice);
	return 0;
}

static void test_scheduler_and_nice_value_are_the_kernels(void **state)
{
	(void)state;
	assert_attempt(&(struct attempt){
		.spec.process.scheduler = {.is_set = true,
					   .policy = SCHED_BATCH,
					   .nice = 7},
		.check = is_batch_and_nice,
	});
}

static int forgets_at_fork(struct sk_err *err)
{
	int policy = sched_getscheduler(0);

	if (policy != (SCHED_IDLE | SCHED_RESET_ON_FORK))
		return sk_err_set(err, EPROTO, "policy 0x%x", (unsigned int)policy);
	return 0;
}

static void test_flags_of_the_scheduler_are_handed_on(void **state)
{
	(void)state;
	assert_attempt(&(struct attempt){
		.spec.process.scheduler = {.is_set = true,
					   .policy = SCHED_IDLE,
					   .flags = 1}, /* SCHED_FLAG_RESET_ON_FORK */
		.check = forgets_at_fork,
	});
}

static void test_scheduler_that_is_refused_is_told_with_what_it_needs(void **state)
{
	struct attempt a = {
		.spec.process.scheduler = {.is_set = true,
					   .policy = SCHED_FIFO,
					   .priority = 10},
		.as_nobody = true,
	};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_trial_run(set_and_check, &a, &err), -EPERM);
	assert_string_equal(
		err.msg,
		"set scheduling policy 1 (nice 0, priority 10): Operation not permitted");
	assert_non_null(strstr(err.hint, "CAP_SYS_NICE"));
	a.spec.process.scheduler.policy = 77;
	assert_int_equal(sk_trial_run(set_and_check, &a, &err), -EINVAL);
	assert_string_equal(
		err.msg,
		"set scheduling policy 77 (nice 0, priority 10): Invalid argument");
	assert_string_equal(err.hint, "");
}

static int has_io_priority(struct sk_err *err)
{
	long found = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);

	if (found != IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 6))
		return sk_err_set(err, EPROTO, "I/O priority 0x%lx", found);
	return 0;
}

static void test_io_priority_is_the_kernels(void **state)
{
	struct attempt a = {
		.spec.process = {.has_io_priority = true,
				 .io_priority = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 6)},
		.check = has_io_priority,
	};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_attempt(&a);
	a.spec.process.io_priority = IOPRIO_PRIO_VALUE(7, 0);
	assert_int_equal(sk_trial_run(set_and_check, &a, &err), -EINVAL);
	assert_string_equal(err.msg, "set I/O priority 0xe000: Invalid argument");
}

static int count_cpus(void)
{
	cpu_set_t own;

	return sched_getaffinity(0, sizeof(own), &own) < 0 ? -1 : CPU_COUNT(&own);
}

static int has_one_cpu(struct sk_err *err)
{
	cpu_set_t own, one;

	first_cpu(&one);
	if (sched_getaffinity(0, sizeof(own), &own) < 0 || !CPU_EQUAL(&own, &one))
		return sk_err_set(err, EPROTO, "%d CPUs", count_cpus());
	return 0;
}

/* As many as a process gets that asks for all. */
static int has_all_cpus(struct sk_err *err)
{
	int found = count_cpus();
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	if (sched_setaffinity(0, sizeof(all), &all) < 0)
		return sk_err_errno(err, "run on all CPUs");
	if (found != count_cpus())
		return sk_err_set(err, EPROTO, "%d CPUs of %d", found, count_cpus());
	return 0;
}

static void need_cpus(void)
{
	if (count_cpus() < 2) {
		print_message("one CPU only\n");
		skip();
	}
}

static void test_container_runs_on_all_cpus_whatever_its_creator_had(void **state)
{
	(void)state;
	need_cpus();
	assert_attempt(&(struct attempt){.spec.is_oci = true,
					 .on_first_cpu = true,
					 .check = has_all_cpus});
	/* not one of `skiff run`, which inherits them as any program does */
	assert_attempt(&(struct attempt){.on_first_cpu = true, .check = has_one_cpu});
}

static void test_further_process_runs_on_its_final_cpus(void **state)
{
	sk_autofree char *list = NULL;
	cpu_set_t one;
	int cpu = 0;

	(void)state;
	need_cpus();
	first_cpu(&one);
	while (!CPU_ISSET(cpu, &one))
		cpu++;
	list = sk_strf("%d", cpu);
	assert_attempt(&(struct attempt){
		.spec = {.is_oci = true, .process.cpus_final = list},
		.is_further = true,
		.check = has_one_cpu,
	});
	/* those at first stay when there are no final ones */
	assert_attempt(&(struct attempt){
		.spec = {.is_oci = true, .process.cpus_initial = list},
		.is_further = true,
		.on_first_cpu = true,
		.check = has_one_cpu,
	});
}

static int run_on(const void *cpus, struct sk_err *err)
{
	return sk_sched_set_cpus(cpus, err);
}

static void test_cpus_that_cannot_be_are_told(void **state)
{
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_trial_run(run_on, NULL, &err), 0);
	assert_int_equal(sk_trial_run(run_on, "0-", &err), -EINVAL);
	assert_string_equal(err.msg, "'0-' is not a list of CPUs");
	assert_int_equal(sk_trial_run(run_on, "8192", &err), -ERANGE);
	assert_string_equal(err.msg, "'8192' is not a list of CPUs");
	assert_int_equal(sk_trial_run(run_on, "8191", &err), -EINVAL);
	assert_string_equal(err.msg, "run on the CPUs 8191: Invalid argument");
}

static int is_bound_to_node_0(struct sk_err *err)
{
	unsigned long nodes[SK_SPEC_MAX_NODES / 64] = {0};
	int mode = -1;

	if (syscall(SYS_get_mempolicy, &mode, nodes, SK_SPEC_MAX_NODES, NULL, 0) < 0)
		return sk_err_errno(err, "get the memory policy");
	if (mode != MPOL_BIND || nodes[0] != 1)
		return sk_err_set(err, EPROTO, "mode %d, nodes 0x%lx", mode, nodes[0]);
	return 0;
}

static void test_memory_policy_is_the_kernels(void **state)
{
	struct attempt a = {
		.spec.process.memory_policy = {.is_set = true,
					       .mode = MPOL_BIND,
					       .nodes = {1}},
		.check = is_bound_to_node_0,
	};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	if (syscall(SYS_get_mempolicy, NULL, NULL, 0, NULL, 0) < 0 && errno == ENOSYS) {
		assert_int_equal(sk_trial_run(set_and_check, &a, &err), -ENOSYS);
		assert_string_equal(err.msg,
				    "set memory policy 0x2: Function not implemented");
		return;
	}
	assert_attempt(&a);
	a.spec.process.memory_policy.nodes[0] = 0; /* to no node at all */
	assert_int_equal(sk_trial_run(set_and_check, &a, &err), -EINVAL);
	assert_string_equal(err.msg, "set memory policy 0x2: Invalid argument");
}

static int is_32_bit(struct sk_err *err)
{
	int found = personality(0xffffffff);

	return found == PER_LINUX32 ? 0 : sk_err_set(err, EPROTO, "0x%x", found);
}

static void test_personality_is_the_kernels(void **state)
{
	(void)state;
	assert_attempt(&(struct attempt){
		.spec.process = {.has_personality = true, .personality = PER_LINUX32},
		.check = is_32_bit,
	});
}

static int has_changed_nothing(struct sk_err *err)
{
	int policy = sched_getscheduler(0), nice = getpriority(PRIO_PROCESS, 0);

	if (policy != SCHED_OTHER || nice != 0 || personality(0xffffffff) != PER_LINUX)
		return sk_err_set(err, EPROTO, "policy %d, nice %d", policy, nice);
	return 0;
}

static void test_what_is_not_asked_for_stays(void **state)
{
	(void)state;
	if (sched_getscheduler(0) != SCHED_OTHER || getpriority(PRIO_PROCESS, 0) != 0)
		skip();
	assert_attempt(
		&(struct attempt){.spec.is_oci = true, .check = has_changed_nothing});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scheduler_and_nice_value_are_the_kernels),
		cmocka_unit_test(test_flags_of_the_scheduler_are_handed_on),
		cmocka_unit_test(
			test_scheduler_that_is_refused_is_told_with_what_it_needs),
		cmocka_unit_test(test_io_priority_is_the_kernels),
		cmocka_unit_test(
			test_container_runs_on_all_cpus_whatever_its_creator_had),
		cmocka_unit_test(test_further_process_runs_on_its_final_cpus),
		cmocka_unit_test(test_cpus_that_cannot_be_are_told),
		cmocka_unit_test(test_memory_policy_is_the_kernels),
		cmocka_unit_test(test_personality_is_the_kernels),
		cmocka_unit_test(test_what_is_not_asked_for_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
