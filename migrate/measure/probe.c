// SPDX-License-Identifier: Apache-2.0
/* probe - a client that times a service from the intended send time
 *
 * Theory of operation
 *
 * 1. Memory is reserved for all of its life, and touched for the first minutes before the first
 *    request, for later ones by the receiver, a minute before they are due: no page fault is timed.
 * 2. Sources (source.c, source_stream.c) are made in the wanted namespace and connected, so that
 *    only the service's packets arrive. ICMP errors that it reports for a service that is away
 *    are ignored.
 * 3. The sender sleeps to absolute times, start + i / hz, and hands each request to the next
 *    source, however late it is and however many replies are outstanding: a slow service does
 *    not slow it down. That is what makes response times counted from the intended time true
 *    (the wrk2 rule).
 * 4. The receiver writes each reply's time to the sample that its sequence number names. The
 *    two threads write different members; the sender publishes a sample before it sends. The
 *    time is the kernel's stamp of the packet's arrival: how soon this program then runs does not
 *    count. Of bytes that came as several packets it is the last one's.
 * 5. Both threads ask for real-time priority and a timer slack of 1 ns; without permission, or in
 *    a control group without real-time budget (a container), they run as they are. Which
 *    it was is told, and lateness tells how well it went. (The highest nice value and a short time slice
 *    in its place were tried on a loaded machine: no better.)
 * 6. After the last request the receiver stays until every reply is there, or the time-out
 *    of the last request is over.
 *
 * Closed loops (probe_model.c) have other threads in place of the sender.
 */
#include "migrate/measure/probe_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/parse.h"
#include "migrate/guest/udp.h"
#include "migrate/measure/probe_remote.h"

#define DEFAULT_TIMEOUT_NS (2 * SK_NS_PER_S)
#define START_DELAY_NS	   (2 * SK_NS_PER_MS)
#define NAP_NS		   (50 * SK_NS_PER_MS)
#define MAX_EVENTS	   64
#define READY_S		   600 /* memory for so long is touched at the start */
#define AHEAD_S		   60
#define PAGE_SAMPLES	   (4096 / sizeof(struct sk_sample))

bool sk_probe_raise_priority(int priority)
{
	const struct sched_param param = {.sched_priority = priority};

	(void)prctl(PR_SET_TIMERSLACK, 1);
	return sched_setscheduler(0, SCHED_FIFO, &param) == 0;
}

void sk_probe_read_clocks(uint64_t *ret_mono, uint64_t *ret_real)
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

uint64_t sk_probe_now(const struct sk_probe *probe)
{
	uint64_t now = sk_clock_mono();

	return now > probe->start_mono ? now - probe->start_mono : 0;
}

bool sk_probe_sleep_until(struct sk_probe *probe, uint64_t at_ns)
{
	uint64_t mono_ns = probe->start_mono + at_ns;

	for (;;) {
		uint64_t now = sk_clock_mono();

		if (atomic_load(&probe->is_stopping))
			return false;
		if (now >= mono_ns)
			return true;
		sk_clock_sleep_until(mono_ns - now > NAP_NS ? now + NAP_NS : mono_ns);
	}
}

bool sk_probe_begin(struct sk_probe *probe, uint64_t intended_ns, size_t *ret_seq)
{
	size_t seq = atomic_load_explicit(&probe->nr_sent, memory_order_relaxed);

	if (seq == probe->max_samples)
		return false;
	probe->samples[seq].intended_ns = intended_ns;
	probe->samples[seq].sent_ns = sk_probe_now(probe);
	atomic_store_explicit(&probe->nr_sent, seq + 1, memory_order_release);
	*ret_seq = seq;
	return true;
}

static void *sender_main(void *arg)
{
	struct sk_probe *probe = arg;
	size_t seq = 0;

	atomic_store(&probe->is_realtime, sk_probe_raise_priority(21));
	for (size_t i = 0; i < probe->max_samples; i++) {
		/* From i, not by adding a rounded period: no drift. */
		uint64_t intended = (uint64_t)((unsigned __int128)i * SK_NS_PER_S /
					       probe->opts.target.hz);
		struct sk_source *source = probe->sources[i % probe->nr_sources];

		if (!sk_probe_sleep_until(probe, intended) ||
		    !sk_probe_begin(probe, intended, &seq))
			break;
		source->ops->send(source, seq);
	}
	atomic_store(&probe->is_sent, true);
	return NULL;
}

static bool is_done(struct sk_probe *probe)
{
	uint64_t timeout = probe->opts.timeout_ns;
	size_t sent = atomic_load(&probe->nr_sent);

	if (atomic_load(&probe->is_abandoned))
		return true;
	if (!atomic_load(&probe->is_sent))
		return false;
	return atomic_load(&probe->nr_received) + atomic_load(&probe->nr_refused) ==
		       sent ||
	       sk_probe_now(probe) >= probe->samples[sent - 1].sent_ns + timeout;
}

/* Touches pages without a change, as others may write to them. */
static void make_ready(struct sk_probe *probe, size_t until)
{
	until = until < probe->max_samples ? until : probe->max_samples;
	for (; probe->nr_ready < until; probe->nr_ready += PAGE_SAMPLES)
		(void)__atomic_fetch_or(&probe->samples[probe->nr_ready].tick, 0,
					__ATOMIC_RELAXED);
}

void sk_probe_collect(struct sk_probe *probe)
{
	uint64_t minded = 0;

	while (!is_done(probe)) {
		struct epoll_event events[MAX_EVENTS];
		int n = epoll_wait(probe->epoll, events, MAX_EVENTS, SK_SOURCE_MSECS);
		uint64_t now = sk_probe_now(probe);

		for (int i = 0; i < n; i++) {
			struct sk_source *source = events[i].data.ptr;

			source->ops->receive(source);
		}
		if (now - minded < SK_SOURCE_MSECS * SK_NS_PER_MS)
			continue;
		minded = now;
		make_ready(probe, atomic_load(&probe->nr_sent) +
					  (size_t)probe->opts.target.hz * AHEAD_S);
		for (unsigned int i = 0; i < probe->nr_sources; i++)
			probe->sources[i]->ops->mind(probe->sources[i]);
	}
}

static void *receiver_main(void *arg)
{
	(void)sk_probe_raise_priority(20);
	sk_probe_collect(arg);
	return NULL;
}

static int allocate(struct sk_probe *probe, struct sk_err *err)
{
	unsigned __int128 n = (unsigned __int128)probe->opts.max_duration_ns *
			      probe->opts.target.hz / SK_NS_PER_S;
	size_t bytes;
	void *at;

	if (n == 0 || n > SK_PROBE_MAX_SAMPLES)
		return sk_err_set(err, EINVAL,
				  "probing %u times a second for %.0f s is out of range",
				  probe->opts.target.hz,
				  (double)probe->opts.max_duration_ns / 1e9);
	probe->max_samples = (size_t)n;
	bytes = probe->max_samples * sizeof(*probe->samples);
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return sk_err_errno(err, "allocate %zu samples", probe->max_samples);
	probe->samples = at;
	(void)mlock2(at, bytes, MLOCK_ONFAULT);
	make_ready(probe, (size_t)probe->opts.target.hz * READY_S);
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

static int start_open(struct sk_probe *probe, struct sk_err *err)
{
	int r;

	r = pthread_create(&probe->receiver, NULL, receiver_main, probe);
	if (r != 0)
		return sk_err_code(err, -r, "start the probe's receiver");
	probe->has_receiver = true;
	r = pthread_create(&probe->sender, NULL, sender_main, probe);
	if (r != 0) {
		atomic_store(&probe->is_sent, true);
		(void)pthread_join(probe->receiver, NULL);
		return sk_err_code(err, -r, "start the probe's sender");
	}
	probe->is_running = true;
	return 0;
}

/* How many sources the collecting thread has; the other models' threads make their own. */
static unsigned int count_sources(const struct sk_probe_target *target)
{
	switch (target->model) {
	case SK_PROBE_OPEN:
		return sk_probe_target_clients(target);
	case SK_PROBE_DISPATCHER:
	case SK_PROBE_CALLBACKS:
		return 1;
	default:
		return 0;
	}
}

static int open_sources(struct sk_probe *probe, struct sk_err *err)
{
	const struct sk_probe_target *target = &probe->opts.target;
	unsigned int nr = count_sources(target);
	int r;

	r = sk_net_resolve(target->host, target->port, &probe->peer, &probe->peer_len,
			   err);
	if (r < 0)
		return r;
	probe->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (probe->epoll < 0)
		return sk_err_errno(err, "prepare to wait for answers");
	probe->sources = calloc(nr + 1, sizeof(struct sk_source *));
	if (!probe->sources)
		return sk_err_oom(err);
	probe->nr_sources = nr;
	for (unsigned int i = 0; i < nr; i++) {
		r = sk_source_new(probe, probe->epoll, &probe->sources[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int start_here(struct sk_probe *probe, struct sk_err *err)
{
	int r;

	/* Connections are made anew later: the caller's descriptor may be gone by then. */
	if (probe->opts.netns_fd >= 0) {
		probe->netns_fd = fcntl(probe->opts.netns_fd, F_DUPFD_CLOEXEC, 3);
		if (probe->netns_fd < 0)
			return sk_err_errno(err, "keep the network namespace");
	}
	sk_probe_read_clocks(&probe->start_mono, &probe->start_real);
	r = open_sources(probe, err);
	if (r < 0)
		return sk_err_wrap(err, r, "start the probe");
	/* Sources have counted their first deadlines from the time before: that is no matter. */
	sk_probe_read_clocks(&probe->start_mono, &probe->start_real);
	probe->start_mono += START_DELAY_NS;
	probe->start_real += START_DELAY_NS;
	return probe->opts.target.model == SK_PROBE_OPEN ? start_open(probe, err)
							 : sk_closed_start(probe, err);
}

static int start_there(struct sk_probe *probe, struct sk_err *err)
{
	int r;

	if (probe->opts.netns_fd >= 0)
		return sk_err_set(err, EINVAL,
				  "another machine knows no namespace of this one");
	r = sk_remote_start(probe, err);
	probe->is_running = r == 0;
	return r;
}

int sk_probe_start(const struct sk_probe_opts *opts, struct sk_probe **ret,
		   struct sk_err *err)
{
	sk_auto(sk_probe_free) struct sk_probe *probe = calloc(1, sizeof(*probe));
	int r;

	if (!probe)
		return sk_err_oom(err);
	init_sync(probe);
	probe->epoll = probe->netns_fd = -1;
	probe->opts = *opts;
	if (!probe->opts.timeout_ns)
		probe->opts.timeout_ns = DEFAULT_TIMEOUT_NS;
	if (getrandom(&probe->run, sizeof(probe->run), 0) != sizeof(probe->run))
		return sk_err_errno(err, "get random bytes");
	r = allocate(probe, err);
	if (r < 0)
		return sk_err_wrap(err, r, "start the probe");
	r = opts->from ? start_there(probe, err) : start_here(probe, err);
	if (r < 0)
		return r;
	*ret = sk_steal(&probe);
	return 0;
}

void sk_probe_note_reply(struct sk_probe *probe)
{
	(void)pthread_mutex_lock(&probe->lock);
	probe->has_reply = true;
	(void)pthread_cond_broadcast(&probe->first_reply);
	(void)pthread_mutex_unlock(&probe->lock);
}

int sk_probe_wait_reply(struct sk_probe *probe, unsigned int timeout_ms,
			struct sk_err *err)
{
	uint64_t end = sk_clock_mono() + timeout_ms * SK_NS_PER_MS;
	struct timespec at = {.tv_sec = (time_t)(end / SK_NS_PER_S),
			      .tv_nsec = (long)(end % SK_NS_PER_S)};
	char port[8] = "";
	int r = 0;

	(void)pthread_mutex_lock(&probe->lock);
	while (!probe->has_reply && r == 0)
		r = pthread_cond_timedwait(&probe->first_reply, &probe->lock, &at);
	r = probe->has_reply ? 0 : -ETIMEDOUT;
	(void)pthread_mutex_unlock(&probe->lock);
	if (probe->opts.target.port)
		(void)snprintf(port, sizeof(port), ":%u", probe->opts.target.port);
	if (r < 0)
		return sk_err_set(err, ETIMEDOUT,
				  "%s://%s%s does not answer: no reply within %u ms",
				  sk_probe_kind_name(probe->opts.target.kind),
				  probe->opts.target.host, port, timeout_ms);
	return 0;
}

bool sk_probe_is_realtime(const struct sk_probe *probe)
{
	return atomic_load(&probe->is_realtime);
}

const char *sk_probe_cut(const struct sk_probe *probe)
{
	const char *cut = probe->remote ? sk_remote_cut(probe->remote) : NULL;

	return cut ? cut : probe->over[0] ? probe->over : NULL;
}

uint64_t sk_probe_start_time(const struct sk_probe *probe)
{
	return probe->start_real;
}

static int by_intended(const void *a, const void *b)
{
	const struct sk_sample *x = a, *y = b;

	return x->intended_ns < y->intended_ns ? -1 : x->intended_ns > y->intended_ns;
}

int sk_probe_finish(struct sk_probe *probe, struct sk_err *err)
{
	int r = 0;

	if (!probe->is_running)
		return 0;
	probe->is_running = false;
	if (probe->remote)
		sk_remote_finish(probe);
	else if (probe->opts.target.model != SK_PROBE_OPEN)
		sk_closed_join(probe);
	if (probe->remote || probe->opts.target.model != SK_PROBE_OPEN) {
		/* Callers took their samples side by side. */
		qsort(probe->samples, atomic_load(&probe->nr_sent),
		      sizeof(*probe->samples), by_intended);
		return 0;
	}
	r = pthread_join(probe->sender, NULL);
	if (r == 0)
		r = pthread_join(probe->receiver, NULL);
	return r ? sk_err_code(err, -r, "wait for the probe") : 0;
}

int sk_probe_stop(struct sk_probe *probe, struct sk_err *err)
{
	bool was_running = probe->is_running;
	bool is_over =
		!probe->remote && sk_probe_now(probe) >= probe->opts.max_duration_ns;
	char longest[SK_FORMAT_SIZE];
	int r;

	atomic_store(&probe->is_stopping, true);
	r = sk_probe_finish(probe, err);
	if (probe->remote)
		is_over = sk_remote_ended_first(probe->remote);
	if (was_running && is_over)
		(void)snprintf(probe->over, sizeof(probe->over),
			       "it probes for %s at most",
			       sk_format_duration(probe->opts.max_duration_ns, longest));
	return r;
}

const struct sk_sample *sk_probe_samples(const struct sk_probe *probe, size_t *ret_n)
{
	*ret_n = atomic_load(&probe->nr_sent);
	return probe->samples;
}

void sk_probe_counts(const struct sk_probe *probe, struct sk_probe_counts *ret)
{
	*ret = (struct sk_probe_counts){
		.kernel_stamps = atomic_load(&probe->nr_kernel_stamps),
		.refused = atomic_load(&probe->nr_refused),
		.reconnects = atomic_load(&probe->nr_reconnects),
	};
}

static const char *who_told(const struct sk_probe *probe, size_t kernel_stamps)
{
	size_t received = atomic_load(&probe->nr_received);

	if (received == 0)
		return NULL;
	return kernel_stamps == 0	   ? "program"
	       : kernel_stamps == received ? "kernel"
					   : "mixed";
}

void sk_probe_describe(const struct sk_probe *probe, struct sk_json *object)
{
	const struct sk_probe_target *target = &probe->opts.target;
	struct sk_probe_counts counts;

	sk_probe_counts(probe, &counts);
	sk_json_set_str(object, "kind", sk_probe_kind_name(target->kind));
	sk_json_set_str(object, "model", sk_probe_model_name(target->model));
	sk_json_set_uint(object, "clients", sk_probe_target_clients(target));
	sk_json_set_str(object, "stamps", who_told(probe, counts.kernel_stamps));
	sk_json_set_uint(object, "refused", counts.refused);
	sk_json_set_uint(object, "reconnects", counts.reconnects);
	sk_json_set_bool(object, "realtime", atomic_load(&probe->is_realtime));
	if (probe->remote)
		sk_remote_describe(probe->remote, object);
	if (probe->over[0])
		sk_json_set_str(object, "cut", probe->over);
}

void sk_probe_free(struct sk_probe *probe)
{
	if (!probe)
		return;
	atomic_store(&probe->is_abandoned, true);
	(void)sk_probe_stop(probe, NULL);
	sk_remote_free(probe->remote);
	for (unsigned int i = 0; i < probe->nr_sources; i++)
		sk_source_free(probe->sources[i]);
	free(probe->sources);
	sk_close(&probe->epoll);
	sk_close(&probe->netns_fd);
	sk_closed_free(probe);
	if (probe->samples)
		(void)munmap(probe->samples,
			     probe->max_samples * sizeof(*probe->samples));
	(void)pthread_mutex_destroy(&probe->lock);
	(void)pthread_cond_destroy(&probe->first_reply);
	free(probe);
}
