// SPDX-License-Identifier: Apache-2.0
/* qmp - a small client of QEMU's monitor protocol: lines of JSON over a unix socket */
#include "migrate/vm/qmp.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/sock.h"
#include "lib/str.h"

#define MAX_MESSAGES 1000 /* that are none of the answer */

struct sk_qmp {
	int fd;
	struct sk_str in; /* received, not yet read */
};

int sk_qmp_parse(const char *line, size_t len, enum sk_qmp_kind *ret_kind,
		 struct sk_json **ret, struct sk_err *err)
{
	static const struct {
		const char *key;
		enum sk_qmp_kind kind;
	} keys[] = {{"QMP", SK_QMP_GREETING},
		    {"error", SK_QMP_ERROR},
		    {"event", SK_QMP_EVENT}};
	sk_auto(sk_json_free) struct sk_json *json = NULL;
	int r;

	if (len > SK_QMP_MAX_LINE)
		return sk_err_set(err, EPROTO, "QEMU's monitor sent a line of %zu bytes",
				  len);
	r = sk_json_parse(line, len, "QEMU's monitor", &json, NULL);
	if (r == -ENOMEM)
		return sk_err_oom(err);
	if (r < 0)
		return sk_err_set(err, EPROTO, "QEMU's monitor sent what is no JSON");
	for (size_t i = 0; i < SK_ARRAY_SIZE(keys); i++)
		if (sk_json_get(json, keys[i].key)) {
			*ret_kind = keys[i].kind;
			*ret = sk_steal(&json);
			return 0;
		}
	if (!sk_json_get(json, "return"))
		return sk_err_set(err, EPROTO,
				  "QEMU's monitor sent what is no message of it");
	*ret_kind = SK_QMP_RETURN;
	*ret = sk_json_ref(sk_json_get(json, "return"));
	return *ret ? 0 : sk_err_oom(err);
}

const char *sk_qmp_reason(const struct sk_json *message)
{
	return sk_json_str(sk_json_path(message, "error.desc"), "no reason given");
}

static uint64_t ms_of(const struct sk_json *value)
{
	int64_t ms = sk_json_int(value, 0);

	/* 32 bits in QEMU: what is larger did not come from there. */
	return ms > 0 && ms <= UINT32_MAX ? (uint64_t)ms * SK_NS_PER_MS : 0;
}

void sk_qmp_blocktime(const struct sk_json *answer, struct sk_blocktime *ret)
{
	const struct sk_json *total = sk_json_get(answer, "postcopy-blocktime");
	const struct sk_json *vcpus = sk_json_get(answer, "postcopy-vcpu-blocktime");
	const char *status = sk_json_str(sk_json_get(answer, "status"), "none");

	*ret = (struct sk_blocktime){.is_known = sk_json_type(total) == SK_JSON_INT};
	if (!ret->is_known) {
		(void)snprintf(
			ret->why, sizeof(ret->why),
			"QEMU at the destination tells no blocktime (its migration: "
			"%.20s)",
			status);
		return;
	}
	ret->total_ns = ms_of(total);
	for (size_t i = 0; i < sk_json_len(vcpus) && i < SK_ARRAY_SIZE(ret->vcpu_ns); i++)
		ret->vcpu_ns[ret->nr_vcpus++] = ms_of(sk_json_at(vcpus, i));
}

/* More bytes, or the end. */
static int receive(struct sk_qmp *qmp, uint64_t deadline_ns, struct sk_err *err)
{
	struct pollfd fd = {.fd = qmp->fd, .events = POLLIN};
	char bytes[4096];
	ssize_t n;
	int r;

	r = poll(&fd, 1, sk_clock_remaining_ms(deadline_ns));
	if (r == 0)
		return sk_err_set(err, ETIMEDOUT, "QEMU's monitor does not answer");
	if (r < 0)
		return errno == EINTR ? 0 : sk_err_errno(err, "wait for QEMU's monitor");
	n = recv(qmp->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return sk_err_set(err, EPIPE, "QEMU has closed its monitor");
	if (n < 0)
		return errno == EAGAIN || errno == EINTR
			       ? 0
			       : sk_err_errno(err, "read from QEMU's monitor");
	sk_str_add_bytes(&qmp->in, bytes, (size_t)n);
	if (qmp->in.failed)
		return sk_err_oom(err);
	if (qmp->in.len > SK_QMP_MAX_LINE && !memchr(qmp->in.ptr, '\n', qmp->in.len))
		return sk_err_set(err, EPROTO, "QEMU's monitor sent a line without end");
	return 0;
}

static int next_message(struct sk_qmp *qmp, uint64_t deadline_ns,
			enum sk_qmp_kind *ret_kind, struct sk_json **ret,
			struct sk_err *err)
{
	char *end;
	size_t len;
	int r;

	while (!qmp->in.ptr || !(end = memchr(qmp->in.ptr, '\n', qmp->in.len))) {
		r = receive(qmp, deadline_ns, err);
		if (r < 0)
			return r;
	}
	len = (size_t)(end - qmp->in.ptr);
	r = sk_qmp_parse(qmp->in.ptr, len && end[-1] == '\r' ? len - 1 : len, ret_kind,
			 ret, err);
	qmp->in.len -= len + 1;
	memmove(qmp->in.ptr, end + 1, qmp->in.len + 1);
	return r;
}

/* The next message of the wanted kind, or an error of QEMU. */
static int await(struct sk_qmp *qmp, enum sk_qmp_kind wanted, uint64_t deadline_ns,
		 struct sk_json **ret, struct sk_err *err)
{
	for (int i = 0; i < MAX_MESSAGES; i++) {
		sk_auto(sk_json_free) struct sk_json *message = NULL;
		enum sk_qmp_kind kind;
		int r = next_message(qmp, deadline_ns, &kind, &message, err);

		if (r < 0)
			return r;
		if (kind == SK_QMP_ERROR)
			return sk_err_set(err, EIO, "QEMU refuses: %s",
					  sk_qmp_reason(message));
		if (kind != wanted)
			continue;
		if (ret)
			*ret = sk_steal(&message);
		return 0;
	}
	return sk_err_set(err, EPROTO, "QEMU's monitor does not come to the answer");
}

int sk_qmp_call(struct sk_qmp *qmp, const char *command, uint64_t deadline_ns,
		struct sk_json **ret, struct sk_err *err)
{
	sk_autofree char *line = sk_strf("%s\n", command);
	int r;

	if (!line)
		return sk_err_oom(err);
	r = sk_sock_send_all(qmp->fd, line, strlen(line));
	if (r < 0)
		return sk_err_code(err, r, "write to QEMU's monitor");
	return await(qmp, SK_QMP_RETURN, deadline_ns, ret, err);
}

/* Never waits: a monitor that is taken, and has no room for one who waits, is busy. */
static int connect_to(const char *path, struct sk_err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	sk_autoclose int fd = -1;

	if (strlen(path) >= sizeof(address.sun_path))
		return sk_err_set(err, ENAMETOOLONG,
				  "the path of QEMU's monitor is too long: '%s'", path);
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return sk_err_errno(err, "connect to QEMU's monitor '%s'", path);
	return sk_steal_fd(&fd);
}

static int open_with(const char *path, const char *negotiation, uint64_t deadline_ns,
		     struct sk_qmp **ret, struct sk_err *err)
{
	sk_auto(sk_qmp_free) struct sk_qmp *qmp = calloc(1, sizeof(*qmp));
	int r;

	if (!qmp)
		return sk_err_oom(err);
	qmp->fd = connect_to(path, err);
	if (qmp->fd < 0)
		return qmp->fd;
	r = await(qmp, SK_QMP_GREETING, deadline_ns, NULL, err);
	if (r == 0)
		r = sk_qmp_call(qmp, negotiation, deadline_ns, NULL, err);
	if (r == 0)
		*ret = sk_steal(&qmp);
	return r;
}

int sk_qmp_open(const char *path, uint64_t deadline_ns, struct sk_qmp **ret,
		struct sk_err *err)
{
	return open_with(path, "{\"execute\":\"qmp_capabilities\"}", deadline_ns, ret,
			 err);
}

int sk_qmp_open_urgent(const char *path, uint64_t deadline_ns, struct sk_qmp **ret,
		       struct sk_err *err)
{
	return open_with(path,
			 "{\"execute\":\"qmp_capabilities\","
			 "\"arguments\":{\"enable\":[\"oob\"]}}",
			 deadline_ns, ret, err);
}

void sk_qmp_free(struct sk_qmp *qmp)
{
	if (!qmp)
		return;
	if (qmp->fd >= 0)
		(void)close(qmp->fd);
	sk_str_finish(&qmp->in);
	free(qmp);
}
