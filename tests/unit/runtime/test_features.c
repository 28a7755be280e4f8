// SPDX-License-Identifier: Apache-2.0
/* What `features` tells is what the readers of config.json do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "lib/str.h"
#include "runtime/sandbox/caps.h"
#include "runtime/spec/spec.h"

/* 0 when the default config with this member is executed, else what is said of it */
static int read_with(const char *path, const char *value, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *config = sk_oci_default_config();
	sk_auto(sk_spec_free) struct sk_spec *spec = NULL;
	sk_autofree char *parent = strdup(path);
	char *dot = strrchr(parent, '.');
	struct sk_json *member = NULL;
	int r;

	assert_int_equal(sk_json_parse(value, strlen(value), path, &member, err), 0);
	if (dot)
		*dot = '\0';
	sk_json_set(dot ? sk_json_path(config, parent) : config, dot ? dot + 1 : path,
		    member);
	r = sk_spec_from_config(config, "/bundle", "skiff/c1", &spec, err);
	return r < 0 ? r : sk_spec_check(spec, err);
}

static bool has_word(const struct sk_json *list, const char *word)
{
	for (size_t i = 0; i < sk_json_len(list); i++)
		if (strcmp(sk_json_str(sk_json_at(list, i), ""), word) == 0)
			return true;
	return false;
}

/* Read a config with a name at the "%s" of the member's text. */
static void read_name(const char *member, const char *format, const char *name)
{
	const char *mark = strstr(format, "%s");
	sk_autofree char *value =
		sk_strf("%.*s%s%s", (int)(mark - format), format, name, mark + 2);
	struct sk_err err = SK_ERR_INIT;

	/* a policy may forbid nodes, but not be unknown */
	if (read_with(member, value, &err) < 0 && !strstr(err.msg, "nodes"))
		fail_msg("%s: %s", name, err.msg);
}

static void test_each_switch_is_what_the_reader_does(void **state)
{
	static const struct {
		const char *feature, *member, *value;
	} cases[] = {
		{"linux.seccomp", "linux.seccomp",
		 "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}"},
		{"linux.apparmor", "process.apparmorProfile", "\"x\""},
		{"linux.selinux", "process.selinuxLabel", "\"a:b:c:s0\""},
		{"linux.intelRdt", "linux.intelRdt",
		 "{\"closID\":\"x\",\"schemata\":[\"L3:0=f\"],\"enableMonitoring\":true}"},
		{"linux.netDevices", "linux.netDevices", "{\"eth9\":{}}"},
		{"linux.mountExtensions.idmap", "mounts",
		 "[{\"destination\":\"/m\",\"source\":\"/s\",\"options\":[\"bind\"],"
		 "\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}],"
		 "\"gidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]}]"},
	};
	sk_auto(sk_json_free) struct sk_json *features = sk_oci_features();

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		const struct sk_json *part = sk_json_path(features, cases[i].feature);
		const struct sk_json *enabled = sk_json_get(part, "enabled");
		struct sk_err err = SK_ERR_INIT;
		int r = read_with(cases[i].member, cases[i].value, &err);

		if (sk_json_type(enabled) != SK_JSON_BOOL)
			fail_msg("%s has no 'enabled'", cases[i].feature);
		if (r != 0 && r != -EOPNOTSUPP)
			fail_msg("%s: %s", cases[i].member, err.msg);
		if (sk_json_bool(enabled, false) != (r == 0))
			fail_msg("features says %d of %s, the reader says %s",
				 sk_json_bool(enabled, false), cases[i].feature,
				 r ? err.msg : "yes");
	}
}

/* Each list of names, and a config that uses one of them */
static void test_each_name_is_read(void **state)
{
	static const struct {
		const char *list, *member, *format;
	} cases[] = {
		{"linux.seccomp.actions", "linux.seccomp",
		 "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/l\","
		 "\"syscalls\":[{\"names\":[\"mknod\"],\"action\":\"%s\"}]}"},
		{"linux.seccomp.operators", "linux.seccomp",
		 "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		 "\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":0,\"value\":1,\"op\":\"%s\"}]}]}"},
		{"linux.seccomp.archs", "linux.seccomp",
		 "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"%s\"]}"},
		{"linux.seccomp.knownFlags", "linux.seccomp",
		 "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"%s\"]}"},
		{"linux.seccomp.supportedFlags", "linux.seccomp",
		 "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"%s\"]}"},
		{"linux.memoryPolicy.modes", "linux.memoryPolicy",
		 "{\"mode\":\"%s\",\"nodes\":\"0\"}"},
		{"linux.memoryPolicy.flags", "linux.memoryPolicy",
		 "{\"mode\":\"MPOL_BIND\",\"nodes\":\"0\",\"flags\":[\"%s\"]}"},
		{"hooks", "hooks", "{\"%s\":[{\"path\":\"/bin/true\"}]}"},
	};
	sk_auto(sk_json_free) struct sk_json *features = sk_oci_features();

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		const struct sk_json *list = sk_json_path(features, cases[i].list);

		assert_true(sk_json_len(list) > 0);
		for (size_t n = 0; n < sk_json_len(list); n++)
			read_name(cases[i].member, cases[i].format,
				  sk_json_str(sk_json_at(list, n), ""));
	}
}

static void test_all_hooks_of_the_specification_or_none_are_told(void **state)
{
	static const char *const kinds[] = {
		"prestart",	  "createRuntime", "createContainer",
		"startContainer", "poststart",	   "poststop",
	};
	sk_auto(sk_json_free) struct sk_json *features = sk_oci_features();
	const struct sk_json *list = sk_json_get(features, "hooks");

	(void)state;
	assert_int_equal(sk_json_type(list), SK_JSON_ARRAY);
	for (size_t i = 0; i < SK_ARRAY_SIZE(kinds); i++) {
		sk_autofree char *value =
			sk_strf("{\"%s\":[{\"path\":\"/bin/true\"}]}", kinds[i]);
		struct sk_err err = SK_ERR_INIT;
		int r = read_with("hooks", value, &err);

		assert_true(r == 0 || r == -EOPNOTSUPP);
		assert_int_equal(has_word(list, kinds[i]), r == 0);
	}
}

static void test_each_namespace_is_read(void **state)
{
	sk_auto(sk_json_free) struct sk_json *features = sk_oci_features();
	const struct sk_json *list = sk_json_path(features, "linux.namespaces");

	(void)state;
	assert_int_equal(sk_json_len(list), SK_NS_COUNT);
	for (size_t i = 0; i < sk_json_len(list); i++) {
		sk_autofree char *value = sk_strf("[{\"type\":\"%s\"}]",
						  sk_json_str(sk_json_at(list, i), ""));
		struct sk_err err = SK_ERR_INIT;

		/* what belongs to one namespace alone is refused without it */
		(void)read_with("linux.namespaces", value, &err);
		assert_null(strstr(err.msg, "is not a kind of namespace"));
	}
}

static void test_each_capability_is_known_by_its_name(void **state)
{
	sk_auto(sk_json_free) struct sk_json *features = sk_oci_features();
	const struct sk_json *list = sk_json_path(features, "linux.capabilities");
	uint64_t all = 0;

	(void)state;
	assert_true(sk_json_len(list) >= 41);
	for (size_t i = 0; i < sk_json_len(list); i++) {
		const char *name = sk_json_str(sk_json_at(list, i), "");
		uint64_t mask = 0;

		assert_memory_equal(name, "CAP_", 4);
		assert_int_equal(sk_caps_by_name(name, &mask), 0);
		assert_true(mask && !(all & mask));
		all |= mask;
	}
}

static int read_mount(const char *type, const char *option, struct sk_err *err)
{
	sk_autofree char *value =
		sk_strf("[{\"destination\":\"/m\",\"source\":\"/s\","
			"\"type\":\"%s\",\"options\":[%s\"%s\"]}]",
			type, strcmp(type, "bind") ? "" : "\"bind\",", option);

	return read_with("mounts", value, err);
}

/* Some options are for bind mounts only, some for file systems. */
static void test_each_mount_option_is_executed(void **state)
{
	sk_auto(sk_json_free) struct sk_json *features = sk_oci_features();
	const struct sk_json *list = sk_json_get(features, "mountOptions");

	(void)state;
	assert_true(sk_json_len(list) > 20);
	for (size_t i = 0; i < sk_json_len(list); i++) {
		const char *name = sk_json_str(sk_json_at(list, i), "");
		struct sk_err err = SK_ERR_INIT;

		if (read_mount("bind", name, &err) < 0 &&
		    read_mount("tmpfs", name, &err) < 0 &&
		    !strstr(err.msg, "user namespace"))
			fail_msg("'%s': %s", name, err.msg);
	}
	assert_int_equal(read_mount("bind", "no-such-option", NULL), -EINVAL);
}

static void test_the_told_versions_are_accepted(void **state)
{
	static const char *const keys[] = {"ociVersionMin", "ociVersionMax"};
	sk_auto(sk_json_free) struct sk_json *features = sk_oci_features();

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(keys); i++) {
		sk_autofree char *value =
			sk_strf("\"%s\"",
				sk_json_str(sk_json_get(features, keys[i]), ""));

		assert_int_equal(read_with("ociVersion", value, NULL), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_switch_is_what_the_reader_does),
		cmocka_unit_test(test_each_name_is_read),
		cmocka_unit_test(test_all_hooks_of_the_specification_or_none_are_told),
		cmocka_unit_test(test_each_namespace_is_read),
		cmocka_unit_test(test_each_capability_is_known_by_its_name),
		cmocka_unit_test(test_each_mount_option_is_executed),
		cmocka_unit_test(test_the_told_versions_are_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
