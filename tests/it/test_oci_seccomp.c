// SPDX-License-Identifier: Apache-2.0
/* linux.seccomp as programs in a container feel it: refused, killed, logged, answered for. */
#include "tests/it/oci.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/json.h"
#include "lib/sock.h"
#include "lib/str.h"

#define SIGSYS_STATUS (128 + 31)

/* What a case changes in the config.json of `skiff-oci spec` */
struct bundle {
	const char *script;  /* for sh -c */
	const char *seccomp; /* linux.seccomp */
	int uid;	     /* with no capability unless it is 0 */
	bool may_gain;	     /* noNewPrivileges: false */
};

static char *make_bundle(struct it *it, const struct bundle *b)
{
	sk_autofree char *path = oci_bundle(it, "[\"sh\",\"-c\"]");
	sk_auto(sk_json_free) struct sk_json *config = oci_config(path);
	struct sk_json *process = sk_json_get(config, "process");

	(void)sk_json_add(sk_json_get(process, "args"), sk_json_new_str(b->script));
	sk_json_set_bool(process, "noNewPrivileges", !b->may_gain);
	sk_json_set_int(sk_json_get(process, "user"), "uid", b->uid);
	if (b->uid)
		sk_json_set(process, "capabilities", sk_json_new_object());
	sk_json_set(sk_json_get(config, "linux"), "seccomp", oci_json(b->seccomp));
	oci_save(path, config);
	return sk_steal(&path);
}

#define ON_MKDIR(rest)                                                                   \
	"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["                           \
	"{\"names\":[\"mkdir\",\"mkdirat\",\"no_such_call\"]," rest "}]}"

static void run(struct it *it, const struct bundle *b, int status, int line)
{
	sk_autofree char *path = make_bundle(it, b);

	it_need_root(it);
	(void)oci(it, "run", "-b", path, "s1");
	oci_assert_exit(it, status, line);
}

static void test_a_call_fails_with_the_errno_of_its_rule(void **state)
{
	struct it *it = *state;

	run(it,
	    &(struct bundle){
		    .script = "mkdir /dev/shm/x",
		    .seccomp = ON_MKDIR("\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":28"),
	    },
	    1, __LINE__);
	it_assert_has(it->err, "No space left on device");
}

static void test_a_killed_process_ends_by_sigsys(void **state)
{
	struct it *it = *state;

	run(it,
	    &(struct bundle){
		    .script = "exec mkdir /dev/shm/x",
		    .seccomp = ON_MKDIR("\"action\":\"SCMP_ACT_KILL_PROCESS\""),
	    },
	    SIGSYS_STATUS, __LINE__);
	run(it,
	    &(struct bundle){
		    .script = "mkdir /dev/shm/x; echo $?",
		    .seccomp = ON_MKDIR("\"action\":\"SCMP_ACT_KILL\""),
	    },
	    0, __LINE__);
	assert_string_equal(it->out, "159\n");
}

static void test_arguments_decide(void **state)
{
	struct it *it = *state;

	run(it,
	    &(struct bundle){
		    .script = "trap : USR1 USR2; kill -USR2 $$ && echo passed; "
			      "kill -USR1 $$ || echo refused",
		    .seccomp =
			    "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{"
			    "\"names\":[\"kill\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":["
			    "{\"index\":1,\"value\":10,\"op\":\"SCMP_CMP_EQ\"}]}]}",
	    },
	    0, __LINE__);
	assert_string_equal(it->out, "passed\nrefused\n");
}

static void test_a_further_process_is_under_the_filter_too(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = make_bundle(
		it, &(struct bundle){
			    .script = "sleep 1000",
			    .seccomp = ON_MKDIR(
				    "\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":28"),
		    });
	sk_autofree char *program = sk_strf("%s/bin/skiff-oci", it->build);
	sk_autofree char *root = sk_strf("%s/oci", it->dir);

	it_need_root(it);
	it_command(it, IT_ARGS("sh", "-c",
			       "exec \"$0\" \"$@\" >/dev/null 2>&1 </dev/null", program,
			       "--root", root, "run", "--detach", "-b", bundle, "s2"));
	oci_assert_exit(it, 0, __LINE__);
	oci_expect(it, 1, "exec", "s2", "mkdir", "/dev/shm/x");
	it_assert_has(it->err, "No space left on device");
	oci_expect(it, 0, "delete", "--force", "s2");
}

static void test_a_logged_call_is_made(void **state)
{
	struct it *it = *state;

	run(it,
	    &(struct bundle){
		    .script = "mkdir /dev/shm/x && echo made",
		    .seccomp = ON_MKDIR("\"action\":\"SCMP_ACT_LOG\""),
	    },
	    0, __LINE__);
	assert_string_equal(it->out, "made\n");
}

/* The filter is installed with CAP_SYS_ADMIN then, which must not be left. */
static void test_without_no_new_privileges_the_command_keeps_no_capability(void **state)
{
	struct it *it = *state;

	run(it,
	    &(struct bundle){
		    .script =
			    "grep -E 'CapEff|CapPrm|NoNewPrivs|Seccomp:' /proc/self/status; mkdir /dev/shm/x",
		    .seccomp = ON_MKDIR("\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":28"),
		    .uid = 1000,
		    .may_gain = true,
	    },
	    1, __LINE__);
	assert_string_equal(it->out, "CapPrm:\t0000000000000000\n"
				     "CapEff:\t0000000000000000\n"
				     "NoNewPrivs:\t0\n"
				     "Seccomp:\t2\n");
	it_assert_has(it->err, "No space left on device");
}

static void test_what_is_wrong_is_refused_before_anything_is_made(void **state)
{
	struct it *it = *state;

	run(it,
	    &(struct bundle){.script = "true",
			     .seccomp = ON_MKDIR("\"action\":\"SCMP_ACT_MAYBE\"")},
	    1, __LINE__);
	it_assert_has(it->err,
		      "linux.seccomp.syscalls[].action: 'SCMP_ACT_MAYBE' is not known");
}

/* Waits for the listener of a container; its message goes to @ret_text. */
static int take_listener(int server, char **ret_text)
{
	struct pollfd poll_fd = {.fd = server, .events = POLLIN};
	sk_autoclose int sock = -1;
	char text[8192], control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {.iov_base = text, .iov_len = sizeof(text) - 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	const struct cmsghdr *header;
	int listener = -1;
	ssize_t n;

	assert_int_equal(poll(&poll_fd, 1, 30000), 1);
	sock = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	assert_true(sock >= 0);
	n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	assert_true(n > 0);
	text[n] = '\0';
	header = CMSG_FIRSTHDR(&msg);
	if (header)
		memcpy(&listener, CMSG_DATA(header), sizeof(listener));
	assert_true(listener >= 0);
	*ret_text = strdup(text);
	return listener;
}

/* Answers calls with @code until the container is gone; how many. */
static int answer(int listener, int code)
{
	struct pollfd poll_fd = {.fd = listener, .events = POLLIN};
	int answered = 0;

	while (poll(&poll_fd, 1, 30000) == 1 && !(poll_fd.revents & POLLHUP)) {
		struct seccomp_notif request = {0};
		struct seccomp_notif_resp response = {0};

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
			continue;
		response.id = request.id;
		response.error = -code;
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) == 0)
			answered++;
	}
	return answered;
}

static void check_message(const char *text, const char *id)
{
	sk_auto(sk_json_free) struct sk_json *message = oci_json(text);

	assert_non_null(sk_json_str(sk_json_get(message, "ociVersion"), NULL));
	assert_string_equal(sk_json_str(sk_json_at(sk_json_get(message, "fds"), 0), ""),
			    "seccompFd");
	assert_string_equal(sk_json_str(sk_json_get(message, "metadata"), ""), "hello");
	assert_true(sk_json_int(sk_json_get(message, "pid"), 0) > 1);
	assert_int_equal(sk_json_int(sk_json_get(message, "pid"), 0),
			 sk_json_int(sk_json_path(message, "state.pid"), -1));
	assert_string_equal(sk_json_str(sk_json_path(message, "state.id"), ""), id);
}

/* sendmsg is among the calls: the runtime must get its listener out nevertheless. */
static char *listener_config(const char *path)
{
	return sk_strf(
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"%s\","
		"\"listenerMetadata\":\"hello\",\"syscalls\":[{\"names\":[\"mkdir\","
		"\"mkdirat\",\"sendmsg\",\"sendto\",\"futex\",\"close\"],"
		"\"action\":\"SCMP_ACT_NOTIFY\",\"args\":[]}]}",
		path);
}

static void test_a_listener_gets_the_descriptor_and_answers(void **state)
{
	struct it *it = *state;
	sk_autofree char *path = sk_strf("%s/agent.sock", it->dir), *text = NULL;
	sk_autofree char *config = listener_config(path), *bundle = NULL;
	sk_autofree char *program = sk_strf("%s/bin/skiff-oci", it->build);
	sk_autofree char *root = sk_strf("%s/oci", it->dir);
	sk_autoclose int server = -1, listener = -1;
	struct it_job job;

	it_need_root(it);
	server = sk_sock_listen(path, NULL);
	assert_true(server >= 0);
	bundle = make_bundle(it, &(struct bundle){.script = "exec mkdir /dev/shm/x",
						  .seccomp = config});
	it_spawn(&job, -1, IT_ARGS(program, "--root", root, "run", "-b", bundle, "n1"));
	listener = take_listener(server, &text);
	check_message(text, "n1");
	assert_true(answer(listener, EXDEV) > 0);
	it_finish(it, &job);
	oci_assert_exit(it, 1, __LINE__);
	it_assert_has(it->err, "Invalid cross-device link");
}

static void test_a_further_process_has_a_listener_of_its_own(void **state)
{
	struct it *it = *state;
	sk_autofree char *path = sk_strf("%s/agent.sock", it->dir), *text = NULL;
	sk_autofree char *config = listener_config(path), *bundle = NULL, *more = NULL;
	sk_autofree char *program = sk_strf("%s/bin/skiff-oci", it->build);
	sk_autofree char *root = sk_strf("%s/oci", it->dir);
	sk_autoclose int server = -1, first = -1, second = -1;
	sk_auto(sk_json_free) struct sk_json *message = NULL;
	struct it_job job;

	it_need_root(it);
	server = sk_sock_listen(path, NULL);
	assert_true(server >= 0);
	bundle = make_bundle(it, &(struct bundle){.script = "exec sleep 1000",
						  .seccomp = config});
	it_spawn(&job, -1,
		 IT_ARGS("sh", "-c", "exec \"$0\" \"$@\" >/dev/null 2>&1", program,
			 "--root", root, "run", "--detach", "-b", bundle, "n2"));
	first = take_listener(server, &text);
	it_finish(it, &job);
	oci_assert_exit(it, 0, __LINE__);
	it_spawn(&job, -1,
		 IT_ARGS(program, "--root", root, "exec", "n2", "mkdir", "/dev/shm/x"));
	second = take_listener(server, &more);
	message = oci_json(more);
	assert_string_equal(sk_json_str(sk_json_path(message, "state.status"), ""),
			    "running");
	assert_int_not_equal(sk_json_int(sk_json_get(message, "pid"), 0),
			     sk_json_int(sk_json_path(message, "state.pid"), 0));
	assert_true(answer(second, EXDEV) > 0);
	it_finish(it, &job);
	oci_assert_exit(it, 1, __LINE__);
	it_assert_has(it->err, "Invalid cross-device link");
	oci_expect(it, 0, "delete", "--force", "n2");
}

static void test_a_listener_that_is_not_there_is_an_error(void **state)
{
	struct it *it = *state;
	sk_autofree char *path = sk_strf("%s/nobody.sock", it->dir);
	sk_autofree char *config = listener_config(path);

	run(it, &(struct bundle){.script = "true", .seccomp = config}, 1, __LINE__);
	it_assert_has(it->err, "connect to the seccomp listener");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_a_call_fails_with_the_errno_of_its_rule),
		IT_TEST(test_a_killed_process_ends_by_sigsys),
		IT_TEST(test_arguments_decide),
		IT_TEST(test_a_further_process_is_under_the_filter_too),
		IT_TEST(test_a_logged_call_is_made),
		IT_TEST(test_without_no_new_privileges_the_command_keeps_no_capability),
		IT_TEST(test_what_is_wrong_is_refused_before_anything_is_made),
		IT_TEST(test_a_listener_gets_the_descriptor_and_answers),
		IT_TEST(test_a_further_process_has_a_listener_of_its_own),
		IT_TEST(test_a_listener_that_is_not_there_is_an_error),
	};

	return it_run_group(tests);
}
