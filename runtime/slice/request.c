// SPDX-License-Identifier: Apache-2.0
/* request - talk between a command and the supervisor of a slice
 *
 * One request per connection: the command sends a verb and closes its sending side, the
 * supervisor answers with one JSON object when it has done what was asked, and closes.
 * {"ready_ms": 93.1} or {"code": 28, "msg": "...", "hint": "..."}.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/sock.h"
#include "lib/str.h"
#include "runtime/slice/slice.h"

#define MAX_VERB      64
#define MAX_ANSWER    (64u << 10)
#define READ_PATIENCE 5000 /* ms for the verb of a client that has connected */

/* Fill the caller's error from an answer that holds one. */
static int failure_of(const struct sk_json *answer, struct sk_err *err)
{
	int code = (int)sk_json_int(sk_json_get(answer, "code"), 0);
	const char *hint = sk_json_str(sk_json_get(answer, "hint"), "");

	if (code == 0)
		return 0;
	(void)sk_err_set(err, code, "%s",
			 sk_json_str(sk_json_get(answer, "msg"), strerror(code)));
	return *hint ? sk_err_hint(err, -code, "%s", hint) : -code;
}

static int wait_readable(int fd, uint64_t deadline)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int n;

	do {
		n = poll(&poll_fd, 1, sk_clock_remaining_ms(deadline));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == 0 ? -ETIMEDOUT : 0;
}

/* All bytes until the other side is done. */
static int read_all(int fd, size_t max, uint64_t deadline, struct sk_str *ret)
{
	char buf[4096];

	for (;;) {
		ssize_t n;
		int r = wait_readable(fd, deadline);

		if (r < 0)
			return r;
		n = read(fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		sk_str_add_bytes(ret, buf, (size_t)n);
		if (ret->len > max)
			return -EMSGSIZE;
	}
}

int sk_slice_request(const struct sk_slice_dir *dir, const char *verb,
		     unsigned int timeout_ms, struct sk_json **ret, struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;
	sk_auto(sk_json_free) struct sk_json *answer = NULL;
	sk_autofree char *path = sk_strf("%s/sock", dir->run_path);
	sk_autoclose int conn = -1;
	int r;

	if (!path)
		return sk_err_oom(err);
	conn = sk_sock_connect(path, err);
	if (conn < 0)
		return conn;
	r = sk_sock_send_all(conn, verb, strlen(verb));
	if (r == 0 && shutdown(conn, SHUT_WR) < 0)
		r = -errno;
	if (r == 0)
		r = read_all(conn, MAX_ANSWER,
			     sk_clock_mono() + timeout_ms * SK_NS_PER_MS, &text);
	if (r < 0)
		return sk_err_code(err, r, "ask the supervisor of slice '%s'", dir->name);
	if (text.len == 0) {
		(void)sk_err_set(err, EPIPE, "the supervisor of slice '%s' ended",
				 dir->name);
		return sk_err_hint(err, -EPIPE, "see %s/slices/%s/log", dir->home->root,
				   dir->name);
	}
	r = sk_json_parse(text.ptr, text.len, "answer", &answer, err);
	if (r == 0)
		r = failure_of(answer, err);
	if (r == 0 && ret)
		*ret = sk_steal(&answer);
	return r;
}

int sk_slice_request_read(int conn, char **ret, struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;
	int r = read_all(conn, MAX_VERB, sk_clock_mono() + READ_PATIENCE * SK_NS_PER_MS,
			 &text);
	char *verb;

	if (r < 0)
		return sk_err_code(err, r, "read a request");
	verb = sk_str_steal(&text);
	if (!verb)
		return sk_err_oom(err);
	*ret = verb;
	return 0;
}

int sk_slice_request_answer(int conn, int r, const struct sk_err *failure,
			    const struct sk_json *answer)
{
	sk_auto(sk_json_free) struct sk_json *json = NULL;
	sk_autofree char *text = NULL;

	if (r < 0) {
		json = sk_json_new_object();
		sk_json_set_int(json, "code", -r);
		sk_json_set_str(json, "msg", failure->msg);
		sk_json_set_str(json, "hint", failure->hint);
	}
	text = sk_json_print(r < 0 ? json : answer, false);
	if (!text)
		return -ENOMEM;
	return sk_sock_send_all(conn, text, strlen(text));
}
