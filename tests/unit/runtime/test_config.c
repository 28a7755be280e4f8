// SPDX-License-Identifier: Apache-2.0
/* OCI config.json: what is executed is read, what is not is an error that names it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/str.h"
#include "runtime/spec/spec.h"

static int read_text(const char *text, struct sk_spec **ret, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	int r = sk_json_parse(text, strlen(text), "config.json", &config, err);

	return r < 0 ? r : sk_spec_from_config(config, "/bundle", "skiff/c1", ret, err);
}

/* The default config with one member added or replaced. */
static int read_changed(const char *parent, const char *key, const char *value,
			struct sk_spec **ret, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *config = sk_oci_default_config();
	struct sk_json *member = NULL;

	assert_int_equal(sk_json_parse(value, strlen(value), "value", &member, err), 0);
	sk_json_set(parent[0] ? sk_json_path(config, parent) : config, key, member);
	return sk_spec_from_config(config, "/bundle", "skiff/c1", ret, err);
}

static void test_the_default_config_is_executed_in_full(void **state)
{
	sk_auto(sk_json_free) struct sk_json *config = sk_oci_default_config();
	sk_auto(sk_spec_free) struct sk_spec *spec = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	if (sk_spec_from_config(config, "/bundle", "skiff/c1", &spec, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(sk_spec_check(spec, NULL), 0);
	assert_string_equal(spec->rootfs, "/bundle/rootfs");
	assert_string_equal(spec->cgroup_path, "skiff/c1");
	assert_true(spec->read_only && spec->tty && spec->no_new_privs);
	assert_int_equal(spec->resources->nr_devices, 1);
	assert_false(spec->resources->devices[0].allow);
	assert_int_equal(spec->nr_mounts, 7);
	assert_int_equal(spec->nr_rlimits, 1);
	assert_int_equal(spec->rlimits[0].limit.rlim_max, 1024);
	assert_int_equal(sk_strv_len(spec->cap_names[SK_SPEC_CAP_BOUNDING]), 3);
	assert_null(spec->cap_names[SK_SPEC_CAP_AMBIENT]);
	assert_false(spec->ns[SK_NS_USER].is_new);
}

static void test_the_rootless_config_is_executed_in_full(void **state)
{
	sk_auto(sk_json_free) struct sk_json *config = sk_oci_rootless_config(1000, 1001);
	sk_auto(sk_spec_free) struct sk_spec *spec = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	if (sk_spec_from_config(config, "/bundle", "skiff/c1", &spec, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(sk_spec_check(spec, NULL), 0);
	assert_true(spec->ns[SK_NS_USER].is_new);
	assert_false(spec->ns[SK_NS_NET].is_new);
	assert_int_equal(spec->nr_uids, 1);
	assert_int_equal(spec->uids[0].outside, 1000);
	assert_int_equal(spec->gids[0].outside, 1001);
	assert_int_equal(spec->uids[0].size, 1);
}

/* Configs of real callers, trimmed; the folder is also what fuzzing begins with. */
static void test_configs_of_callers_are_executed_in_full(void **state)
{
	static const char *const names[] = {
		"containerd", "docker",	    "everything",	   "kubernetes",
		"podman",     "stock_runc", "stock_crun_rootless", "stock_runc_rootless",
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++) {
		sk_autofree char *path =
			sk_strf("tests/fuzz/corpus/config/%s.json", names[i]);
		sk_auto(sk_json_free) struct sk_json *config = NULL;
		sk_auto(sk_spec_free) struct sk_spec *spec = NULL;
		struct sk_err err = SK_ERR_INIT;

		if (sk_json_load(AT_FDCWD, path, &config, &err) < 0 ||
		    sk_spec_from_config(config, "/bundle", "skiff/c1", &spec, &err) < 0 ||
		    sk_spec_check(spec, &err) < 0)
			fail_msg("%s: %s", names[i], err.msg);
	}
}

/* The members of "everything" at the places where the fields of a spec stand */
static void test_a_config_with_everything_fills_the_spec(void **state)
{
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	sk_auto(sk_spec_free) struct sk_spec *spec = NULL;
	const struct sk_spec_process *process;

	(void)state;
	assert_int_equal(sk_json_load(AT_FDCWD,
				      "tests/fuzz/corpus/config/everything.json", &config,
				      NULL),
			 0);
	assert_int_equal(sk_spec_from_config(config, "/bundle", "x", &spec, NULL), 0);
	process = &spec->process;
	for (int kind = 0; kind < SK_HOOK_KINDS; kind++)
		assert_int_equal(process->hooks[kind].nr, 1);
	assert_int_equal(process->rows, 25);
	assert_string_equal(process->apparmor, "skiff-test");
	assert_true(process->scheduler.is_set && process->memory_policy.is_set &&
		    process->rdt.is_set && process->has_io_priority &&
		    process->has_personality);
	assert_string_equal(process->cpus_initial, "0-1");
	assert_int_equal(process->nr_net_devices, 2);
	assert_int_equal(process->nr_time_offsets, 2);
	assert_string_equal(spec->domainname, "example.org");
	assert_string_equal(spec->cgroup_path, "machine.slice:libpod:c1");
	assert_non_null(spec->seccomp_config);
	assert_non_null(spec->resources);
	assert_int_equal(spec->nr_devices, 2);
	assert_int_equal(spec->nr_sysctls, 2);
	assert_int_equal(sk_json_len(spec->annotations), 3);
}

static void test_members_that_ask_for_nothing_are_fine(void **state)
{
	sk_auto(sk_spec_free) struct sk_spec *hooks = NULL, *label = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(read_changed("", "hooks", "{}", &hooks, &err), 0);
	assert_int_equal(read_changed("linux", "mountLabel", "\"\"", &label, &err), 0);
}

static void test_annotations_that_change_the_spec(void **state)
{
	static const struct {
		const char *text, *option;
		bool keep_groups;
	} cases[] = {
		{"{\"run.oci.keep_original_groups\":\"1\"}", NULL, true},
		{"{\"run.oci.keep_original_groups\":\"0\"}", NULL, false},
		{"{\"run.oci.mount_context_type\":\"rootcontext\"}", "rootcontext",
		 false},
		{"{\"run.oci.handler\":\"wasm\",\"a\":\"b\"}", NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(sk_spec_free) struct sk_spec *spec = NULL;
		struct sk_err err = SK_ERR_INIT;

		if (read_changed("", "annotations", cases[i].text, &spec, &err) < 0)
			fail_msg("%s", err.msg);
		assert_int_equal(spec->keep_groups, cases[i].keep_groups);
		assert_true(sk_str_equal(spec->mount_label_option, cases[i].option) ||
			    (!spec->mount_label_option && !cases[i].option));
	}
}

static void test_wrong_values_are_refused(void **state)
{
	static const struct {
		const char *parent, *key, *value, *text;
	} cases[] = {
		{"", "hostname", "7",
		 "config.json.hostname: expected a string, got a number"},
		{"", "root", "[]", "config.json.root: expected an object, got an array"},
		{"", "root", "{}", "config.json: 'root.path' is missing"},
		{"root", "readonly", "\"yes\"",
		 "root.readonly: expected a boolean, got a string"},
		{"", "annotations", "[]",
		 "config.json.annotations: expected an object, got an array"},
		{"", "annotations", "{\"\":\"x\"}",
		 "config.json: an annotation has no name"},
		{"", "annotations", "{\"run.oci.mount_context_type\":\"none\"}",
		 "config.json: annotation 'run.oci.mount_context_type': 'none' is not context, fscontext, defcontext or rootcontext"},
		{"", "annotations", "{\"a\":1}",
		 "config.json: annotation 'a' is not a string"},
		{"", "process", "[]",
		 "config.json.process: expected an object, got an array"},
		{"process", "args", "\"sh\"",
		 "process.args: expected an array, got a string"},
		{"process", "args", "[\"sh\",null]",
		 "process.args[1]: expected a string, got null"},
		{"linux", "namespaces", "[{\"type\":\"moon\"}]",
		 "config.json: 'moon' is not a kind of namespace"},
		{"linux", "namespaces", "[{\"type\":\"pid\"},{\"type\":\"pid\"}]",
		 "config.json: the pid namespace is given twice"},
		{"process", "rlimits", "[{\"type\":\"RLIMIT_X\",\"soft\":1,\"hard\":1}]",
		 "config.json: 'RLIMIT_X' is not a resource limit"},
		{"process", "rlimits",
		 "[{\"type\":\"RLIMIT_CPU\",\"soft\":2,\"hard\":1}]",
		 "config.json: soft limit of RLIMIT_CPU is above the hard one"},
		{"linux", "sysctl", "{\"kernel.panic\":\"1\"}",
		 "config.json: sysctl 'kernel.panic' does not belong to a namespace of the container"},
		{"linux.resources", "memory", "{\"swappiness\":\"0\"}",
		 "linux.resources.memory.swappiness: expected an integer, got a string"},
		{"root", "path", "\"\"", "config.json: 'root.path' is missing"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_err err = SK_ERR_INIT;
		struct sk_spec *spec = NULL;

		assert_int_equal(read_changed(cases[i].parent, cases[i].key,
					      cases[i].value, &spec, &err),
				 -EINVAL);
		assert_string_equal(err.msg, cases[i].text);
		assert_null(spec);
	}
}

static void test_a_config_without_a_process_can_be_created(void **state)
{
	static const char text[] = "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/r\"},"
				   "\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}}";
	sk_auto(sk_spec_free) struct sk_spec *spec = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(read_text(text, &spec, &err), 0);
	assert_true(spec && spec->no_process);
	assert_int_equal(sk_spec_check(spec, &err), 0);
}

static void test_versions_are_those_of_the_specification(void **state)
{
	static const char *const good[] = {
		"\"1.0.0\"",
		"\"1.0.0-rc5\"",
		"\"1.0.2-dev\"",
		"\"1.1.0-rc.2\"",
		"\"1.2.1+dev\"",
		"\"1.3.0\"",
		"\"1.2.0-rc.1+g12ab\"",
	};
	static const struct {
		const char *value, *text;
	} bad[] = {
		{"\"2.0.0\"", "config.json: ociVersion '2.0.0' is not one of 1.0 to 1.3"},
		{"\"0.9.0\"", "config.json: ociVersion '0.9.0' is not one of 1.0 to 1.3"},
		{"\"1.4.0\"", "config.json: ociVersion '1.4.0' is not one of 1.0 to 1.3"},
		{"\"1.0\"",
		 "config.json: ociVersion '1.0' is not of the form MAJOR.MINOR.PATCH"},
		{"\"1.0.0-\"",
		 "config.json: ociVersion '1.0.0-' is not of the form MAJOR.MINOR.PATCH"},
		{"\"1.0.0x\"",
		 "config.json: ociVersion '1.0.0x' is not of the form MAJOR.MINOR.PATCH"},
		{"\"1.00.0\"",
		 "config.json: ociVersion '1.00.0' is not of the form MAJOR.MINOR.PATCH"},
		{"\"1.0.0-a/b\"",
		 "config.json: ociVersion '1.0.0-a/b' is not of the form MAJOR.MINOR.PATCH"},
		{"\"\"",
		 "config.json: ociVersion '' is not of the form MAJOR.MINOR.PATCH"},
		{"null", "config.json: 'ociVersion' is missing"},
		{"1.0", "config.json.ociVersion: expected a string, got a number"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(good); i++) {
		sk_auto(sk_spec_free) struct sk_spec *spec = NULL;
		struct sk_err err = SK_ERR_INIT;

		if (read_changed("", "ociVersion", good[i], &spec, &err) < 0)
			fail_msg("%s: %s", good[i], err.msg);
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		struct sk_err err = SK_ERR_INIT;
		struct sk_spec *spec = NULL;

		assert_int_equal(read_changed("", "ociVersion", bad[i].value, &spec,
					      &err),
				 -EINVAL);
		assert_string_equal(err.msg, bad[i].text);
		assert_null(spec);
	}
}

/* Source: config.md, "Extensibility". */
static void test_members_that_the_specification_does_not_know_are_ignored(void **state)
{
	static const struct {
		const char *parent, *key;
	} places[] = {
		{"", "x-vendor"},
		{"", "solaris"},
		{"root", "x"},
		{"process", "x"},
		{"process.user", "username"},
		{"linux", "x"},
		{"linux.resources", "x"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(places); i++) {
		sk_auto(sk_spec_free) struct sk_spec *spec = NULL;
		struct sk_err err = SK_ERR_INIT;

		if (read_changed(places[i].parent, places[i].key, "{\"a\":1}", &spec,
				 &err) < 0)
			fail_msg("%s.%s: %s", places[i].parent, places[i].key, err.msg);
	}
}

static void test_a_config_that_is_no_object_is_refused(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_spec *spec = NULL;

	(void)state;
	assert_int_equal(read_text("[]", &spec, &err), -EINVAL);
	assert_string_equal(err.msg, "config.json: expected an object, got array");
	assert_int_equal(read_text("null", &spec, &err), -EINVAL);
	assert_string_equal(err.msg, "config.json: expected an object, got null");
	assert_null(spec);
}

static void test_resources_are_read(void **state)
{
	static const char resources[] =
		"{\"memory\":{\"limit\":67108864},\"pids\":{\"limit\":50},"
		"\"cpu\":{\"shares\":1024,\"quota\":50000,\"period\":100000}}";
	sk_auto(sk_spec_free) struct sk_spec *spec = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(read_changed("linux", "resources", resources, &spec, &err), 0);
	assert_int_equal(spec->resources->memory.limit.value, 64 << 20);
	assert_int_equal(spec->resources->pids_limit.value, 50);
	assert_int_equal(spec->resources->cpu.quota.value, 50000);
	assert_int_equal(spec->resources->cpu.shares.value, 1024);
	assert_int_equal(spec->limits.memory_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_default_config_is_executed_in_full),
		cmocka_unit_test(test_the_rootless_config_is_executed_in_full),
		cmocka_unit_test(test_configs_of_callers_are_executed_in_full),
		cmocka_unit_test(test_a_config_with_everything_fills_the_spec),
		cmocka_unit_test(test_members_that_ask_for_nothing_are_fine),
		cmocka_unit_test(test_annotations_that_change_the_spec),
		cmocka_unit_test(test_wrong_values_are_refused),
		cmocka_unit_test(test_a_config_without_a_process_can_be_created),
		cmocka_unit_test(test_versions_are_those_of_the_specification),
		cmocka_unit_test(
			test_members_that_the_specification_does_not_know_are_ignored),
		cmocka_unit_test(test_a_config_that_is_no_object_is_refused),
		cmocka_unit_test(test_resources_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
