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

static void test_which_migrations_are_meant(void **state)
{
	static const struct {
		struct sk_migration_which which;
		bool in_lab, elsewhere, asks;
	} cases[] = {
		{{NULL, NULL, NULL}, true, true, false},
		{{"g1", NULL, NULL}, true, true, false},
		{{"g2", NULL, NULL}, false, false, false},
		{{"g1", "two", NULL}, true, false, false},
		{{"g1", "one", NULL}, false, false, false},
		{{NULL, NULL, "a"}, true, false, false},
		{{NULL, "two", "b"}, false, false, false},
		{{NULL, "two", "qemu+ssh://h/system"}, false, false, false},
		{{NULL, NULL, "qemu+ssh://h/system"}, false, true, true},
		{{NULL, NULL, "qemu:///system"}, false, false, true},
	};
	sk_auto(sk_json_free) struct sk_json *in_lab = sk_json_new_object();
	sk_auto(sk_json_free) struct sk_json *elsewhere = sk_json_new_object();

	(void)state;
	sk_json_set_str(in_lab, "guest", "g1");
	sk_json_set_str(in_lab, "lab", "two");
	sk_json_set_str(in_lab, "from", "qemu+unix:///system?socket=/proc/7/root/sock");
	sk_json_set_str(in_lab, "from_name", "a");
	sk_json_set_str(elsewhere, "guest", "g1");
	sk_json_set_str(elsewhere, "lab", NULL);
	sk_json_set_str(elsewhere, "from", "qemu+ssh://h/system");
	sk_json_set_str(elsewhere, "from_name", "qemu+ssh://h/system");
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++)
		if (sk_jobs_is_meant(in_lab, &cases[i].which) != cases[i].in_lab ||
		    sk_jobs_is_meant(elsewhere, &cases[i].which) != cases[i].elsewhere ||
		    sk_jobs_is_at_uri(&cases[i].which) != cases[i].asks)
			fail_msg("case %zu", i);
}

/* Whoever connects a post-copy anew must not do so in plain text. */
static void test_a_record_keeps_how_the_memory_travels(void **state)
{
	char dir[] = "/tmp/skiff-jobs-XXXXXX";
	struct sk_home home = {.root = mkdtemp(dir)};
	struct sk_migrate_opts opts = {.guest = "g1",
				       .from = "qemu+ssh://a/system",
				       .to = "qemu+ssh://b/system",
				       .transfer = {.p2p = true,
						    .p2p_uri = "qemu+tls://b/system",
						    .tls = true,
						    .tls_destination = "b.example",
						    .migrate_uri = "tcp://10.0.0.2"},
				       .home = &home};
	struct sk_job_record record = SK_JOB_RECORD_INIT;
	sk_auto(sk_json_free) struct sk_json *read = NULL;
	sk_autofree char *file = NULL;
	struct sk_transfer_opts got;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	home.root_fd = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	assert_int_equal(sk_jobs_begin(&opts, &record, &err), 0);
	file = sk_strf("%s.json", record.id);
	assert_int_equal(sk_json_load(record.dir_fd, file, &read, &err), 0);
	sk_jobs_transfer(read, &got);
	assert_true(got.tls && got.p2p);
	assert_false(got.insecure_plaintext);
	assert_string_equal(got.p2p_uri, "qemu+tls://b/system");
	assert_string_equal(got.tls_destination, "b.example");
	assert_string_equal(got.migrate_uri, "tcp://10.0.0.2");
	assert_null(got.listen_address);
	sk_jobs_end(&record);
	assert_int_equal(unlinkat(home.root_fd, "migrations", AT_REMOVEDIR), 0);
	(void)close(home.root_fd);
	assert_int_equal(rmdir(dir), 0);
}

/* Two labs may each have a guest of that name; what a record says is not guessed. */
static void test_a_guest_of_two_places_is_not_guessed(void **state)
{
	char dir[] = "/tmp/skiff-jobs-XXXXXX";
	struct sk_home home = {.root = mkdtemp(dir)};
	struct sk_migrate_opts one = {.guest = "g1",
				      .lab = "one",
				      .from = "qemu+unix:///system?socket=/proc/0/x",
				      .from_name = "a",
				      .to = "qemu+unix:///system?socket=/proc/0/y",
				      .to_name = "b",
				      .home = &home};
	struct sk_migrate_opts two = one;
	struct sk_migration_which which = {.guest = "g1"};
	struct sk_job_record first = SK_JOB_RECORD_INIT, second = SK_JOB_RECORD_INIT;
	struct sk_attend_opts attend = {.phase = NULL};
	sk_auto(sk_json_free) struct sk_json *list = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	two.lab = "two";
	two.from = "qemu+unix:///system?socket=/proc/0/z";
	home.root_fd = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	assert_int_equal(sk_jobs_begin(&one, &first, &err), 0);
	assert_int_equal(sk_jobs_begin(&two, &second, &err), 0);
	assert_int_equal(sk_migration_attach(&home, &which, &attend, &err), -ENOTUNIQ);
	assert_non_null(strstr(err.msg, "'a' of lab one"));
	assert_non_null(strstr(err.msg, "'a' of lab two"));
	assert_string_equal(err.hint,
			    "say which one is meant: --lab NAME, or --from HOST");
	assert_int_equal(sk_migration_abort(&home, &which, &err), -ENOTUNIQ);
	which.lab = "two";
	/* It is found, and led by this process. */
	assert_int_equal(sk_migration_attach(&home, &which, &attend, &err), -EBUSY);
	assert_int_equal(sk_migration_list(&home, &which, &list, &err), 0);
	assert_int_equal(sk_json_len(list), 1);
	assert_string_equal(sk_json_str(sk_json_path(sk_json_at(list, 0), "lab"), ""),
			    "two");
	which.lab = "three";
	assert_int_equal(sk_migration_attach(&home, &which, &attend, &err), -ENOENT);
	assert_string_equal(err.msg,
			    "no migration of guest 'g1' is under way in lab three");
	sk_jobs_end(&first);
	sk_jobs_end(&second);
	assert_int_equal(unlinkat(home.root_fd, "migrations", AT_REMOVEDIR), 0);
	(void)close(home.root_fd);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_became_of_a_migration_is_told_from_both_ends),
		cmocka_unit_test(test_a_guest_is_migrated_once_at_a_time),
		cmocka_unit_test(test_which_migrations_are_meant),
		cmocka_unit_test(test_a_record_keeps_how_the_memory_travels),
		cmocka_unit_test(test_a_guest_of_two_places_is_not_guessed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
