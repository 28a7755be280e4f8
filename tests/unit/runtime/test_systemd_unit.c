// SPDX-License-Identifier: Apache-2.0
/* test_systemd_unit - names of scopes and slices, and their properties from annotations and files */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/str.h"
#include "runtime/cgroup/systemd.h"

static void test_slices_become_nested_folders(void **state)
{
	static const struct {
		const char *slice, *path;
	} cases[] = {
		{"system.slice", "/system.slice"},
		{"a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice"},
		{"-.slice", ""},
		{"a", NULL},
		{".slice", NULL},
		{"-a.slice", NULL},
		{"a-.slice", NULL},
		{"a--b.slice", NULL},
		{"a/b.slice", NULL},
		{"../a.slice", NULL},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_autofree char *path = sk_systemd_slice_path(cases[i].slice);

		if (!sk_str_equal(path, cases[i].path))
			fail_msg("'%s' became '%s'", cases[i].slice, path ? path : "-");
	}
}

static void test_paths_name_slice_and_scope(void **state)
{
	static const struct {
		const char *path;
		bool is_user;
		const char *slice, *unit;
	} cases[] = {
		{"machine.slice:libpod:x1", false, "machine.slice", "libpod-x1.scope"},
		{"system.slice:docker:x1", true, "system.slice", "docker-x1.scope"},
		{"a.slice::x1", false, "a.slice", "x1.scope"},
		{":docker:x1", false, "system.slice", "docker-x1.scope"},
		{":docker:x1", true, "user.slice", "docker-x1.scope"},
		{"::", false, "system.slice", "ID.scope"},
		{NULL, true, "user.slice", "ID.scope"},
		{"", false, "system.slice", "ID.scope"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(sk_systemd_free) struct sk_systemd *systemd = NULL;
		struct sk_err err = SK_ERR_INIT;

		assert_int_equal(sk_systemd_from_path(cases[i].path, "ID",
						      cases[i].is_user, &systemd, &err),
				 0);
		assert_string_equal(systemd->slice, cases[i].slice);
		assert_string_equal(systemd->unit, cases[i].unit);
	}
}

static void test_paths_of_another_form_are_refused(void **state)
{
	static const struct {
		const char *path, *text;
	} cases[] = {
		{"/docker/x1", "is no path of a cgroup for systemd"},
		{"a.slice:b", "must be of the form SLICE:PREFIX:NAME"},
		{"a:b:c:d", "must be of the form SLICE:PREFIX:NAME"},
		{"a:b:c", "'a' in 'a:b:c' can be no unit of systemd"},
		{"a/../b.slice:b:c", "can be no unit of systemd"},
		{"a.slice:b:c/../d",
		 "'b-c/../d.scope' in 'a.slice:b:c/../d' can be no unit"},
		{"a.slice:b:c\n", "can be no unit of systemd"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_systemd *systemd = NULL;
		struct sk_err err = SK_ERR_INIT;

		assert_int_equal(sk_systemd_from_path(cases[i].path, "ID", false,
						      &systemd, &err),
				 -EINVAL);
		assert_null(systemd);
		if (!strstr(err.msg, cases[i].text))
			fail_msg("%s", err.msg);
	}
}

/* Read the "(sv)" in @w as "NAME TYPE VALUE ". */
static char *read_property(const struct sk_dbus_writer *w)
{
	struct sk_dbus_reader r = {.bytes = w->bytes, .len = w->len};
	const char *name, *type;
	char *text;

	if (w->len == 0)
		return strdup("");
	name = sk_dbus_get_str(&r);
	type = sk_dbus_get_sig(&r);
	assert_non_null(type);
	if (strcmp(type, "s") == 0)
		text = sk_strf("%s s %s", name, sk_dbus_get_str(&r));
	else if (strcmp(type, "t") == 0 || strcmp(type, "x") == 0)
		text = sk_strf("%s %s %lld", name, type, (long long)sk_dbus_get_u64(&r));
	else if (strcmp(type, "ay") == 0) {
		uint32_t len = sk_dbus_get_u32(&r);

		text = sk_strf("%s ay %u %02x", name, len, w->bytes[r.at]);
		r.at += len;
	} else if (strcmp(type, "as") == 0) {
		size_t end = sk_dbus_get_u32(&r);

		end += r.at;
		text = sk_strf("%s as", name);
		while (r.at < end) {
			char *longer = sk_strf("%s %s", text, sk_dbus_get_str(&r));

			free(text);
			text = longer;
		}
	} else
		text = sk_strf("%s %s %d", name, type, (int)sk_dbus_get_u32(&r));
	assert_false(r.failed);
	return text;
}

static void test_annotations_become_typed_properties(void **state)
{
	static const struct {
		const char *name, *value, *property;
	} cases[] = {
		{"CollectMode", "'inactive-or-failed'",
		 "CollectMode s inactive-or-failed"},
		{"Description", "\"x\"", "Description s x"},
		{"SendSIGHUP", "true", "SendSIGHUP b 1"},
		{"TasksMax", "uint64 9", "TasksMax t 9"},
		{"TasksMax", "uint64 18446744073709551615", "TasksMax t -1"},
		{"OOMScoreAdjust", "-5", "OOMScoreAdjust i -5"},
		{"Some", "int64 -5", "Some x -5"},
		{"TimeoutStopUSec", "uint64 5", "TimeoutStopUSec t 5"},
		{"TimeoutStopSec", "1.5", "TimeoutStopUSec t 1500000"},
		{"TimeoutStopSec", "uint64 2", "TimeoutStopUSec t 2000000"},
		{"After", "['a.service', 'b.service']", "After as a.service b.service"},
		{"After", "[]", "After as"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer w = {0};
		sk_autofree char *text = NULL;
		struct sk_err err = SK_ERR_INIT;

		if (sk_systemd_put_annotation(&w, cases[i].name, cases[i].value, &err) <
		    0)
			fail_msg("%s", err.msg);
		text = read_property(&w);
		assert_string_equal(text, cases[i].property);
	}
}

static void test_annotations_that_are_no_values_are_refused(void **state)
{
	static const char *const bad[] = {"",		"x",	     "'x",
					  "'x' y",	"uint64 -1", "uint32 4294967296",
					  "2147483648", "['a'",	     "[1]",
					  "{}",		"5 5",	     "nan"};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer w = {0};
		struct sk_err err = SK_ERR_INIT;

		if (sk_systemd_put_annotation(&w, "Name", bad[i], &err) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
		assert_non_null(
			strstr(err.msg, "annotation 'org.systemd.property.Name'"));
		assert_int_equal(sk_systemd_put_annotation(&w, "No Name", "5", &err),
				 -EINVAL);
	}
}

static void test_files_of_a_group_become_properties(void **state)
{
	static const struct {
		const char *file, *text, *property;
	} cases[] = {
		{"memory.max", "67108864\n", "MemoryMax t 67108864"},
		{"memory.max", "max\n", "MemoryMax t -1"},
		{"memory.limit_in_bytes", "9223372036854771712\n", "MemoryLimit t -1"},
		{"cpu.weight", "50\n", "CPUWeight t 50"},
		{"cpu.weight", "0\n", ""}, /* cpu.idle */
		{"cpu.shares", "2\n", "CPUShares t 2"},
		{"cpu.max", "max 100000\n", "CPUQuotaPerSecUSec t -1"},
		{"cpu.max", "50000 100000\n", "CPUQuotaPerSecUSec t 500000"},
		{"cpu.max", "12345 100000\n", "CPUQuotaPerSecUSec t 130000"},
		{"cpu.cfs_quota_us", "-1 100000\n", "CPUQuotaPerSecUSec t -1"},
		{"cpu.cfs_quota_us", "200000 100000\n", "CPUQuotaPerSecUSec t 2000000"},
		{"pids.max", "max\n", "TasksMax t -1"},
		{"cpuset.cpus", "0-2,9\n", "AllowedCPUs ay 2 07"},
		{"cpuset.cpus", "\n", ""},
		{"cpuset.cpus", "0-99999999\n", "AllowedCPUs ay 1024 ff"},
		{"cpuset.mems", "0\n", "AllowedMemoryNodes ay 1 01"},
		{"io.weight", "default 100\n", "IOWeight t 100"},
		{"blkio.weight", "500\n", "BlockIOWeight t 500"},
		{"memory.stat", "x\n", ""},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer w = {0};
		sk_autofree char *text = NULL;

		sk_systemd_put_file(&w, cases[i].file, cases[i].text);
		text = read_property(&w);
		assert_string_equal(text, cases[i].property);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slices_become_nested_folders),
		cmocka_unit_test(test_paths_name_slice_and_scope),
		cmocka_unit_test(test_paths_of_another_form_are_refused),
		cmocka_unit_test(test_annotations_become_typed_properties),
		cmocka_unit_test(test_annotations_that_are_no_values_are_refused),
		cmocka_unit_test(test_files_of_a_group_become_properties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
