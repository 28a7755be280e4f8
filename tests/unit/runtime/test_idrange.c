// SPDX-License-Identifier: Apache-2.0
/* Which ids of the host a container's user namespace gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "lib/cleanup.h"
#include "runtime/container/names.h"
#include "runtime/spec/idrange.h"

static void test_a_range_is_found_by_name_or_number(void **state)
{
	static const char text[] =
		"# comment\nann:100000:65536\nbob:1:2:3\n1001:200000:1000\n";
	struct sk_spec_idmap map = {0};

	(void)state;
	assert_int_equal(sk_idrange_find(text, "ann", 7, &map), 0);
	assert_int_equal(map.outside, 100000);
	assert_int_equal(map.size, 65536);
	assert_int_equal(sk_idrange_find(text, "eve", 1001, &map), 0);
	assert_int_equal(map.outside, 200000);
	assert_int_equal(map.size, 1000);
}

static void test_malformed_and_foreign_lines_are_passed_over(void **state)
{
	static const char *const texts[] = {
		"",	     "\n",	"ann",	    "ann:",    "ann:1",
		"ann:x:1",   "ann:1:x", "ann:0:10", "ann:1:0", "ann:4294967290:65536",
		"annie:1:2",
	};
	struct sk_spec_idmap map = {.outside = 9};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(texts); i++)
		assert_int_equal(sk_idrange_find(texts[i], "ann", 5, &map), -ENOENT);
	assert_int_equal(map.outside, 9);
}

static void test_a_container_always_gets_the_same_slot(void **state)
{
	struct sk_spec_idmap none = {0}, a, b, c;

	(void)state;
	sk_idrange_slot("web", &none, &a);
	sk_idrange_slot("web", &none, &b);
	sk_idrange_slot("db", &none, &c);
	assert_int_equal(a.outside, b.outside);
	assert_int_not_equal(a.outside, c.outside);
	assert_int_equal(a.size, SK_IDRANGE_SIZE);
	assert_int_equal((a.outside - SK_IDRANGE_BASE) % SK_IDRANGE_SIZE, 0);
	assert_true(a.outside - SK_IDRANGE_BASE < SK_IDRANGE_SLOTS * SK_IDRANGE_SIZE);
}

static void test_slots_stay_inside_the_range_of_root(void **state)
{
	const struct sk_spec_idmap parent = {.outside = 500000, .size = 3 * 65536 + 100};
	struct sk_spec_idmap map;
	char name[16];

	(void)state;
	for (int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "c%d", i);
		sk_idrange_slot(name, &parent, &map);
		assert_in_range(map.outside, 500000, 500000 + 2 * 65536);
	}
}

static void test_made_up_names_differ_and_are_names(void **state)
{
	sk_autofree char *first = sk_names_make(0), *second = sk_names_make(1);
	sk_autofree char *far = sk_names_make(48 * 48 + 1);

	(void)state;
	assert_string_equal(first, "agile-badger");
	assert_string_equal(second, "agile-beaver");
	assert_string_equal(far, "agile-beaver-01");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_range_is_found_by_name_or_number),
		cmocka_unit_test(test_malformed_and_foreign_lines_are_passed_over),
		cmocka_unit_test(test_a_container_always_gets_the_same_slot),
		cmocka_unit_test(test_slots_stay_inside_the_range_of_root),
		cmocka_unit_test(test_made_up_names_differ_and_are_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
