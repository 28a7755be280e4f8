// SPDX-License-Identifier: Apache-2.0
/* test_progress - lines in a pipe, one live line on a pseudo-terminal */
#include "lib/progress.h"

#include <errno.h>
#include <fcntl.h>
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
#include "lib/clock.h"

/* stderr replaced by a pipe or a terminal for as long as a test runs. */
struct capture {
	int read_fd;
	int saved_stderr;
	char text[1024];
};

static void start(struct capture *capture, int read_fd, int write_fd)
{
	capture->read_fd = read_fd;
	capture->saved_stderr = dup(STDERR_FILENO);
	assert_true(capture->saved_stderr >= 0);
	assert_int_equal(fcntl(read_fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(dup2(write_fd, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(close(write_fd), 0);
}

/* Everything written by now; a pipe and a terminal pass it on within write(2). */
static const char *take(struct capture *capture)
{
	ssize_t len = read(capture->read_fd, capture->text, sizeof(capture->text) - 1);

	capture->text[len > 0 ? len : 0] = '\0';
	return capture->text;
}

static void stop(struct capture *capture)
{
	assert_int_equal(dup2(capture->saved_stderr, STDERR_FILENO), STDERR_FILENO);
	sk_close(&capture->saved_stderr);
	sk_close(&capture->read_fd);
}

static void start_pipe(struct capture *capture)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	start(capture, fds[0], fds[1]);
}

static void start_terminal(struct capture *capture)
{
	struct winsize size = {.ws_row = 24, .ws_col = 30};
	int master, slave;

	assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
	assert_int_equal(setenv("TERM", "xterm", 1), 0);
	start(capture, master, slave);
}

static void test_a_pipe_gets_a_line_per_phase(void **state)
{
	struct sk_progress progress;
	struct capture capture;

	(void)state;
	start_pipe(&capture);
	sk_progress_init(&progress, false);
	sk_progress_phase(&progress, "copy %d", 1);
	sk_progress_update(&progress, "50 %%");
	sk_progress_phase(&progress, "che\x1b"
				     "ck");
	sk_progress_done(&progress);
	(void)take(&capture);
	stop(&capture);
	assert_string_equal(capture.text, "copy 1\nche\\x1bck\n");
}

static void test_quiet_prints_nothing(void **state)
{
	struct sk_progress progress;
	struct capture capture;

	(void)state;
	start_pipe(&capture);
	sk_progress_init(&progress, true);
	sk_progress_phase(&progress, "copy");
	sk_progress_update(&progress, "x");
	sk_progress_done(&progress);
	(void)take(&capture);
	stop(&capture);
	assert_string_equal(capture.text, "");
}

static void test_a_terminal_shows_nothing_in_the_first_half_second(void **state)
{
	struct sk_progress progress;
	struct capture capture;

	(void)state;
	start_terminal(&capture);
	sk_progress_init(&progress, false);
	sk_progress_phase(&progress, "copy");
	sk_progress_update(&progress, "1 %%");
	sk_progress_done(&progress);
	(void)take(&capture);
	stop(&capture);
	assert_string_equal(capture.text, "");
}

static void test_what_is_said_stays_and_the_phase_goes_on(void **state)
{
	char said[201], in_pipe[256], at_once[256], later[64];
	struct sk_progress progress;
	struct capture capture;

	(void)state;
	/* Longer than a line of a terminal. */
	memset(said, 'x', sizeof(said) - 1);
	said[sizeof(said) - 1] = '\0';
	start_pipe(&capture);
	sk_progress_init(&progress, false);
	sk_progress_say(&progress, "%s", said);
	(void)snprintf(in_pipe, sizeof(in_pipe), "%s", take(&capture));
	stop(&capture);
	start_terminal(&capture);
	sk_progress_init(&progress, false);
	sk_progress_phase(&progress, "copy");
	progress.phase_start_ns -= SK_NS_PER_S;
	sk_progress_update(&progress, "1 %%");
	(void)take(&capture);
	sk_progress_say(&progress, "%s", "slow");
	(void)snprintf(at_once, sizeof(at_once), "%s", take(&capture));
	progress.last_update_ns -= SK_NS_PER_S;
	sk_progress_update(&progress, "2 %%");
	(void)snprintf(later, sizeof(later), "%s", take(&capture));
	stop(&capture);
	assert_int_equal(strlen(in_pipe), strlen(said) + 1);
	assert_memory_equal(in_pipe, said, strlen(said));
	assert_string_equal(at_once, "\r\033[Kslow\r\n");
	assert_string_equal(later, "\r\033[Kcopy 2 %");
}

static void test_a_terminal_line_fits_and_is_erased(void **state)
{
	struct sk_progress progress;
	struct capture capture;
	char first[64], third[64];

	(void)state;
	start_terminal(&capture);
	sk_progress_init(&progress, false);
	sk_progress_phase(&progress, "copy");
	/* As if the phase had begun a second ago. */
	progress.phase_start_ns -= SK_NS_PER_S;
	sk_progress_update(&progress, "0123456789012345678901234567890");
	(void)snprintf(first, sizeof(first), "%s", take(&capture));
	sk_progress_update(&progress, "too soon");
	sk_progress_phase(&progress, "check");
	(void)snprintf(third, sizeof(third), "%s", take(&capture));
	sk_progress_done(&progress);
	(void)take(&capture);
	stop(&capture);
	assert_string_equal(first, "\r\033[Kcopy 012345678901234567890123");
	assert_string_equal(third, "\r\033[Kcheck");
	assert_string_equal(capture.text, "\r\033[K");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_pipe_gets_a_line_per_phase),
		cmocka_unit_test(test_quiet_prints_nothing),
		cmocka_unit_test(test_a_terminal_shows_nothing_in_the_first_half_second),
		cmocka_unit_test(test_what_is_said_stays_and_the_phase_goes_on),
		cmocka_unit_test(test_a_terminal_line_fits_and_is_erased),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
