// SPDX-License-Identifier: Apache-2.0
/* probe - an open-loop client that times a service from the intended send time
 *
 * Theory of operation
 *
 * 1. All memory is allocated and touched before the first request: no page fault is timed.
 * 2. The socket is made in the wanted namespace and connected, so that only the service's
 *    packets arrive. ICMP errors that it reports for a service that is away are ignored.
 * 3. The sender sleeps to absolute times, start + i / hz, and sends however late it is and
 *    however many replies are outstanding: a slow service does not slow it down. That is what
 *    makes response times counted from the intended time true (the wrk2 rule).
 * 4. The receiver writes each reply's time to the sample that its sequence number names. The
 *    two threads write different members; the sender publishes a sample before it sends.
 * 5. Both threads ask for real-time priority and a timer slack of 1 ns; without permission
 *    they run as they are, and lateness tells how well.
 * 6. After the last request the receiver stays until every reply is there, or the time-out
 *    of the last request is over.
 */
#include "migrate/measure/probe.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/clock.h"
#include "migrate/guest/guest.h"
#include "migrate/guest/udp.h"

#define DEFAULT_TIMEOUT_NS (2 * SK_NS_PER_S)
#define START_DELAY_NS	   (2 * SK_NS_PER_MS)
#define NAP_NS		   (50 * SK_NS_PER_MS)
#define POLL_MS		   20
#define MAX_SAMPLES	   (1ull << 26)
#define BUFFER_BYTES	   (4 << 20)

struct sk_probe {
	struct sk_probe_opts opts;
	uint64_t start_mono, start_real;
	uint32_t run;
	int sock;
	struct sk_sample *samples;
	size_t max_samples;
	atomic_size_t nr_sent; /* samples below it are published */
	atomic_bool is_stopping, is_sent;
	pthread_mutex_t lock;
	pthread_cond_t first_reply; /* on CLOCK_MONOTONIC */
	bool has_reply, is_running;
	pthread_t sender, receiver;
};

static void raise_priority(int priority)
{
	const struct sched_param param = {.sched_priority = priority};

	(void)sched_setscheduler(0, SCHED_FIFO, &param);
	(void)prctl(PR_SET_TIMERSLACK, 1);
}

/* Both clocks at the same moment: the pair whose readings lie closest together. */
static void read_clocks(uint64_t *ret_mono, uint64_t *ret_real)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 10; i++) {
		uint64_t before = sk_clock_mono();
		uint64_t real = sk_clock_real();
		uint64_t gap = sk_clock_mono() - before;

		if (gap >= best)
			continue;
		best = gap;
		*ret_mono = before + gap / 2;
		*ret_real = real;
	}
}

/* False when the probe is to stop before that time. */
static bool sleep_until(struct sk_probe *probe, uint64_t mono_ns)
{
	for (;;) {
		uint64_t now = sk_clock_mono();

		if (atomic_load(&probe->is_stopping))
			return false;
		if (now >= mono_ns)
			return true;
		sk_clock_sleep_until(mono_ns - now > NAP_NS ? now + NAP_NS : mono_ns);
	}
}

static void send_request(struct sk_probe *probe, size_t seq, uint64_t intended)
{
	struct sk_echo request = {
		.magic = htole32(SK_GUEST_MAGIC),
		.run = htole32(probe->run),
		.seq = htole64(seq),
		.intended_ns = htole64(intended),
	};
	struct sk_sample *sample = &probe->samples[seq];

	sample->intended_ns = intended;
	sample->sent_ns = sk_clock_mono() - probe->start_mono;
	atomic_store_explicit(&probe->nr_sent, seq + 1, memory_order_release);
	/* The first send after an ICMP error only reports that error. */
	if (send(probe->sock, &request, sizeof(request), MSG_DONTWAIT) < 0 &&
	    errno == ECONNREFUSED)
		(void)send(probe->sock, &request, sizeof(request), MSG_DONTWAIT);
}

static void *sender_main(void *arg)
{
	struct sk_probe *probe = arg;

	raise_priority(21);
	for (size_t i = 0; i < probe->max_samples; i++) {
		/* From i, not by adding a rounded period: no drift. */
		uint64_t intended = (uint64_t)((unsigned __int128)i * SK_NS_PER_S /
					       probe->opts.target.hz);

		if (!sleep_until(probe, probe->start_mono + intended))
			break;
		send_request(probe, i, intended);
	}
	atomic_store(&probe->is_sent, true);
	return NULL;
}

static void note_first_reply(struct sk_probe *probe)
{
	(void)pthread_mutex_lock(&probe->lock);
	probe->has_reply = true;
	(void)pthread_cond_broadcast(&probe->first_reply);
	(void)pthread_mutex_unlock(&probe->lock);
}

/* Whether it was the first reply to a request of this run. */
static bool take_reply(struct sk_probe *probe, const struct sk_echo *reply, size_t len)
{
	uint64_t seq = le64toh(reply->seq);
	struct sk_sample *sample;

	if (len < sizeof(*reply) || le32toh(reply->magic) != SK_GUEST_MAGIC ||
	    le32toh(reply->run) != probe->run ||
	    seq >= atomic_load_explicit(&probe->nr_sent, memory_order_acquire))
		return false;
	sample = &probe->samples[seq];
	if (sample->received_ns)
		return false;
	sample->received_ns = sk_clock_mono() - probe->start_mono;
	sample->tick = le64toh(reply->tick);
	return true;
}

static bool is_done(struct sk_probe *probe, size_t nr_received)
{
	uint64_t timeout = probe->opts.timeout_ns, now;
	size_t sent = atomic_load(&probe->nr_sent);

	if (!atomic_load(&probe->is_sent))
		return false;
	now = sk_clock_mono() - probe->start_mono;
	return nr_received == sent || sent == 0 ||
	       now >= probe->samples[sent - 1].sent_ns + timeout;
}

static void *receiver_main(void *arg)
{
	struct sk_probe *probe = arg;
	size_t nr_received = 0;

	raise_priority(20);
	while (!is_done(probe, nr_received)) {
		struct pollfd ready = {.fd = probe->sock, .events = POLLIN};
		struct sk_echo reply;
		ssize_t n;

		if (poll(&ready, 1, POLL_MS) <= 0)
			continue;
		while ((n = recv(probe->sock, &reply, sizeof(reply), MSG_DONTWAIT)) > 0)
			if (take_reply(probe, &reply, (size_t)n) && ++nr_received == 1)
				note_first_reply(probe);
	}
	return NULL;
}

static int allocate(struct sk_probe *probe, struct sk_err *err)
{
	unsigned __int128 n = (unsigned __int128)probe->opts.max_duration_ns *
			      probe->opts.target.hz / SK_NS_PER_S;
	size_t bytes;
	void *at;

	if (n == 0 || n > MAX_SAMPLES)
		return sk_err_set(err, EINVAL,
				  "probing %u times a second for %.0f s is out of range",
				  probe->opts.target.hz,
				  (double)probe->opts.max_duration_ns / 1e9);
	probe->max_samples = (size_t)n;
	bytes = probe->max_samples * sizeof(*probe->samples);
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (at == MAP_FAILED)
		return sk_err_errno(err, "allocate %zu samples", probe->max_samples);
	probe->samples = at;
	(void)mlock(at, bytes);
	return 0;
}

static void init_sync(struct sk_probe *probe)
{
	pthread_condattr_t attr;

	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&probe->first_reply, &attr);
	(void)pthread_condattr_destroy(&attr);
	(void)pthread_mutex_init(&probe->lock, NULL);
}

static int start_threads(struct sk_probe *probe, struct sk_err *err)
{
	int r;

	read_clocks(&probe->start_mono, &probe->start_real);
	probe->start_mono += START_DELAY_NS;
	probe->start_real += START_DELAY_NS;
	r = pthread_create(&probe->receiver, NULL, receiver_main, probe);
	if (r != 0)
		return sk_err_code(err, -r, "start the probe's receiver");
	r = pthread_create(&probe->sender, NULL, sender_main, probe);
	if (r != 0) {
		atomic_store(&probe->is_sent, true);
		(void)pthread_join(probe->receiver, NULL);
		return sk_err_code(err, -r, "start the probe's sender");
	}
	probe->is_running = true;
	return 0;
}

int sk_probe_start(const struct sk_probe_opts *opts, struct sk_probe **ret,
		   struct sk_err *err)
{
	sk_auto(sk_probe_free) struct sk_probe *probe = calloc(1, sizeof(*probe));
	const int buffer = BUFFER_BYTES;
	int r;

	if (!probe)
		return sk_err_oom(err);
	init_sync(probe);
	probe->sock = -1;
	probe->opts = *opts;
	if (!probe->opts.timeout_ns)
		probe->opts.timeout_ns = DEFAULT_TIMEOUT_NS;
	r = allocate(probe, err);
	if (r == 0)
		r = sk_udp_connect(opts->netns_fd, opts->target.host, opts->target.port,
				   &probe->sock, err);
	if (r < 0)
		return sk_err_wrap(err, r, "start the probe");
	/* A burst of late replies must not overflow it; beyond the system's limit if allowed. */
	if (setsockopt(probe->sock, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) <
	    0)
		(void)setsockopt(probe->sock, SOL_SOCKET, SO_RCVBUF, &buffer,
				 sizeof(buffer));
	if (getrandom(&probe->run, sizeof(probe->run), 0) != sizeof(probe->run))
		return sk_err_errno(err, "get random bytes");
	r = start_threads(probe, err);
	if (r < 0)
		return r;
	*ret = sk_steal(&probe);
	return 0;
}

int sk_probe_wait_reply(struct sk_probe *probe, unsigned int timeout_ms,
			struct sk_err *err)
{
	uint64_t end = sk_clock_mono() + timeout_ms * SK_NS_PER_MS;
	struct timespec at = {.tv_sec = (time_t)(end / SK_NS_PER_S),
			      .tv_nsec = (long)(end % SK_NS_PER_S)};
	int r = 0;

	(void)pthread_mutex_lock(&probe->lock);
	while (!probe->has_reply && r == 0)
		r = pthread_cond_timedwait(&probe->first_reply, &probe->lock, &at);
	r = probe->has_reply ? 0 : -ETIMEDOUT;
	(void)pthread_mutex_unlock(&probe->lock);
	if (r < 0)
		return sk_err_set(err, ETIMEDOUT,
				  "udp://%s:%u does not answer: no reply within %u ms",
				  probe->opts.target.host, probe->opts.target.port,
				  timeout_ms);
	return 0;
}

uint64_t sk_probe_start_time(const struct sk_probe *probe)
{
	return probe->start_real;
}

int sk_probe_finish(struct sk_probe *probe, struct sk_err *err)
{
	int r;

	if (!probe->is_running)
		return 0;
	r = pthread_join(probe->sender, NULL);
	if (r == 0)
		r = pthread_join(probe->receiver, NULL);
	probe->is_running = false;
	return r ? sk_err_code(err, -r, "wait for the probe") : 0;
}

int sk_probe_stop(struct sk_probe *probe, struct sk_err *err)
{
	atomic_store(&probe->is_stopping, true);
	return sk_probe_finish(probe, err);
}

const struct sk_sample *sk_probe_samples(const struct sk_probe *probe, size_t *ret_n)
{
	*ret_n = atomic_load(&probe->nr_sent);
	return probe->samples;
}

void sk_probe_free(struct sk_probe *probe)
{
	if (!probe)
		return;
	(void)sk_probe_stop(probe, NULL);
	sk_close(&probe->sock);
	if (probe->samples)
		(void)munmap(probe->samples,
			     probe->max_samples * sizeof(*probe->samples));
	(void)pthread_mutex_destroy(&probe->lock);
	(void)pthread_cond_destroy(&probe->first_reply);
	free(probe);
}
