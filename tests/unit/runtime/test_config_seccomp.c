/* SPDX-License-Identifier: Apache-2.0 */
/* test_config_seccomp - linux.seccomp is read strictly, and its names are libseccomp's */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ctype.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>

#include "runtime/spec/seccomp.h"

static int read_text(const char *text, struct sk_spec_seccomp **ret, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *json = NULL;

	assert_int_equal(sk_json_parse(text, strlen(text), "test", &json, NULL), 0);
	return sk_spec_seccomp_from_json(json, ret, err);
}

static void test_a_full_section_is_read(void **state)
{
	sk_auto(sk_spec_seccomp_free) struct sk_spec_seccomp *s = NULL;
	struct sk_err err = SK_ERR_INIT;
	int r = read_text(
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
		"\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X32\"],"
		"\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_TSYNC\"],"
		"\"listenerPath\":\"/run/agent.sock\",\"listenerMetadata\":\"m\","
		"\"syscalls\":["
		"{\"names\":[\"read\",\"mkdir\"],\"action\":\"SCMP_ACT_ALLOW\"},"
		"{\"names\":[\"clone\"],\"action\":\"SCMP_ACT_NOTIFY\",\"args\":["
		"{\"index\":5,\"value\":18446744073709551615,\"valueTwo\":7,"
		"\"op\":\"SCMP_CMP_MASKED_EQ\"}]},"
		"{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_TRACE\",\"errnoRet\":65535}]}",
		&s, &err);

	(void)state;
	assert_string_equal(err.msg, "");
	assert_int_equal(r, 0);
	assert_int_equal(s->default_action, SECCOMP_RET_ERRNO | 38);
	assert_int_equal(s->nr_archs, 2);
	assert_int_equal(s->archs[1], SCMP_ARCH_X32);
	assert_int_equal(s->flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_TSYNC);
	assert_string_equal(s->listener_path, "/run/agent.sock");
	assert_string_equal(s->listener_metadata, "m");
	assert_int_equal(s->nr_rules, 3);
	assert_string_equal(s->rules[0].names[1], "mkdir");
	assert_int_equal(s->rules[1].action, SECCOMP_RET_USER_NOTIF);
	assert_int_equal(s->rules[1].nr_args, 1);
	assert_int_equal(s->rules[1].args[0].index, 5);
	assert_true(s->rules[1].args[0].value == UINT64_MAX);
	assert_int_equal(s->rules[1].args[0].value_two, 7);
	assert_int_equal(s->rules[1].args[0].op, SK_SECCOMP_MASKED_EQ);
	assert_int_equal(s->rules[2].action, SECCOMP_RET_TRACE | 0xffff);
}

static void test_what_is_left_out_gets_the_spec_s_default(void **state)
{
	sk_auto(sk_spec_seccomp_free) struct sk_spec_seccomp *s = NULL;

	(void)state;
	assert_int_equal(read_text("{\"defaultAction\":\"SCMP_ACT_ERRNO\","
				   "\"listenerPath\":\"/never/used\"}",
				   &s, NULL),
			 0);
	assert_int_equal(s->default_action, SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(s->flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	assert_null(s->listener_path);
	assert_int_equal(s->nr_archs + s->nr_rules, 0);
}

static void test_what_is_wrong_is_refused_with_its_name(void **state)
{
#define RULE(rule) "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[" rule "]}"
#define ARG(arg)                                                                         \
	RULE("{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_LOG\",\"args\":[" arg "]}")
#define TOP(top) "{\"defaultAction\":\"SCMP_ACT_ALLOW\"," top "}"
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"{}", "linux.seccomp: 'defaultAction' is missing"},
		{"{\"defaultAction\":7}",
		 "linux.seccomp.defaultAction: expected a string, got a number"},
		{"{\"defaultAction\":\"SCMP_ACT_MAYBE\"}",
		 "linux.seccomp.defaultAction: 'SCMP_ACT_MAYBE' is not known"},
		{"{\"defaultAction\":\"SCMP_ACT_NOTIFY\",\"listenerPath\":\"/x\"}",
		 "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be the default"},
		{TOP("\"defaultErrnoRet\":1"),
		 "linux.seccomp: 'defaultErrnoRet' needs SCMP_ACT_ERRNO or _TRACE"},
		{TOP("\"architectures\":[\"SCMP_ARCH_VAX\"]"),
		 "linux.seccomp.architectures: 'SCMP_ARCH_VAX' is not known"},
		{TOP("\"flags\":[\"SECCOMP_FILTER_FLAG_NEW_LISTENER\"]"),
		 "linux.seccomp.flags: 'SECCOMP_FILTER_FLAG_NEW_LISTENER' is not known"},
		{TOP("\"listenerMetadata\":\"m\""),
		 "linux.seccomp: 'listenerMetadata' needs 'listenerPath'"},
		{RULE("{\"action\":\"SCMP_ACT_LOG\"}"),
		 "linux.seccomp.syscalls[]: 'names' is missing"},
		{RULE("{\"names\":[],\"action\":\"SCMP_ACT_LOG\"}"),
		 "linux.seccomp.syscalls[]: 'names' is missing"},
		{RULE("{\"names\":[\"dup\"]}"),
		 "linux.seccomp.syscalls[]: 'action' is missing"},
		{RULE("{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_LOG\",\"errnoRet\":1}"),
		 "linux.seccomp.syscalls[]: 'errnoRet' needs SCMP_ACT_ERRNO or _TRACE"},
		{RULE("{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_NOTIFY\"}"),
		 "linux.seccomp: SCMP_ACT_NOTIFY needs 'listenerPath'"},
		{RULE("{\"names\":[\"dup\",\"write\"],\"action\":\"SCMP_ACT_NOTIFY\"}"),
		 "linux.seccomp.syscalls[]: SCMP_ACT_NOTIFY is not possible of write"},
		{ARG("{\"value\":1,\"op\":\"SCMP_CMP_EQ\"}"),
		 "linux.seccomp.syscalls[].args[]: 'index' is missing"},
		{ARG("{\"index\":0,\"op\":\"SCMP_CMP_EQ\"}"),
		 "linux.seccomp.syscalls[].args[]: 'value' is missing"},
		{ARG("{\"index\":0,\"value\":1}"),
		 "linux.seccomp.syscalls[].args[]: 'op' is missing"},
		{ARG("{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_IS\"}"),
		 "linux.seccomp.syscalls[].args[].op: 'SCMP_CMP_IS' is not known"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_spec_seccomp *untouched = NULL;
		struct sk_err err = SK_ERR_INIT;
		char wanted[300];

		(void)snprintf(wanted, sizeof(wanted), "config.json: %s",
			       cases[i].message);
		assert_int_equal(read_text(cases[i].text, &untouched, &err), -EINVAL);
		assert_string_equal(err.msg, wanted);
		assert_null(untouched);
	}
}

static void test_numbers_out_of_range_are_refused(void **state)
{
	static const char *const texts[] = {
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096}",
		"{\"defaultAction\":\"SCMP_ACT_TRACE\",\"defaultErrnoRet\":65536}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":-1}",
		ARG("{\"index\":6,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}"),
		ARG("{\"index\":0,\"value\":-1,\"op\":\"SCMP_CMP_EQ\"}"),
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(texts); i++) {
		struct sk_spec_seccomp *untouched = NULL;

		assert_int_equal(read_text(texts[i], &untouched, NULL), -ERANGE);
		assert_null(untouched);
	}
}

/* The names in capitals behind SCMP_ARCH_ are libseccomp's own names. */
static void test_architectures_are_those_of_libseccomp(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct sk_seccomp_name *a = sk_seccomp_archs; a->name; a++, n++) {
		char name[32] = {0};

		for (size_t i = 0; a->name[10 + i]; i++)
			name[i] = (char)tolower(a->name[10 + i]);
		assert_int_equal(a->value, seccomp_arch_resolve_name(name));
	}
	assert_int_equal(n, 19);
}

static void test_actions_are_those_of_libseccomp(void **state)
{
	static const struct {
		const char *name;
		uint32_t value;
	} theirs[] = {
		{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
		{"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0)},
		{"SCMP_ACT_KILL", SCMP_ACT_KILL},
		{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
		{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
		{"SCMP_ACT_LOG", SCMP_ACT_LOG},
		{"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY},
		{"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0)},
		{"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
	};
	size_t n = 0;

	(void)state;
	for (const struct sk_seccomp_name *a = sk_seccomp_actions; a->name; a++, n++) {
		assert_string_equal(a->name, theirs[n].name);
		assert_int_equal(a->value, theirs[n].value);
	}
	assert_int_equal(n, SK_ARRAY_SIZE(theirs));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_full_section_is_read),
		cmocka_unit_test(test_what_is_left_out_gets_the_spec_s_default),
		cmocka_unit_test(test_what_is_wrong_is_refused_with_its_name),
		cmocka_unit_test(test_numbers_out_of_range_are_refused),
		cmocka_unit_test(test_architectures_are_those_of_libseccomp),
		cmocka_unit_test(test_actions_are_those_of_libseccomp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
