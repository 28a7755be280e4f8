// SPDX-License-Identifier: Apache-2.0
/* seccomp_notify - hand the listener of a filter to the program that answers for it
 *
 * Theory of operation. The listener exists from the moment on at which the filter holds, and
 * the filter may hold for sendmsg(2) too: the process would wait for an answer from somebody
 * who has not got its listener. So a thread, which is not under the filter, sends it:
 *
 * 1. The thread is started, and waits for a number in memory.
 * 2. The process installs the filter, and stores the listener's descriptor. From here on it
 *    makes no system call: it watches memory until the thread is done.
 * 3. The thread sends message and descriptor and ends. execve(2) takes away what is left of
 *    it: no process is left that the container could find or would have to reap.
 */
#include "runtime/sandbox/seccomp_notify.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/json.h"

#define PENDING	     (-1)
#define NOTHING	     (-2)
#define STACK_SIZE   (64u << 10)
#define SEND_TIMEOUT (10 * SK_NS_PER_S)

struct handover {
	int sock;
	const char *message;
	atomic_int listener; /* PENDING, NOTHING, or the descriptor */
	atomic_int result;   /* PENDING, 0, or a positive errno */
};

int sk_notify_connect(const struct sk_spec_seccomp *seccomp, struct sk_err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	sk_autoclose int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len = strlen(seccomp->listener_path);

	if (len >= sizeof(address.sun_path))
		return sk_err_set(err, ENAMETOOLONG,
				  "the seccomp listener's path '%s' is too long",
				  seccomp->listener_path);
	memcpy(address.sun_path, seccomp->listener_path, len);
	if (sock < 0 ||
	    connect(sock, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return sk_err_errno(err, "connect to the seccomp listener '%s'",
				    seccomp->listener_path);
	return sk_steal_fd(&sock);
}

char *sk_notify_message(const struct sk_spec_seccomp *seccomp, const char *state,
			pid_t pid)
{
	sk_auto(sk_json_free) struct sk_json *object = sk_json_new_object();
	struct sk_json *inner = NULL, *fds;

	if (sk_json_parse(state, strlen(state), "state", &inner, NULL) < 0)
		return NULL;
	sk_json_set_str(object, "ociVersion",
			sk_json_str(sk_json_get(inner, "ociVersion"), NULL));
	fds = sk_json_set(object, "fds", sk_json_new_array());
	(void)sk_json_add(fds, sk_json_new_str("seccompFd"));
	sk_json_set_int(object, "pid", pid);
	if (seccomp->listener_metadata)
		sk_json_set_str(object, "metadata", seccomp->listener_metadata);
	(void)sk_json_set(object, "state", inner);
	return sk_json_print(object, false);
}

/* 0 or a positive errno. The descriptor goes with the first byte. */
static int send_listener(int sock, int listener, const char *message)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = (char *)message, .iov_len = strlen(message)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &listener, sizeof(listener));
	while (iov.iov_len > 0) {
		ssize_t n = sendmsg(sock, &msg, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		iov.iov_base = (char *)iov.iov_base + n;
		iov.iov_len -= (size_t)n;
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
	}
	return 0;
}

static void *hand_over(void *arg)
{
	struct handover *h = arg;
	int listener;

	while ((listener = atomic_load(&h->listener)) == PENDING)
		(void)sched_yield();
	atomic_store(&h->result,
		     listener < 0 ? 0 : send_listener(h->sock, listener, h->message));
	return NULL;
}

static int start_thread(struct handover *h, struct sk_err *err)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r = pthread_attr_init(&attr);

	if (r == 0)
		r = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (r == 0)
		r = pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (r == 0)
		r = pthread_create(&thread, &attr, hand_over, h);
	(void)pthread_attr_destroy(&attr);
	return r ? sk_err_code(err, -r,
			       "start the thread that sends the seccomp listener")
		 : 0;
}

int sk_notify_install(const struct sk_seccomp *filter, int sock, const char *message,
		      struct sk_err *err)
{
	/* static: the thread must never see it gone */
	static struct handover h;
	uint64_t deadline = sk_clock_mono() + SEND_TIMEOUT;
	int r, listener;

	h.sock = sock;
	h.message = message;
	atomic_store(&h.listener, PENDING);
	atomic_store(&h.result, PENDING);
	r = start_thread(&h, err);
	if (r < 0)
		return r;
	listener = sk_seccomp_install_with(filter, SECCOMP_FILTER_FLAG_NEW_LISTENER, err);
	atomic_store(&h.listener, listener < 0 ? NOTHING : listener);
	/* the clock is read without a system call */
	while ((r = atomic_load(&h.result)) == PENDING)
		if (sk_clock_mono() > deadline)
			return sk_err_set(err, ETIMEDOUT,
					  "the seccomp listener was not taken");
	if (listener < 0)
		return listener;
	return r ? sk_err_code(err, -r, "send the seccomp listener") : 0;
}
