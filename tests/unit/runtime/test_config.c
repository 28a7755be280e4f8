// SPDX-License-Identifier: Apache-2.0
/* OCI config.json: what is executed is read, what is not is an error that names it. */
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
	assert_true(spec->cgroup_mount);
	assert_false(spec->cgroup_writable);
	assert_int_equal(spec->nr_mounts, 6); /* the cgroup mount is not in the list */
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

static void test_members_that_are_not_executed_are_named(void **state)
{
	static const struct {
		const char *parent, *key, *value, *text;
	} cases[] = {
		{"", "hooks", "{\"prestart\":[{\"path\":\"/x\"}]}",
		 "config.json: 'hooks' is not supported yet"},
		{"linux", "seccomp", "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}",
		 "config.json: 'linux.seccomp' is not supported yet"},
		{"process", "apparmorProfile", "\"x\"",
		 "config.json: 'process.apparmorProfile' is not supported yet"},
		{"linux", "rootfsPropagation", "\"shared\"",
		 "config.json: linux.rootfsPropagation 'shared' is not supported yet"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_err err = SK_ERR_INIT;
		struct sk_spec *spec = NULL;

		assert_int_equal(read_changed(cases[i].parent, cases[i].key,
					      cases[i].value, &spec, &err),
				 -EOPNOTSUPP);
		assert_string_equal(err.msg, cases[i].text);
		assert_null(spec);
	}
}

static void test_members_that_ask_for_nothing_are_fine(void **state)
{
	sk_auto(sk_spec_free) struct sk_spec *hooks = NULL, *label = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(read_changed("", "hooks", "{}", &hooks, &err), 0);
	assert_int_equal(read_changed("linux", "mountLabel", "\"\"", &label, &err), 0);
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
		 "config.json: sysctl 'kernel.panic' does not belong to a new namespace of the container"},
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
	assert_true(spec->no_process);
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

static void test_mount_options_become_attributes_and_data(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_spec *spec = sk_spec_new();
	struct sk_spec_mount *m;

	(void)state;
	assert_non_null(spec);
	m = sk_spec_add_mount(spec, "tmpfs", "/x", "tmpfs", 0);
	assert_int_equal(sk_spec_mount_option(m, "ro", &err), 0);
	assert_int_equal(sk_spec_mount_option(m, "nosuid", &err), 0);
	assert_int_equal(sk_spec_mount_option(m, "size=1m", &err), 0);
	assert_int_equal(m->attr_set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	assert_int_equal(sk_spec_mount_option(m, "rw", &err), 0);
	assert_int_equal(m->attr_set, MOUNT_ATTR_NOSUID);
	assert_string_equal(m->data[0], "size=1m");
	assert_int_equal(sk_spec_mount_option(m, "rshared", &err), -EOPNOTSUPP);
	assert_string_equal(err.msg,
			    "option 'rshared' of the mount on '/x' is not supported yet");
	assert_int_equal(sk_spec_mount_option(m, "rbind", &err), 0);
	assert_null(m->fstype);
	assert_int_equal(sk_spec_mount_option(m, "colour=red", &err), -EINVAL);
	sk_spec_free(spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_default_config_is_executed_in_full),
		cmocka_unit_test(test_the_rootless_config_is_executed_in_full),
		cmocka_unit_test(test_members_that_are_not_executed_are_named),
		cmocka_unit_test(test_members_that_ask_for_nothing_are_fine),
		cmocka_unit_test(test_wrong_values_are_refused),
		cmocka_unit_test(test_a_config_without_a_process_can_be_created),
		cmocka_unit_test(test_versions_are_those_of_the_specification),
		cmocka_unit_test(
			test_members_that_the_specification_does_not_know_are_ignored),
		cmocka_unit_test(test_a_config_that_is_no_object_is_refused),
		cmocka_unit_test(test_resources_are_read),
		cmocka_unit_test(test_mount_options_become_attributes_and_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
