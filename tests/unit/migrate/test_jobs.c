// SPDX-License-Identifier: Apache-2.0
/* test_jobs - records of migrations, and what became of those without a leader */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "migrate/strategy/jobs.h"

static void test_what_became_of_a_migration_is_told_from_both_ends(void **state)
{
	static const struct {
		enum sk_vm_state here, there;
		bool has_job, is_postcopy;
		enum sk_job_fate fate;
	} cases[] = {
		{SK_VM_RUNNING, SK_VM_GONE, false, false, SK_JOB_ABORTED},
		{SK_VM_RUNNING, SK_VM_PAUSED, true, false, SK_JOB_GOES_ON},
		{SK_VM_PAUSED, SK_VM_PAUSED, true, false, SK_JOB_GOES_ON},
		{SK_VM_PAUSED, SK_VM_GONE, false, false, SK_JOB_STOPPED},
		{SK_VM_PAUSED, SK_VM_RUNNING, false, false, SK_JOB_LEFTOVER},
		{SK_VM_PAUSED, SK_VM_RUNNING, true, true, SK_JOB_GOES_ON},
		{SK_VM_PAUSED, SK_VM_RUNNING, false, true, SK_JOB_GOES_ON},
		{SK_VM_PAUSED, SK_VM_GONE, false, true, SK_JOB_LOST},
		{SK_VM_PAUSED, SK_VM_GONE, true, true, SK_JOB_LOST},
		{SK_VM_GONE, SK_VM_RUNNING, false, false, SK_JOB_ARRIVED},
		{SK_VM_GONE, SK_VM_RUNNING, false, true, SK_JOB_ARRIVED},
		{SK_VM_GONE, SK_VM_GONE, false, false, SK_JOB_ENDED},
		/* Never started, never ended by us: */
		{SK_VM_PAUSED, SK_VM_PAUSED, false, false, SK_JOB_SPLIT},
		{SK_VM_RUNNING, SK_VM_RUNNING, false, false, SK_JOB_SPLIT},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_vm_look here = {.state = cases[i].here,
					  .has_job = cases[i].has_job};
		struct sk_vm_look there = {.state = cases[i].there};

		if (sk_jobs_judge(&here, &there, cases[i].is_postcopy) != cases[i].fate)
			fail_msg("case %zu", i);
	}
}

static void test_a_guest_is_migrated_once_at_a_time(void **state)
{
	char dir[] = "/tmp/skiff-jobs-XXXXXX";
	struct sk_home home = {.root = mkdtemp(dir)};
	struct sk_migrate_opts opts = {.guest = "g/1",
				       .from = "qemu+ssh://a/system",
				       .to = "qemu+ssh://b/system",
				       .home = &home};
	struct sk_migrate_opts elsewhere = opts;
	struct sk_job_record one = SK_JOB_RECORD_INIT, two = SK_JOB_RECORD_INIT;
	struct sk_job_record other = SK_JOB_RECORD_INIT;
	sk_autofree char *wanted = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	elsewhere.from = "qemu+ssh://c/system";
	home.root_fd = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	assert_int_equal(sk_jobs_begin(&opts, &one, &err), 0);
	assert_int_equal(sk_jobs_begin(&opts, &two, &err), -EBUSY);
	wanted = sk_strf("record the migration: guest 'g/1' is being migrated to "
			 "'qemu+ssh://b/system' already, by process %d",
			 getpid());
	assert_string_equal(err.msg, wanted);
	assert_int_equal(two.lock_fd, -1);
	assert_int_equal(sk_jobs_begin(&elsewhere, &other, &err), 0);
	sk_jobs_phase(&one, "post-copy");
	sk_jobs_end(&one);
	assert_int_equal(sk_jobs_begin(&opts, &two, &err), 0);
	sk_jobs_end(&two);
	sk_jobs_end(&other);
	assert_int_equal(unlinkat(home.root_fd, "migrations", AT_REMOVEDIR), 0);
	(void)close(home.root_fd);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_became_of_a_migration_is_told_from_both_ends),
		cmocka_unit_test(test_a_guest_is_migrated_once_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
