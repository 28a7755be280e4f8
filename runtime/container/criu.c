// SPDX-License-Identifier: Apache-2.0
/* criu - run criu(8) as `criu swrk`, the form that serves one client on an inherited socket
 *
 * 1. criu gets one end of a socket pair as descriptor 3, and further ones from 4 on.
 * 2. The request goes over; each answer is a notification, which is answered in turn, or the
 *    result. Descriptors come beside a message (the master of a restored terminal).
 * 3. criu ends. With rst_sibling a restored container is a child of this process.
 * 4. criu mounts cgroup v2 without options, which takes them from the whole machine: those
 *    that were there before are put back.
 */
#include "runtime/container/criu.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/proc.h"
#include "lib/sock.h"
#include "lib/str.h"
#include "runtime/cgroup/v2_options.h"

#define MESSAGE_MAX (64 * 1024)
#define EXIT_MS	    30000
#define LOG_MAX	    (64 * 1024 * 1024)

/* Fields of criu_req and criu_resp. */
enum { REQ_TYPE = 1, REQ_OPTS = 2, REQ_NOTIFY_SUCCESS = 3, REQ_FEATURES = 5 };
enum {
	RESP_TYPE = 1,
	RESP_SUCCESS = 2,
	RESP_RESTORE = 4,
	RESP_NOTIFY = 5,
	RESP_FEATURES = 8,
	RESP_MESSAGE = 9,
	RESP_VERSION = 10,
};

/* struct answer - One message of criu */
struct answer {
	unsigned int type;
	bool success;
	char script[64], message[160];
	pid_t pid;
	struct sk_criu_reply reply;
};

void sk_criu_finish(struct sk_criu *criu)
{
	free(criu->path);
	criu->path = NULL;
}

static struct sk_wire_reader inside(const struct sk_wire_field *field)
{
	return (struct sk_wire_reader){field->bytes, field->len, field->bytes == NULL};
}

static void read_notify(struct sk_wire_reader reader, struct answer *ret)
{
	struct sk_wire_field field;

	while (sk_wire_next(&reader, &field)) {
		if (field.number == 1)
			sk_wire_copy_text(&field, ret->script, sizeof(ret->script));
		if (field.number == 2)
			ret->pid = (pid_t)field.value;
	}
}

static void read_version(struct sk_wire_reader reader, struct answer *ret)
{
	struct sk_wire_field field;

	while (sk_wire_next(&reader, &field)) {
		if (field.number == 1)
			ret->reply.version += (unsigned int)field.value * 10000;
		if (field.number == 2)
			ret->reply.version += (unsigned int)field.value * 100;
		if (field.number == 4)
			ret->reply.version += (unsigned int)field.value;
	}
}

static void read_features(struct sk_wire_reader reader, struct answer *ret)
{
	struct sk_wire_field field;

	while (sk_wire_next(&reader, &field)) {
		if (field.number == 1)
			ret->reply.mem_track = field.value != 0;
		if (field.number == 2)
			ret->reply.lazy_pages = field.value != 0;
	}
}

static void read_restore(struct sk_wire_reader reader, struct answer *ret)
{
	struct sk_wire_field field;

	while (sk_wire_next(&reader, &field))
		if (field.number == 1)
			ret->reply.pid = (pid_t)field.value;
}

static int parse_answer(const void *bytes, size_t len, struct answer *ret)
{
	struct sk_wire_reader reader = {bytes, len, false};
	struct sk_wire_field field;

	*ret = (struct answer){0};
	while (sk_wire_next(&reader, &field)) {
		if (field.number == RESP_TYPE)
			ret->type = (unsigned int)field.value;
		else if (field.number == RESP_SUCCESS)
			ret->success = field.value != 0;
		else if (field.number == RESP_RESTORE)
			read_restore(inside(&field), ret);
		else if (field.number == RESP_NOTIFY)
			read_notify(inside(&field), ret);
		else if (field.number == RESP_FEATURES)
			read_features(inside(&field), ret);
		else if (field.number == RESP_MESSAGE)
			sk_wire_copy_text(&field, ret->message, sizeof(ret->message));
		else if (field.number == RESP_VERSION)
			read_version(inside(&field), ret);
	}
	return reader.is_malformed ? -EPROTO : 0;
}

static int send_message(int sock, const struct sk_str *message, struct sk_err *err)
{
	if (message->failed)
		return sk_err_oom(err);
	if (send(sock, message->ptr, message->len, MSG_NOSIGNAL) < 0)
		return sk_err_errno(err, "send a request to criu");
	return 0;
}

static int send_request(int sock, const struct sk_criu_call *call, struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str request = SK_STR_INIT,
					     features = SK_STR_INIT;

	sk_wire_uint(&request, REQ_TYPE, call->type);
	if (call->opts)
		sk_wire_message(&request, REQ_OPTS, call->opts);
	if (call->type == SK_CRIU_FEATURES) {
		sk_wire_uint(&features, 1, true);
		sk_wire_uint(&features, 2, true);
		sk_wire_message(&request, REQ_FEATURES, &features);
	}
	return send_message(sock, &request, err);
}

static int send_ack(int sock, bool success, struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str request = SK_STR_INIT;

	sk_wire_uint(&request, REQ_TYPE, SK_CRIU_NOTIFY);
	sk_wire_uint(&request, REQ_NOTIFY_SUCCESS, success);
	return send_message(sock, &request, err);
}

/* One message; @ret_fd: the descriptor beside it, or -1. */
static int receive(int sock, char *buffer, struct answer *ret, int *ret_fd,
		   struct sk_err *err)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {buffer, MESSAGE_MAX};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *c;
	ssize_t n;

	*ret_fd = -1;
	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return sk_err_errno(err, "hear from criu");
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(c), sizeof(*ret_fd));
	if (n == 0)
		return sk_err_set(err, EIO, "criu ended without an answer");
	if (parse_answer(buffer, (size_t)n, ret) < 0)
		return sk_err_set(err, EPROTO, "criu's answer is malformed");
	return 0;
}

static int converse(int sock, const struct sk_criu_call *call, struct sk_criu_reply *ret,
		    struct sk_err *err)
{
	sk_autofree char *buffer = malloc(MESSAGE_MAX);
	int r = buffer ? send_request(sock, call, err) : sk_err_oom(err);
	struct answer answer = {0};

	while (r == 0) {
		sk_autoclose int fd = -1;

		r = receive(sock, buffer, &answer, &fd, err);
		if (r < 0)
			return r;
		if (answer.type != SK_CRIU_NOTIFY)
			break;
		if (call->notify)
			r = call->notify(call->arg, answer.script, answer.pid, fd, err);
		if (r < 0) {
			(void)send_ack(sock, false, NULL);
			return r;
		}
		r = send_ack(sock, true, err);
	}
	if (r < 0)
		return r;
	if (!answer.success)
		return sk_err_set(err, EIO, "criu failed%s%s",
				  answer.message[0] ? ": " : "", answer.message);
	*ret = answer.reply;
	return 0;
}

static int start(const struct sk_criu *criu, const struct sk_criu_call *call, int theirs,
		 struct sk_proc *ret, struct sk_err *err)
{
	const char *argv[] = {criu->path, "swrk", "3", NULL};
	struct sk_proc_opts opts = {
		.fds = {theirs},
		.nr_fds = 1,
		.has_stdin = !call->keep_stdio,
		.has_stdout = !call->keep_stdio,
		.has_stderr = !call->keep_stdio,
		.stdin_fd = -1,
		.stdout_fd = -1,
		.stderr_fd = -1,
	};

	if (call->nr_fds + 1 > SK_ARRAY_SIZE(opts.fds))
		return sk_err_set(err, E2BIG, "too many descriptors for criu");
	for (unsigned int i = 0; i < call->nr_fds; i++)
		opts.fds[opts.nr_fds++] = call->fds[i];
	return sk_proc_spawn(argv, &opts, ret, err);
}

static int call_once(const struct sk_criu *criu, const struct sk_criu_call *call,
		     struct sk_criu_reply *ret, struct sk_err *err)
{
	sk_autoclose int ours = -1, theirs = -1;
	struct sk_proc proc = {0, -1};
	int pair[2], status, r = sk_sock_pair(pair);

	if (r < 0)
		return sk_err_code(err, r, "make a socket pair");
	ours = pair[0];
	theirs = pair[1];
	r = start(criu, call, theirs, &proc, err);
	if (r < 0)
		return r;
	sk_close(&theirs);
	if (call->started)
		r = call->started(call->arg, proc.pid, err);
	if (r == 0)
		r = converse(ours, call, ret, err);
	sk_close(&ours);
	if (r < 0 || sk_proc_wait(&proc, EXIT_MS, &status, NULL) < 0)
		sk_proc_kill(&proc);
	return r;
}

int sk_criu_call(const struct sk_criu *criu, const struct sk_criu_call *call,
		 struct sk_criu_reply *ret, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **options = NULL;
	int r = sk_cgroup_v2_options(&options, err), put;

	if (r == 0)
		r = call_once(criu, call, ret, err);
	put = sk_cgroup_v2_put_back(options, r < 0 ? NULL : err);
	return r < 0 ? r : put;
}

static int ask_version(struct sk_criu *criu, struct sk_err *err)
{
	const struct sk_criu_call call = {.type = SK_CRIU_VERSION};
	struct sk_criu_reply reply = {0};
	int r = sk_criu_call(criu, &call, &reply, err);

	if (r < 0) {
		r = sk_err_set(err, EOPNOTSUPP, "'%s' does not work on this kernel",
			       criu->path);
		return sk_err_hint(
			err, r,
			"`criu check` tells why; kernels from 6.13 on need criu 4 or later");
	}
	criu->version = reply.version;
	return 0;
}

int sk_criu_find(struct sk_criu *ret, struct sk_err *err)
{
	sk_auto(sk_criu_finish) struct sk_criu criu = {0};
	int r = sk_proc_find("criu", &criu.path);

	if (r < 0) {
		r = sk_err_set(err, ENOENT,
			       "criu, which checkpoints and restores, is not installed");
		return sk_err_hint(err, r, "apt-get install criu");
	}
	r = ask_version(&criu, err);
	if (r < 0)
		return r;
	*ret = criu;
	criu.path = NULL;
	return 0;
}

/* What follows from another error, or sums up: the end of criu's own helper, say. */
static bool is_aftermath(const char *what)
{
	static const char *const signs[] = {
		"(criu/cr-dump.c", "(criu/cr-restore.c", "(criu/files.c",
		"cgroupd:",	   "Unable to detach",
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(signs); i++)
		if (strstr(what, signs[i]))
			return true;
	return false;
}

/* "(00.012345) Error (criu/tun.c:85): what": the last one, as the first may be of a trial. That
 * a page server is missing is told as no error. */
static char *find_error(char *text)
{
	char *found = NULL, *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *what = strstr(line, "Error (");
		char *end = what ? strstr(what, "): ") : NULL;
		char *server = strstr(line, "Can't connect to server");

		if (server)
			found = server;
		else if (end && !is_aftermath(what))
			found = end + strlen("): ");
	}
	return found;
}

int sk_criu_explain(int dir_fd, const char *name, int r, struct sk_err *err)
{
	sk_autofree char *text = NULL;
	char *what;

	if (sk_fs_read(dir_fd, name, LOG_MAX, &text, NULL) < 0)
		return r;
	what = find_error(text);
	return what ? sk_err_wrap(err, r, "%s (see %s)", what, name) : r;
}
