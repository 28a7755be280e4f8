// SPDX-License-Identifier: Apache-2.0
/* test_systemd - scopes from a stand-in systemd, and from the real one where it runs */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/sock.h"
#include "lib/str.h"
#include "runtime/cgroup/systemd.h"
#include "tests/unit/tempdir.h"

/* ---- a systemd that behaves as a case wants ---- */

struct standin {
	const char *group;   /* its own */
	const char *result;  /* of jobs */
	unsigned int exists; /* so many times StartTransientUnit finds the unit there */
	int log;	     /* each call as a line "MEMBER SIGNATURE FIRST-TEXT" */
};

static void reply(int fd, const struct sk_dbus_message *call,
		  struct sk_dbus_message message, const struct sk_dbus_writer *body)
{
	sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer w = {0};

	message.reply_serial = message.type == SK_DBUS_SIGNAL ? 0 : call->serial;
	message.serial = 1;
	message.body = body->bytes;
	message.body_len = body->len;
	sk_dbus_write(&w, &message);
	(void)!write(fd, w.bytes, w.len);
}

static void job_removed(int fd, const char *job, const char *result)
{
	sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer body = {0};
	const struct sk_dbus_message signal = {.type = SK_DBUS_SIGNAL,
					       .path = "/org/freedesktop/systemd1",
					       .member = "JobRemoved",
					       .signature = "uoss"};

	sk_dbus_put_u32(&body, 1);
	sk_dbus_put_str(&body, job);
	sk_dbus_put_str(&body, "x.scope");
	sk_dbus_put_str(&body, result);
	reply(fd, NULL, signal, &body);
}

static void answer_call(int fd, const struct sk_dbus_message *call, struct standin *s)
{
	sk_auto(sk_dbus_writer_finish) struct sk_dbus_writer body = {0};
	struct sk_dbus_message message = {.type = SK_DBUS_RETURN, .signature = ""};
	bool is_job = strcmp(call->member, "StartTransientUnit") == 0 ||
		      strcmp(call->member, "StopUnit") == 0;

	if (is_job && strcmp(call->member, "StartTransientUnit") == 0 && s->exists) {
		s->exists--;
		message.type = SK_DBUS_ERROR;
		message.error = "org.freedesktop.systemd1.UnitExists";
		message.signature = "s";
		sk_dbus_put_str(&body, "Unit x.scope already exists.");
		reply(fd, call, message, &body);
		return;
	}
	if (strcmp(call->member, "Get") == 0) {
		message.signature = "v";
		sk_dbus_put_sig(&body, "s");
		sk_dbus_put_str(&body, s->group);
	} else if (is_job) {
		message.signature = "o";
		sk_dbus_put_str(&body, "/job/7");
	}
	reply(fd, call, message, &body);
	if (is_job) {
		job_removed(fd, "/job/6", "failed"); /* somebody else's */
		job_removed(fd, "/job/7", s->result);
	}
}

static void serve_client(int fd, struct standin *s)
{
	unsigned char bytes[65536];
	size_t len = 0;
	char line[256];

	(void)!read(fd, line, sizeof(line));
	(void)!write(fd, "OK 1\r\n", 6);
	for (;;) {
		struct sk_dbus_message call;
		long n = sk_dbus_parse(bytes, len, &call);
		struct sk_dbus_reader r;
		const char *first = "";

		if (n == 0) {
			ssize_t more = read(fd, bytes + len, sizeof(bytes) - len);

			if (more <= 0)
				return;
			len += (size_t)more;
			continue;
		}
		if (n < 0)
			_exit(1);
		r = (struct sk_dbus_reader){.bytes = call.body, .len = call.body_len};
		if (call.signature[0] == 's')
			first = sk_dbus_get_str(&r);
		(void)dprintf(s->log, "%s %s %s\n", call.member, call.signature, first);
		if (strcmp(call.member, "StartTransientUnit") == 0)
			(void)!write(s->log, call.body, call.body_len);
		answer_call(fd, &call, s);
		memmove(bytes, bytes + n, len - (size_t)n);
		len -= (size_t)n;
	}
}

static void serve(int listener, struct standin *s)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			_exit(0);
		serve_client(fd, s);
		(void)close(fd);
	}
}

struct fixture {
	pid_t server;
	int log;
	struct sk_cgroup cg;
	struct sk_err err;
};

static void start_standin(struct fixture *fix, struct standin s)
{
	sk_autofree char *path = sk_strf("%s/bus", tempdir.path);
	sk_autofree char *address = sk_strf("unix:path=%s", path);
	sk_autoclose int listener = sk_sock_listen(path, NULL);

	fix->log =
		openat(tempdir.fd, "log", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(listener >= 0 && fix->log >= 0);
	s.log = fix->log;
	fix->server = fork();
	if (fix->server == 0)
		serve(listener, &s);
	(void)setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
	(void)setenv("DBUS_SESSION_BUS_ADDRESS", address, 1);
}

static void *read_log(struct fixture *fix, size_t *ret_len)
{
	char *text = NULL;

	assert_int_equal(lseek(fix->log, 0, SEEK_SET), 0);
	assert_int_equal(sk_fs_read_fd(fix->log, 1 << 20, &text, ret_len), 0);
	return text;
}

static void assert_log(struct fixture *fix, const char *part, bool wanted)
{
	size_t len = 0;
	sk_autofree char *text = read_log(fix, &len);

	if ((memmem(text, len, part, strlen(part)) != NULL) != wanted)
		fail_msg("the calls %s '%s'", wanted ? "lack" : "have", part);
}

static int place(struct fixture *fix, const char *path, const struct sk_json *annotations)
{
	const struct sk_cgroup_opts opts = {.path = path,
					    .id = "c1",
					    .manager = SK_CGROUP_MANAGER_SYSTEMD,
					    .annotations = annotations};

	return sk_systemd_place(&fix->cg, &opts, &fix->err);
}

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state ? tempdir_set_up(state) : -1;
}

static int teardown(void **state)
{
	struct fixture *fix = *state;
	int r;

	sk_systemd_free(fix->cg.systemd);
	free(fix->cg.path);
	if (fix->server > 0) {
		(void)kill(fix->server, SIGKILL);
		(void)waitpid(fix->server, NULL, 0);
		(void)close(fix->log);
	}
	(void)unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
	(void)unsetenv("DBUS_SESSION_BUS_ADDRESS");
	r = tempdir_tear_down(state);
	/* no holder may be left */
	if (waitpid(-1, NULL, WNOHANG) != -1)
		r = -1;
	free(fix);
	return r;
}

static void test_scope_is_placed_below_systemds_own_group(void **state)
{
	struct fixture *fix = *state;

	start_standin(fix, (struct standin){.group = "/outer/init.d"});
	assert_int_equal(place(fix, "a-b.slice:p:n", NULL), 0);
	assert_string_equal(fix->cg.path, "/outer/init.d/a.slice/a-b.slice/p-n.scope");
	assert_log(fix, "Get ss org.freedesktop.systemd1.Manager\n", true);
	assert_log(fix, "StartTransientUnit", false);
}

static void test_group_that_leads_outside_is_refused(void **state)
{
	struct fixture *fix = *state;

	start_standin(fix, (struct standin){.group = "/a/../b"});
	assert_int_equal(place(fix, NULL, NULL), -EPROTO);
	assert_string_equal(fix->err.msg, "systemd does not tell its own cgroup");
}

static void test_start_waits_for_its_own_job_and_keeps_a_holder(void **state)
{
	struct fixture *fix = *state;
	sk_auto(sk_json_free) struct sk_json *annotations = sk_json_new_object();
	pid_t holder;

	sk_json_set_str(annotations, "org.systemd.property.TimeoutStopSec", "3");
	sk_json_set_str(annotations, "another", "x");
	start_standin(fix, (struct standin){.group = "", .result = "done"});
	assert_int_equal(place(fix, NULL, annotations), 0);
	if (sk_systemd_start(&fix->cg, &fix->err) < 0)
		fail_msg("%s", fix->err.msg);
	holder = fix->cg.systemd->holder;
	assert_true(holder > 0);
	assert_int_equal(kill(holder, 0), 0);
	assert_log(fix, "AddMatch s type='signal'", true);
	assert_log(fix, "Subscribe", true);
	assert_log(fix, "StartTransientUnit ssa(sv)a(sa(sv)) c1.scope\n", true);
	assert_log(fix, "Delegate", true);
	assert_log(fix, "TimeoutStopUSec", true);
	sk_systemd_settle(fix->cg.systemd);
	assert_int_equal(fix->cg.systemd->holder, 0);
	assert_int_equal(kill(holder, 0), -1);
}

static void test_scope_that_failed_before_is_forgotten_first(void **state)
{
	struct fixture *fix = *state;

	start_standin(fix, (struct standin){.group = "", .result = "done", .exists = 1});
	assert_int_equal(place(fix, NULL, NULL), 0);
	if (sk_systemd_start(&fix->cg, &fix->err) < 0)
		fail_msg("%s", fix->err.msg);
	assert_log(fix, "ResetFailedUnit s c1.scope\n", true);
}

static void test_scope_of_another_is_not_taken(void **state)
{
	struct fixture *fix = *state;

	start_standin(fix, (struct standin){.group = "", .result = "done", .exists = 9});
	assert_int_equal(place(fix, NULL, NULL), 0);
	assert_int_equal(sk_systemd_start(&fix->cg, &fix->err), -EEXIST);
	assert_non_null(strstr(fix->err.msg,
			       "make the scope 'c1.scope': D-Bus: "
			       "StartTransientUnit: Unit x.scope already exists."));
	assert_int_equal(fix->cg.systemd->holder, 0);
}

static void test_job_that_fails_is_an_error(void **state)
{
	struct fixture *fix = *state;

	start_standin(fix, (struct standin){.group = "", .result = "timeout"});
	assert_int_equal(place(fix, NULL, NULL), 0);
	assert_int_equal(sk_systemd_start(&fix->cg, &fix->err), -EREMOTEIO);
	assert_non_null(strstr(fix->err.msg, "the job ended as 'timeout'"));
	assert_int_equal(fix->cg.systemd->holder, 0);
}

static void test_without_systemd_the_error_says_so(void **state)
{
	struct fixture *fix = *state;

	(void)setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
	(void)setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
	assert_int_equal(place(fix, NULL, NULL), -ENOENT);
	assert_non_null(strstr(fix->err.msg, "reach systemd: connect to D-Bus at "
					     "'unix:path=/nonexistent/bus'"));
}

/* ---- the real one ---- */

static void need_systemd(void)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	sk_autofree char *peer = sk_strf("%s/systemd/private", run ? run : "/none");

	if (sk_fs_exists(AT_FDCWD, geteuid() == 0 ? "/run/systemd/private" : peer))
		return;
	print_message("reason: no systemd runs here\n");
	skip();
}

static void assert_ok(int r, const struct sk_err *err)
{
	if (r < 0)
		fail_msg("%s", err->msg);
}

static bool systemctl(const char *verb, const char *unit)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		(void)execlp("systemctl", "systemctl", "-q",
			     geteuid() == 0 ? "--system" : "--user", verb, unit,
			     (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0;
}

static pid_t enter(const struct sk_cgroup *cg)
{
	int ready[2];
	char byte;
	pid_t pid;
	struct sk_err err = SK_ERR_INIT;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		if (sk_cgroup_enter(cg, true, NULL) == 0)
			(void)!write(ready[1], "r", 1);
		(void)close(ready[1]);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	assert_ok(sk_cgroup_attach(cg, pid, &err), &err);
	return pid;
}

static void test_real_scope_lives_as_long_as_its_process_and_keeps_its_limits(
	void **state)
{
	const struct sk_cgroup_opts opts = {.path = "skiff-test.slice:t:1",
					    .id = "1",
					    .manager = SK_CGROUP_MANAGER_SYSTEMD,
					    .is_oci = true};
	const struct sk_cgroup_limits limits = {.memory_bytes = 64 << 20, .pids_max = 9};
	sk_auto(sk_cgroup_free) struct sk_cgroup *cg = NULL, *again = NULL;
	sk_auto(sk_json_free) struct sk_json *paths = NULL;
	struct sk_err err = SK_ERR_INIT;
	sk_autofree char *memory = NULL, *file = NULL, *groups = NULL, *pids = NULL;
	pid_t pid;

	(void)state;
	need_systemd();
	assert_ok(sk_cgroup_open(&opts, &cg, &err), &err);
	paths = sk_cgroup_paths(cg);
	assert_ok(sk_cgroup_create(cg, &limits, &err), &err);
	pid = enter(cg);
	sk_cgroup_settle(cg);
	file = sk_strf("/proc/%d/cgroup", pid);
	assert_int_equal(sk_fs_read(AT_FDCWD, file, 4096, &groups, NULL), 0);
	assert_non_null(strstr(groups, "/skiff.slice/skiff-test.slice/t-1.scope\n"));
	assert_true(systemctl("is-active", "t-1.scope"));
	assert_true(systemctl("daemon-reload", "--no-pager"));
	assert_true(systemctl("is-active", "t-1.scope"));
	assert_ok(sk_cgroup_reopen(paths, &again, &err), &err);
	assert_int_equal(sk_fs_read(again->hiers[0].dirfd, "memory.max", 64, &memory,
				    NULL),
			 0);
	assert_string_equal(memory, "67108864\n");
	assert_int_equal(sk_fs_read(again->hiers[0].dirfd, "pids.max", 64, &pids, NULL),
			 0);
	assert_string_equal(pids, "9\n");
	assert_ok(sk_cgroup_destroy(again, 5000, &err), &err);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(systemctl("is-active", "t-1.scope"));
	assert_false(sk_fs_exists(AT_FDCWD, cg->hiers[0].dir));
	assert_ok(sk_cgroup_destroy(again, 5000, &err), &err);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_scope_is_placed_below_systemds_own_group),
		T(test_group_that_leads_outside_is_refused),
		T(test_start_waits_for_its_own_job_and_keeps_a_holder),
		T(test_scope_that_failed_before_is_forgotten_first),
		T(test_scope_of_another_is_not_taken),
		T(test_job_that_fails_is_an_error),
		T(test_without_systemd_the_error_says_so),
		T(test_real_scope_lives_as_long_as_its_process_and_keeps_its_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
