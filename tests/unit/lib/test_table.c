// SPDX-License-Identifier: Apache-2.0
/* test_table - tables in a pipe and on a pseudo-terminal, and control characters in cells */
#include "lib/table.h"

#include <errno.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"

static const struct sk_table_column columns[] = {
	{"NAME", false, false},
	{"SIZE", true, false},
	{"COMMAND", false, true},
};

static char *print(const char *const *cells, size_t nr_rows)
{
	struct sk_err err = SK_ERR_INIT;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(sk_table_print(out, columns, 3, cells, nr_rows, &err), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_columns_are_as_wide_as_their_texts(void **state)
{
	const char *const cells[] = {"web",	      "7",	 "sleep 10",
				     "a-longer-name", "1234567", "sh"};
	sk_autofree char *text = print(cells, 2);

	(void)state;
	assert_string_equal(text, "NAME             SIZE COMMAND\n"
				  "web                 7 sleep 10\n"
				  "a-longer-name 1234567 sh\n");
}

static void test_no_rows_print_the_headings(void **state)
{
	sk_autofree char *text = print(NULL, 0);

	(void)state;
	assert_string_equal(text, "NAME SIZE COMMAND\n");
}

static void test_control_characters_come_out_escaped(void **state)
{
	const char *const cells[] = {"a\x1b[31m", NULL, "x\ny"};
	sk_autofree char *text = print(cells, 1);

	(void)state;
	assert_null(strchr(text, '\x1b'));
	assert_non_null(strstr(text, "a\\x1b[31m"));
	assert_non_null(strstr(text, "x\\ny\n"));
}

static void test_utf8_counts_characters_not_bytes(void **state)
{
	const char *const cells[] = {"\xc3\xa9t\xc3\xa9", "1", "x", "eteee", "2", "y"};
	sk_autofree char *text = print(cells, 2);

	(void)state;
	assert_string_equal(text, "NAME  SIZE COMMAND\n"
				  "\xc3\xa9t\xc3\xa9      1 x\n"
				  "eteee    2 y\n");
}

static void test_a_terminal_cuts_the_column_that_may_be_cut(void **state)
{
	const char *const cells[] = {"web", "7",
				     "a command that is far too long for the line"};
	struct winsize size = {.ws_row = 24, .ws_col = 30};
	sk_autoclose int master = -1, slave = -1;
	sk_auto(sk_fclose) FILE *out = NULL;
	struct sk_err err = SK_ERR_INIT;
	char text[256];
	size_t len = 0;
	ssize_t n;

	(void)state;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
	out = fdopen(dup(slave), "w");
	assert_non_null(out);
	assert_int_equal(sk_table_print(out, columns, 3, cells, 1, &err), 0);
	assert_int_equal(fflush(out), 0);
	/* A terminal hands out what has come through it so far: read on to the last line's end. */
	while (len < 2 || memcmp(text + len - 2, "\r\n", 2) != 0 ||
	       !memchr(text, '\n', len - 1)) {
		n = read(master, text + len, sizeof(text) - 1 - len);
		assert_true(n > 0);
		len += (size_t)n;
	}
	text[len] = '\0';
	assert_non_null(strstr(text, "web"));
	assert_non_null(strstr(text, "a command"));
	assert_null(strstr(text, "for the line"));
}

static void test_a_full_disk_is_an_error(void **state)
{
	const char *const cells[] = {"web", "7", "sh"};
	sk_auto(sk_fclose) FILE *out = fopen("/dev/full", "w");
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_non_null(out);
	(void)setvbuf(out, NULL, _IONBF, 0);
	assert_int_equal(sk_table_print(out, columns, 3, cells, 1, &err), -EIO);
	assert_string_equal(err.msg, "print a table: the output cannot be written");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_are_as_wide_as_their_texts),
		cmocka_unit_test(test_no_rows_print_the_headings),
		cmocka_unit_test(test_control_characters_come_out_escaped),
		cmocka_unit_test(test_utf8_counts_characters_not_bytes),
		cmocka_unit_test(test_a_terminal_cuts_the_column_that_may_be_cut),
		cmocka_unit_test(test_a_full_disk_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
