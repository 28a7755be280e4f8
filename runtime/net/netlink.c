// SPDX-License-Identifier: Apache-2.0
/* netlink - batches of requests to the kernel, each answer checked
 *
 * Theory of operation
 *
 * 1. sk_nl_begin() appends a request to one growing buffer and notes in words what it is
 *    for. Nothing is sent, so a slice of hundreds of links costs a few system calls.
 * 2. sk_nl_commit() sends the buffer in pieces of CHUNK requests. The kernel works through
 *    a piece inside sendto(2) and has queued one answer per request when that returns; a
 *    piece is small enough that the answers fit into the default receive buffer.
 * 3. Each answer is matched with its request by sequence number. The first refusal becomes
 *    the error: what it was for, the errno, and the kernel's own sentence (NETLINK_EXT_ACK).
 */
#include "runtime/net/netlink.h"

#include <errno.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "lib/str.h"

#define CHUNK 64 /* requests that are sent together */

struct sk_nl {
	struct mnl_socket *sock;
	uint32_t first_seq; /* of request 0 in the buffer */
	char *buf;
	size_t size;
	size_t *offsets; /* where each request starts */
	char **what;
	size_t nr, room;
	struct sk_err failure;
};

struct open_ctx {
	struct mnl_socket *sock;
};

static int open_socket(void *ctx, struct sk_err *err)
{
	struct open_ctx *open = ctx;

	open->sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!open->sock)
		return sk_err_errno(err, "open a netlink socket");
	return 0;
}

int sk_nl_open(int netns_fd, struct sk_nl **ret, struct sk_err *err)
{
	sk_auto(sk_nl_free) struct sk_nl *nl = calloc(1, sizeof(*nl));
	struct open_ctx ctx = {0};
	const struct timeval patience = {.tv_sec = 10};
	int on = 1;
	int r;

	if (!nl)
		return sk_err_oom(err);
	r = netns_fd < 0 ? open_socket(&ctx, err)
			 : sk_netns_call(netns_fd, open_socket, &ctx, err);
	if (r < 0)
		return r;
	nl->sock = ctx.sock;
	nl->first_seq = 1;
	if (mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) < 0)
		return sk_err_errno(err, "bind a netlink socket");
	/* Answers are there when a request returns: waiting would mean that one is missing. */
	if (setsockopt(mnl_socket_get_fd(nl->sock), SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) < 0)
		return sk_err_errno(err, "set the time-out of a netlink socket");
	/* Both only make errors better. */
	(void)mnl_socket_setsockopt(nl->sock, NETLINK_CAP_ACK, &on, sizeof(on));
	(void)mnl_socket_setsockopt(nl->sock, NETLINK_EXT_ACK, &on, sizeof(on));
	*ret = sk_steal(&nl);
	return 0;
}

static void forget_requests(struct sk_nl *nl)
{
	nl->first_seq += (uint32_t)nl->nr;
	for (size_t i = 0; i < nl->nr; i++)
		free(nl->what[i]);
	nl->nr = 0;
	nl->failure = SK_ERR_INIT;
}

void sk_nl_free(struct sk_nl *nl)
{
	if (!nl)
		return;
	forget_requests(nl);
	if (nl->sock)
		(void)mnl_socket_close(nl->sock);
	free(nl->buf);
	free(nl->offsets);
	free(nl->what);
	free(nl);
}

void sk_nl_fail(struct sk_nl *nl, int code, const char *fmt, ...)
{
	char text[SK_ERR_MSG_SIZE];
	va_list args;

	if (nl->failure.code)
		return;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	(void)sk_err_set(&nl->failure, code, "%s", text);
}

static struct nlmsghdr *request_at(const struct sk_nl *nl, size_t i)
{
	return (struct nlmsghdr *)(nl->buf + nl->offsets[i]);
}

/* Behind the last request. */
static size_t used_bytes(const struct sk_nl *nl)
{
	if (nl->nr == 0)
		return 0;
	return nl->offsets[nl->nr - 1] + MNL_ALIGN(request_at(nl, nl->nr - 1)->nlmsg_len);
}

static int grow(struct sk_nl *nl)
{
	if (nl->nr == nl->room) {
		size_t room = nl->room ? nl->room * 2 : 16;
		size_t *offsets = reallocarray(nl->offsets, room, sizeof(*offsets));
		char **what;

		if (!offsets)
			return -ENOMEM;
		nl->offsets = offsets;
		what = reallocarray(nl->what, room, sizeof(*what));
		if (!what)
			return -ENOMEM;
		nl->what = what;
		nl->room = room;
	}
	if (nl->size - used_bytes(nl) < SK_NL_REQUEST_MAX) {
		size_t size = nl->size * 2 + 8 * SK_NL_REQUEST_MAX;
		char *buf = realloc(nl->buf, size);

		if (!buf)
			return -ENOMEM;
		nl->buf = buf;
		nl->size = size;
	}
	return 0;
}

struct nlmsghdr *sk_nl_begin(struct sk_nl *nl, uint16_t type, uint16_t flags,
			     const char *what, ...)
{
	sk_autofree char *text = NULL;
	struct nlmsghdr *request;
	va_list args;

	va_start(args, what);
	if (vasprintf(&text, what, args) < 0)
		text = NULL;
	va_end(args);
	if (!text || grow(nl) < 0) {
		sk_nl_fail(nl, ENOMEM, "collect network requests: out of memory");
		return NULL;
	}
	nl->offsets[nl->nr] = used_bytes(nl);
	request = mnl_nlmsg_put_header(nl->buf + nl->offsets[nl->nr]);
	request->nlmsg_type = type;
	request->nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST | NLM_F_ACK);
	request->nlmsg_seq = nl->first_seq + (uint32_t)nl->nr;
	nl->what[nl->nr++] = sk_steal(&text);
	return request;
}

static int find_explanation(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
		*(const char **)data = mnl_attr_get_str(attr);
	return MNL_CB_OK;
}

/* The kernel's own sentence about a refusal, or NULL. */
static const char *explanation(const struct nlmsghdr *answer)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(answer);
	const char *text = NULL;
	size_t skip = sizeof(*e);

	if (!(answer->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(answer->nlmsg_flags & NLM_F_CAPPED))
		skip += MNL_ALIGN(e->msg.nlmsg_len) - MNL_NLMSG_HDRLEN;
	(void)mnl_attr_parse(answer, (unsigned int)skip, find_explanation, &text);
	return text;
}

static int refused(const struct sk_nl *nl, const struct nlmsghdr *answer,
		   struct sk_err *err)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(answer);
	const char *what = nl->what[answer->nlmsg_seq - nl->first_seq];
	const char *why = explanation(answer);

	if (why)
		return sk_err_code(err, e->error, "%s: %s", what, why);
	return sk_err_code(err, e->error, "%s", what);
}

/* One datagram of answers; returns how many there were, the first refusal in *result. */
static int receive_answers(struct sk_nl *nl, int *result, struct sk_err *err)
{
	char buf[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *answer = (const struct nlmsghdr *)buf;
	ssize_t n = mnl_socket_recvfrom(nl->sock, buf, sizeof(buf));
	int answers = 0;
	int len;

	if (n < 0)
		return errno == EINTR ? 0 : sk_err_errno(err, "read netlink answers");
	len = (int)n;
	for (; mnl_nlmsg_ok(answer, len); answer = mnl_nlmsg_next(answer, &len)) {
		const struct nlmsgerr *e = mnl_nlmsg_get_payload(answer);

		if (answer->nlmsg_type != NLMSG_ERROR ||
		    answer->nlmsg_seq - nl->first_seq >= nl->nr)
			continue;
		answers++;
		if (e->error < 0 && *result == 0)
			*result = refused(nl, answer, err);
	}
	return answers;
}

static int commit_chunk(struct sk_nl *nl, size_t from, size_t to, struct sk_err *err)
{
	size_t start = nl->offsets[from];
	size_t end = to == nl->nr ? used_bytes(nl) : nl->offsets[to];
	size_t wait = to - from;
	int result = 0;

	if (mnl_socket_sendto(nl->sock, nl->buf + start, end - start) < 0)
		return sk_err_errno(err, "send netlink requests");
	while (wait > 0) {
		int n = receive_answers(nl, &result, err);

		if (n < 0)
			return n;
		wait -= (size_t)n < wait ? (size_t)n : wait;
	}
	return result;
}

int sk_nl_commit(struct sk_nl *nl, struct sk_err *err)
{
	int r = 0;

	if (nl->failure.code) {
		r = -nl->failure.code;
		if (err)
			*err = nl->failure;
	}
	for (size_t i = 0; r == 0 && i < nl->nr; i += CHUNK)
		r = commit_chunk(nl, i, i + CHUNK < nl->nr ? i + CHUNK : nl->nr, err);
	forget_requests(nl);
	return r;
}

void sk_nl_put_name(struct nlmsghdr *request, const char *name)
{
	char text[SK_LINK_NAME_MAX + 2] = "";

	memcpy(text, name, strnlen(name, sizeof(text) - 1));
	mnl_attr_put_strz(request, IFLA_IFNAME, text);
}

int sk_nl_query(struct sk_nl *nl, struct nlmsghdr *request, void *answer, size_t size)
{
	const struct nlmsghdr *header = answer;
	ssize_t n;

	request->nlmsg_seq = 0; /* of no request that waits */
	if (mnl_socket_sendto(nl->sock, request, request->nlmsg_len) < 0)
		return -errno;
	do {
		n = mnl_socket_recvfrom(nl->sock, answer, size);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (!mnl_nlmsg_ok(header, (int)n))
		return -EPROTO;
	if (header->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(header))->error;
	return 0;
}
