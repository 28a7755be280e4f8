// SPDX-License-Identifier: Apache-2.0
/* The spec of `skiff run`: what options become, and what is refused before anything is made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/mount.h>
#include <string.h>

#include "lib/str.h"
#include "runtime/spec/spec.h"

static char *const lowers[] = {(char *)"/layer", NULL};
static char *const args[] = {(char *)"true", NULL};

static struct sk_run_opts usual_opts(void)
{
	return (struct sk_run_opts){.lowers = lowers,
				    .args = args,
				    .cgroup_path = "skiff/web"};
}

static struct sk_spec *make(const struct sk_run_opts *opts)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_spec *spec = NULL;

	if (sk_spec_from_opts(opts, "web", false, &spec, &err) < 0)
		fail_msg("%s", err.msg);
	return spec;
}

static int refuse(const struct sk_run_opts *opts, bool is_rootless, struct sk_err *err)
{
	struct sk_spec *spec = NULL;
	int r = sk_spec_from_opts(opts, "web", is_rootless, &spec, err);

	assert_null(spec);
	return r;
}

static const struct sk_spec_mount *mount_at(const struct sk_spec *spec,
					    const char *target)
{
	const struct sk_spec_mount *found = NULL;

	for (size_t i = 0; i < spec->nr_mounts; i++)
		if (strcmp(spec->mounts[i].target, target) == 0)
			found = &spec->mounts[i];
	return found;
}

static void test_defaults_isolate_everything_but_time(void **state)
{
	struct sk_run_opts opts = usual_opts();
	sk_auto(sk_spec_free) struct sk_spec *spec = make(&opts);

	(void)state;
	for (int i = 0; i < SK_NS_COUNT; i++)
		assert_int_equal(spec->ns[i].is_new, i != SK_NS_TIME);
	assert_true(spec->no_new_privs && spec->seccomp && spec->idmap_layers);
	assert_int_equal(spec->caps, SK_SPEC_CAPS_DEFAULT);
	assert_int_equal(spec->limits.pids_max, 1024);
	assert_string_equal(spec->hostname, "web");
	assert_string_equal(spec->cgroup_path, "skiff/web");
	assert_int_equal(spec->nr_uids, 1);
	assert_int_equal(spec->uids[0].size, 65536);
	assert_true(mount_at(spec, "/sys")->attr_set & MOUNT_ATTR_RDONLY);
	assert_true(sk_strv_has(spec->masked, "/proc/kcore"));
	assert_int_equal(sk_spec_check(spec, NULL), 0);
}

static void test_privileged_masks_nothing_and_needs_the_hosts_ids(void **state)
{
	struct sk_run_opts opts = usual_opts();
	sk_auto(sk_spec_free) struct sk_spec *spec = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	opts.privileged = true;
	assert_int_equal(refuse(&opts, false, &err), -EINVAL);
	assert_string_equal(err.hint, "add '--userns host'");
	opts.userns = SK_USERNS_HOST;
	spec = make(&opts);
	assert_true(spec->host_dev && spec->cgroup_writable);
	assert_false(spec->seccomp || spec->no_new_privs);
	assert_null(spec->masked);
	assert_true(mount_at(spec, "/dev/mqueue")->no_create);
}

static void test_later_variables_win_over_earlier_ones(void **state)
{
	static char *const image_env[] = {(char *)"PATH=/image", (char *)"A=1", NULL};
	static char *const own_env[] = {(char *)"A=2", (char *)"B=x=y",
					(char *)"UNSET_HERE", NULL};
	struct sk_run_opts opts = usual_opts();
	sk_auto(sk_spec_free) struct sk_spec *spec = NULL;

	(void)state;
	opts.image_env = image_env;
	opts.env = own_env;
	spec = make(&opts);
	assert_true(sk_strv_has(spec->env, "PATH=/image"));
	assert_true(sk_strv_has(spec->env, "A=2"));
	assert_true(sk_strv_has(spec->env, "B=x=y"));
	assert_false(sk_strv_has(spec->env, "A=1"));
	assert_int_equal(sk_strv_len(spec->env), 4); /* and container=skiff */
}

static void test_volumes_are_bound_with_their_owners_kept(void **state)
{
	static char *const volumes[] = {(char *)"/usr:/data:ro", (char *)"/etc:/etc2",
					NULL};
	struct sk_run_opts opts = usual_opts();
	sk_auto(sk_spec_free) struct sk_spec *spec = NULL;

	(void)state;
	opts.volumes = volumes;
	spec = make(&opts);
	assert_string_equal(mount_at(spec, "/data")->source, "/usr");
	assert_true(mount_at(spec, "/data")->attr_set & MOUNT_ATTR_RDONLY);
	assert_true(mount_at(spec, "/data")->is_idmapped);
	assert_null(mount_at(spec, "/data")->fstype);
	assert_int_equal(mount_at(spec, "/etc2")->attr_set, 0);
}

static void test_bad_volumes_are_refused_with_the_reason(void **state)
{
	static const struct {
		const char *volume, *text;
	} cases[] = {
		{"/usr", "volume '/usr' is not of the form SOURCE:/TARGET[:ro]"},
		{"/usr:data",
		 "volume '/usr:data' is not of the form SOURCE:/TARGET[:ro]"},
		{"/usr://", "volume '/usr://' would hide the whole root file system"},
		{":/data", "volume ':/data' is not of the form SOURCE:/TARGET[:ro]"},
		{"/usr:/data:rx",
		 "option 'rx' of volume '/usr:/data:rx' is not known: use ro or rw"},
		{"/no/such:/data",
		 "source '/no/such' of the volume: No such file or directory"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		char *const volumes[] = {(char *)cases[i].volume, NULL};
		struct sk_run_opts opts = usual_opts();
		struct sk_err err = SK_ERR_INIT;

		opts.volumes = volumes;
		assert_int_equal(refuse(&opts, false, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].text);
	}
}

static void test_an_ordinary_user_needs_a_user_namespace(void **state)
{
	struct sk_run_opts opts = usual_opts();
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	opts.userns = SK_USERNS_HOST;
	assert_int_equal(refuse(&opts, true, &err), -EPERM);
	assert_string_equal(err.msg,
			    "only root runs a container without a user namespace");
}

static void check_fails(struct sk_spec *spec, int code, const char *text)
{
	struct sk_err err = SK_ERR_INIT;

	assert_int_equal(sk_spec_check(spec, &err), code);
	assert_string_equal(err.msg, text);
}

static void test_bad_hostnames_are_refused_with_the_reason(void **state)
{
	static const struct {
		const char *name, *text;
	} cases[] = {
		{"", "a hostname must not be empty"},
		{"foo bar",
		 "'foo bar' is not a hostname: use letters, digits, '-', '.' and '_'"},
		{"a\n", "'a\n' is not a hostname: use letters, digits, '-', '.' and '_'"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_run_opts opts = usual_opts();
		sk_auto(sk_spec_free) struct sk_spec *spec = NULL;

		opts.hostname = cases[i].name;
		spec = make(&opts);
		check_fails(spec, -EINVAL, cases[i].text);
	}
}

static void test_check_refuses_what_cannot_be_executed(void **state)
{
	struct sk_run_opts opts = usual_opts();
	sk_auto(sk_spec_free) struct sk_spec *spec = make(&opts);

	(void)state;
	spec->cwd[0] = 'x';
	check_fails(spec, -EINVAL, "working folder 'x' must be an absolute path");
	spec->cwd[0] = '/';
	spec->uids[0].outside = UINT32_MAX - 5;
	check_fails(spec, -ERANGE, "uid map 0 goes beyond the largest id");
	spec->uids[0].outside = 100000;
	spec->ns[SK_NS_UTS].is_new = false;
	check_fails(spec, -EINVAL, "a hostname needs a UTS namespace of its own");
	spec->ns[SK_NS_UTS].is_new = true;
	spec->args[0][0] = '\0';
	check_fails(spec, -EINVAL, "no command to run");
}

static void test_no_command_is_fine_for_an_init_that_only_reaps(void **state)
{
	static char *const none[] = {NULL};
	struct sk_run_opts opts = usual_opts();
	sk_auto(sk_spec_free) struct sk_spec *spec = NULL;

	(void)state;
	opts.args = none;
	opts.init = true;
	spec = make(&opts);
	assert_int_equal(sk_spec_check(spec, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_isolate_everything_but_time),
		cmocka_unit_test(test_privileged_masks_nothing_and_needs_the_hosts_ids),
		cmocka_unit_test(test_later_variables_win_over_earlier_ones),
		cmocka_unit_test(test_volumes_are_bound_with_their_owners_kept),
		cmocka_unit_test(test_bad_volumes_are_refused_with_the_reason),
		cmocka_unit_test(test_bad_hostnames_are_refused_with_the_reason),
		cmocka_unit_test(test_an_ordinary_user_needs_a_user_namespace),
		cmocka_unit_test(test_check_refuses_what_cannot_be_executed),
		cmocka_unit_test(test_no_command_is_fine_for_an_init_that_only_reaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
