// SPDX-License-Identifier: Apache-2.0
/* it - run skiff, keep what it prints, wait for what it does */
#include "tests/it/it.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/parse.h"
#include "lib/str.h"

#define COMMAND_TIMEOUT_NS (60 * SK_NS_PER_S)
#define REAP_EVERY_MS	   20
#define AWAIT_NS	   (30 * SK_NS_PER_S)
#define POLL_NS		   (5 * SK_NS_PER_MS)
#define MAX_OUTPUT	   (64u << 20)
#define MAX_JOBS	   64

/* Children that it_finish() will wait for; any other is an orphan that came to this subreaper. */
static pid_t jobs[MAX_JOBS];
/* That of it_keep(). */
static pid_t kept;

static bool is_job(pid_t pid)
{
	for (size_t i = 0; i < MAX_JOBS; i++)
		if (jobs[i] == pid)
			return true;
	return false;
}

static void change_job(pid_t from, pid_t to)
{
	for (size_t i = 0; i < MAX_JOBS; i++) {
		if (jobs[i] != from)
			continue;
		jobs[i] = to;
		return;
	}
	fail_msg("too many jobs");
}

void it_keep(const struct it_job *job)
{
	assert_int_equal(kept, 0);
	kept = job->proc.pid;
}

bool it_is_kept(pid_t pid)
{
	return kept == pid;
}

void it_forget_jobs(void)
{
	for (size_t i = 0; i < MAX_JOBS; i++)
		if (jobs[i] != kept)
			jobs[i] = 0;
}

/* As PID 1 of a machine does: a zombie inside a container would keep it from ending. */
static bool reap_orphans(void)
{
	bool is_any_left = false;
	sk_autofree char *path = sk_strf("/proc/self/task/%d/children", getpid());
	sk_autofree char *text = NULL;

	if (sk_fs_read(AT_FDCWD, path, 65536, &text, NULL) < 0)
		return false;
	for (char *at = text; *at;) {
		pid_t pid = (pid_t)strtol(at, &at, 10);

		if (pid <= 0)
			break;
		if (!is_job(pid) && waitpid(pid, NULL, WNOHANG) == 0)
			is_any_left = true;
		at += *at == ' ';
	}
	return is_any_left;
}

bool it_has_children(void)
{
	return reap_orphans();
}

void it_need_root(const struct it *it)
{
	if (it->world)
		return;
	print_message("reason: needs root\n");
	skip();
}

void it_need_criu(const struct it *it)
{
	int status = 1;

	it_need_root(it);
	/* criu tries a connection to itself, and the network of a test has nothing at first */
	if (sk_proc_capture(IT_ARGS("ip", "link", "set", "lo", "up"), 60000, NULL,
			    &status, NULL) < 0 ||
	    status != 0)
		fail_msg("cannot set up the loopback link");
	/* fails on kernels that this criu does not know */
	if (sk_proc_capture(IT_ARGS("criu", "check"), 60000, NULL, &status, NULL) == 0 &&
	    status == 0)
		return;
	print_message("reason: criu is missing, or does not work on this kernel\n");
	skip();
}

double it_slowness(void)
{
	const char *text = getenv("SKIFF_SLOWNESS");
	double factor = 1;

	if (text && sk_parse_double(text, 1, 1000, &factor, NULL) < 0)
		fail_msg("SKIFF_SLOWNESS is '%s', not a number from 1 to 1000", text);
	return factor;
}

/* All that a job has written, which may go on writing. */
static char *read_all(int fd)
{
	char *text = NULL;

	if (lseek(fd, 0, SEEK_SET) < 0 || sk_fs_read_fd(fd, MAX_OUTPUT, &text, NULL) < 0)
		fail_msg("cannot read the output of a command");
	return text;
}

void it_spawn(struct it_job *job, int stdin_fd, const char *const *argv)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_proc_opts opts = {.has_stdin = true,
				    .stdin_fd = stdin_fd,
				    .has_stdout = true,
				    .has_stderr = true};

	job->out_fd = memfd_create("stdout", MFD_CLOEXEC);
	job->err_fd = memfd_create("stderr", MFD_CLOEXEC);
	/* Appending, as reading moves the offset that the job shares. */
	if (job->out_fd < 0 || job->err_fd < 0 ||
	    fcntl(job->out_fd, F_SETFL, O_APPEND) < 0 ||
	    fcntl(job->err_fd, F_SETFL, O_APPEND) < 0)
		fail_msg("memfd: %s", strerror(errno));
	opts.stdout_fd = job->out_fd;
	opts.stderr_fd = job->err_fd;
	if (sk_proc_spawn(argv, &opts, &job->proc, &err) < 0)
		fail_msg("%s", err.msg);
	change_job(0, job->proc.pid);
}

static int wait_job(struct it_job *job, int *ret_status, struct sk_err *err)
{
	uint64_t deadline = sk_clock_mono() + COMMAND_TIMEOUT_NS;
	pid_t pid = job->proc.pid;
	int r;

	do {
		r = sk_proc_wait(&job->proc, REAP_EVERY_MS, ret_status, err);
		(void)reap_orphans();
	} while (r == -ETIMEDOUT && sk_clock_mono() < deadline);
	if (r == -ETIMEDOUT)
		sk_proc_kill(&job->proc);
	change_job(pid, 0);
	if (kept == pid)
		kept = 0;
	return r;
}

int it_finish(struct it *it, struct it_job *job)
{
	struct sk_err err = SK_ERR_INIT;
	int r = wait_job(job, &it->status, &err);

	free(it->out);
	free(it->err);
	it->out = read_all(job->out_fd);
	it->err = read_all(job->err_fd);
	sk_close(&job->out_fd);
	sk_close(&job->err_fd);
	if (r == -ETIMEDOUT)
		fail_msg("took longer than %llu s; stdout: %s; stderr: %s",
			 COMMAND_TIMEOUT_NS / SK_NS_PER_S, it->out, it->err);
	if (r < 0)
		fail_msg("%s", err.msg);
	return it->status;
}

int it_command(struct it *it, const char *const *argv)
{
	struct it_job job;

	it_spawn(&job, -1, argv);
	return it_finish(it, &job);
}

char **it_skiff_words(const struct it *it, const char *const *args)
{
	char **words = NULL;
	int r = 0;

	for (const char *const *word = it->prefix; word && *word; word++)
		r |= sk_strv_add(&words, *word);
	r |= sk_strv_addf(&words, "%s/bin/skiff", it->build);
	r |= sk_strv_add(&words, "--root") | sk_strv_add(&words, it->root);
	r |= sk_strv_add(&words, "--runroot") | sk_strv_add(&words, it->runroot);
	for (; *args; args++)
		r |= sk_strv_add(&words, *args);
	assert_int_equal(r, 0);
	return words;
}

void it_start_argv(struct it *it, struct it_job *job, int stdin_fd,
		   const char *const *args)
{
	sk_auto(sk_strv_free) char **words = it_skiff_words(it, args);

	it_spawn(job, stdin_fd, (const char *const *)words);
}

int it_skiff_argv(struct it *it, const char *const *args)
{
	struct it_job job;

	it_start_argv(it, &job, -1, args);
	return it_finish(it, &job);
}

void it_expect_argv(struct it *it, int status, const char *const *args, const char *file,
		    int line)
{
	sk_autofree char *words = NULL;

	if (it_skiff_argv(it, args) == status)
		return;
	words = sk_strv_join((char *const *)args, " ");
	print_error("skiff %s: status %d, expected %d\nstdout: %s\nstderr: %s\n", words,
		    it->status, status, it->out, it->err);
	_fail(file, line);
}

void it_assert_has_at(const char *text, const char *part, const char *file, int line)
{
	if (strstr(text, part))
		return;
	print_error("'%s' is not in: %s\n", part, text);
	_fail(file, line);
}

void it_await_out(struct it_job *job, const char *part)
{
	uint64_t deadline = sk_clock_mono() + AWAIT_NS;

	for (;;) {
		sk_autofree char *text = read_all(job->out_fd);

		if (strstr(text, part))
			return;
		if (sk_clock_mono() >= deadline) {
			sk_autofree char *errors = read_all(job->err_fd);

			change_job(job->proc.pid, 0);
			sk_proc_kill(&job->proc);
			fail_msg("no '%s' in: %s; stderr: %s", part, text, errors);
		}
		sk_clock_sleep_until(sk_clock_mono() + POLL_NS);
	}
}

void it_await_text(struct it *it, const char *part, const char *const *args)
{
	uint64_t deadline = sk_clock_mono() + AWAIT_NS;

	for (;;) {
		(void)it_skiff_argv(it, args);
		if (strstr(it->out, part))
			return;
		if (sk_clock_mono() >= deadline)
			fail_msg("no '%s' in: %s; stderr: %s", part, it->out, it->err);
		sk_clock_sleep_until(sk_clock_mono() + POLL_NS);
	}
}

void it_await_status(struct it *it, const char *name, const char *status)
{
	sk_autofree char *line = sk_strf("%s\n", status);

	it_await_text(it, line, IT_ARGS("inspect", "--format", "{{.status}}", name));
}
