// SPDX-License-Identifier: Apache-2.0
/* test_log - lines are shown by level, whole, safe for terminals */
#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"

static int ends[2];

static int make_pipe(void **state)
{
	(void)state;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	sk_log_set_fd(ends[1]);
	sk_log_set_level(SK_LOG_WARN);
	return 0;
}

static int drop_pipe(void **state)
{
	(void)state;
	sk_log_set_fd(STDERR_FILENO);
	sk_close(&ends[0]);
	sk_close(&ends[1]);
	return 0;
}

static const char *logged(void)
{
	static char text[8192];
	ssize_t n = read(ends[0], text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void test_warning_is_one_line(void **state)
{
	(void)state;
	sk_log_warn("limit of '%s' is %d", "web1", 3);
	assert_string_equal(logged(), "skiff: warning: limit of 'web1' is 3\n");
	sk_log(SK_LOG_ERROR, "no");
	assert_string_equal(logged(), "skiff: error: no\n");
}

static void test_levels_beyond_the_chosen_are_silent(void **state)
{
	(void)state;
	sk_log_info("hidden");
	sk_log_debug("hidden");
	assert_string_equal(logged(), "");
	sk_log_set_level(SK_LOG_DEBUG);
	sk_log_info("a");
	sk_log_debug("b");
	assert_string_equal(logged(), "skiff: info: a\nskiff: debug: b\n");
	sk_log_set_level(SK_LOG_ERROR);
	sk_log_warn("hidden");
	assert_string_equal(logged(), "");
}

static void test_control_characters_do_not_reach_the_terminal(void **state)
{
	(void)state;
	sk_log_warn("a\033[2Jb\nskiff: error: forged");
	assert_string_equal(logged(),
			    "skiff: warning: a\\x1b[2Jb\\nskiff: error: forged\n");
}

static void test_long_lines_are_cut(void **state)
{
	char text[5000];
	const char *line;
	size_t len;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	sk_log_warn("%s", text);
	line = logged();
	len = strlen(line);
	assert_true(len < 2048);
	assert_string_equal(line + len - 5, "x...\n");
	memset(text, '\033', sizeof(text) - 1);
	sk_log_warn("%s", text);
	line = logged();
	len = strlen(line);
	assert_true(len <= 2048);
	assert_string_equal(line + len - 5, "b...\n");
}

static void test_errno_is_kept(void **state)
{
	(void)state;
	sk_log_set_fd(-1);
	errno = ENOSPC;
	sk_log_warn("lost");
	assert_int_equal(errno, ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_warning_is_one_line, make_pipe,
						drop_pipe),
		cmocka_unit_test_setup_teardown(test_levels_beyond_the_chosen_are_silent,
						make_pipe, drop_pipe),
		cmocka_unit_test_setup_teardown(
			test_control_characters_do_not_reach_the_terminal, make_pipe,
			drop_pipe),
		cmocka_unit_test_setup_teardown(test_long_lines_are_cut, make_pipe,
						drop_pipe),
		cmocka_unit_test_setup_teardown(test_errno_is_kept, make_pipe, drop_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
