// SPDX-License-Identifier: Apache-2.0
/* probe_model - closed loops: callers that wait for an answer before they ask again
 *
 * Theory of operation
 *
 * 1. A caller's request is due a period after its last was due, or at once when its answer came
 *    later than that: what it could not ask meanwhile is never asked. Its intended time is that
 *    moment. So the samples show what such a client sees, and miss what an open loop shows.
 * 2. single: each caller is a thread with a source, and receives by itself.
 *    threads: one thread starts a thread with a source for each request that is due.
 *    dispatcher: callers are threads that share one source; a thread collects all answers and
 *    wakes the caller that owns the request.
 *    callbacks: one thread does all. What an answer calls sends nothing by itself: it makes its
 *    caller due again.
 * 3. A request unanswered for the time-out is lost, and its caller goes on.
 * 4. Told to stop, callers ask no more, but wait for the answers to what they have asked.
 */
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "lib/clock.h"
#include "migrate/measure/probe_internal.h"

#define CALLER_FIFO 20
#define POLL_MS	    5

/** struct sk_caller - One of the clients */
struct sk_caller {
	struct sk_probe *probe;
	pthread_t thread;
	bool has_thread;
	sem_t answered; /* dispatcher: its answer has come; threads: its thread has ended */
	atomic_bool is_answered; /* single, threads */
	uint64_t due_ns;	 /* callbacks */
	uint64_t expires_ns;	 /* of the request under way; 0: none */
	size_t seq;
};

static uint64_t period(const struct sk_probe *probe)
{
	return SK_NS_PER_S * probe->nr_callers / probe->opts.target.hz;
}

/* Callers begin one after the other, spread over a period. */
static uint64_t first_due(const struct sk_probe *probe, const struct sk_caller *caller)
{
	return SK_NS_PER_S * (uint64_t)(caller - probe->callers) / probe->opts.target.hz;
}

/* Several threads take samples: under the lock. The request is the caller's. */
static bool begin(struct sk_probe *probe, uint64_t due_ns, struct sk_caller *caller)
{
	bool is_taken;

	(void)pthread_mutex_lock(&probe->lock);
	is_taken = sk_probe_begin(probe, due_ns, &caller->seq);
	if (is_taken) {
		atomic_store(&caller->is_answered, false);
		atomic_store(&probe->owner[caller->seq],
			     (unsigned int)(caller - probe->callers) + 1);
	}
	(void)pthread_mutex_unlock(&probe->lock);
	return is_taken;
}

/* When the next request is due, and whether there is to be one. */
static bool next_due(struct sk_probe *probe, uint64_t *due_ns)
{
	uint64_t now = sk_probe_now(probe);

	*due_ns += period(probe);
	if (*due_ns < now)
		*due_ns = now;
	return *due_ns < probe->opts.max_duration_ns;
}

/* Receive on this thread until the request is answered or lost. */
static void await_answer(struct sk_caller *caller, struct sk_source *source)
{
	struct sk_probe *probe = source->probe;
	uint64_t end = probe->samples[caller->seq].intended_ns + probe->opts.timeout_ns;

	while (!atomic_load(&caller->is_answered) && sk_probe_now(probe) < end &&
	       !atomic_load(&probe->is_abandoned)) {
		bool wants_out =
			source->state == SK_STREAM_CONNECTING || source->wants_out;
		struct pollfd ready = {.fd = source->fd,
				       .events = wants_out ? POLLIN | POLLOUT : POLLIN};

		if (poll(&ready, 1, POLL_MS) > 0)
			source->ops->receive(source);
		source->ops->mind(source);
	}
	atomic_store(&probe->owner[caller->seq], 0);
}

/* ---- single -------------------------------------------------------------------------- */

static void *single_main(void *arg)
{
	struct sk_caller *caller = arg;
	struct sk_probe *probe = caller->probe;
	sk_auto(sk_source_free) struct sk_source *source = NULL;
	uint64_t due = first_due(probe, caller);

	atomic_store(&probe->is_realtime, sk_probe_raise_priority(CALLER_FIFO));
	if (sk_source_new(probe, -1, &source, NULL) < 0)
		return NULL;
	do {
		if (!sk_probe_sleep_until(probe, due) || !begin(probe, due, caller))
			break;
		source->ops->send(source, caller->seq);
		await_answer(caller, source);
	} while (next_due(probe, &due));
	return NULL;
}

/* ---- threads ------------------------------------------------------------------------- */

static void *request_main(void *arg)
{
	struct sk_caller *caller = arg;
	sk_auto(sk_source_free) struct sk_source *source = NULL;

	if (sk_source_new(caller->probe, -1, &source, NULL) == 0) {
		source->ops->send(source, caller->seq);
		await_answer(caller, source);
	}
	(void)sem_post(&caller->answered);
	return NULL;
}

/* Requests in turns: each caller's place is free once its last thread has ended. */
static void *threads_main(void *arg)
{
	struct sk_probe *probe = arg;
	uint64_t due = 0, step = SK_NS_PER_S / probe->opts.target.hz;
	pthread_attr_t attr;

	atomic_store(&probe->is_realtime, sk_probe_raise_priority(CALLER_FIFO + 1));
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (size_t i = 0; due < probe->opts.max_duration_ns; i++) {
		struct sk_caller *caller = &probe->callers[i % probe->nr_callers];

		if (!sk_probe_sleep_until(probe, due))
			break;
		if (sem_trywait(&caller->answered) < 0) {
			while (sem_wait(&caller->answered) < 0)
				;
			due = sk_probe_now(probe);
		}
		if (!begin(probe, due, caller)) {
			(void)sem_post(&caller->answered);
			break;
		}
		/* Without a thread it is lost, and the next has its try. */
		if (pthread_create(&caller->thread, &attr, request_main, caller) != 0)
			(void)sem_post(&caller->answered);
		due += step;
	}
	(void)pthread_attr_destroy(&attr);
	for (unsigned int i = 0; i < probe->nr_callers; i++)
		while (sem_wait(&probe->callers[i].answered) < 0)
			;
	return NULL;
}

/* ---- dispatcher ---------------------------------------------------------------------- */

/* Until the answer or the time-out. */
static void await_wake(struct sk_caller *caller)
{
	struct sk_probe *probe = caller->probe;
	uint64_t end = probe->start_mono + probe->samples[caller->seq].intended_ns +
		       probe->opts.timeout_ns;
	uint64_t now = sk_clock_mono();

	while (!atomic_load(&probe->is_abandoned) && now < end) {
		uint64_t nap = now + SK_SOURCE_MSECS * SK_NS_PER_MS;
		struct timespec at;

		nap = nap < end ? nap : end;
		at = (struct timespec){.tv_sec = (time_t)(nap / SK_NS_PER_S),
				       .tv_nsec = (long)(nap % SK_NS_PER_S)};
		if (sem_clockwait(&caller->answered, CLOCK_MONOTONIC, &at) == 0)
			return;
		now = sk_clock_mono();
	}
	/* Whoever took the owner away is to wake it: then the wake is on its way. */
	if (atomic_exchange(&probe->owner[caller->seq], 0) == 0)
		while (sem_wait(&caller->answered) < 0)
			;
}

static void *caller_main(void *arg)
{
	struct sk_caller *caller = arg;
	struct sk_probe *probe = caller->probe;
	struct sk_source *source = probe->sources[0];
	uint64_t due = first_due(probe, caller);

	atomic_store(&probe->is_realtime, sk_probe_raise_priority(CALLER_FIFO));
	do {
		if (!sk_probe_sleep_until(probe, due) || !begin(probe, due, caller))
			break;
		source->ops->send(source, caller->seq);
		await_wake(caller);
	} while (next_due(probe, &due));
	return NULL;
}

static void *collector_main(void *arg)
{
	(void)sk_probe_raise_priority(CALLER_FIFO + 1);
	sk_probe_collect(arg);
	return NULL;
}

/* ---- callbacks ----------------------------------------------------------------------- */

/* Answered or lost: due again, now if it should have been already. */
static void free_caller(struct sk_caller *caller)
{
	uint64_t now = sk_probe_now(caller->probe);

	caller->expires_ns = 0;
	if (caller->due_ns < now)
		caller->due_ns = now;
}

void sk_closed_answered(struct sk_probe *probe, unsigned int index)
{
	struct sk_caller *caller = &probe->callers[index];

	if (probe->opts.target.model == SK_PROBE_DISPATCHER)
		(void)sem_post(&caller->answered);
	else if (probe->opts.target.model == SK_PROBE_CALLBACKS)
		free_caller(caller);
	else
		atomic_store(&caller->is_answered, true);
}

/* Send what is due, give up what is late; when there is next something to do, or 0 at the end. */
static uint64_t run_callers(struct sk_probe *probe)
{
	struct sk_source *source = probe->sources[0];
	uint64_t last =
		atomic_load(&probe->is_stopping) ? 0 : probe->opts.max_duration_ns;
	uint64_t now = sk_probe_now(probe), next = UINT64_MAX;

	for (unsigned int i = 0; i < probe->nr_callers; i++) {
		struct sk_caller *c = &probe->callers[i];

		if (c->expires_ns && now >= c->expires_ns) {
			atomic_store(&probe->owner[c->seq], 0);
			free_caller(c);
		}
		if (!c->expires_ns && now >= c->due_ns && c->due_ns < last) {
			if (!begin(probe, c->due_ns, c))
				return 0;
			c->expires_ns = c->due_ns + probe->opts.timeout_ns;
			c->due_ns += period(probe);
			source->ops->send(source, c->seq);
		}
		if (c->expires_ns)
			next = next < c->expires_ns ? next : c->expires_ns;
		else if (c->due_ns < last)
			next = next < c->due_ns ? next : c->due_ns;
	}
	return next == UINT64_MAX ? 0 : next;
}

static void *callbacks_main(void *arg)
{
	struct sk_probe *probe = arg;
	struct sk_source *source = probe->sources[0];
	uint64_t next, minded = 0;

	atomic_store(&probe->is_realtime, sk_probe_raise_priority(CALLER_FIFO));
	(void)sk_probe_sleep_until(probe, 0);
	while (!atomic_load(&probe->is_abandoned) && (next = run_callers(probe))) {
		uint64_t now = sk_probe_now(probe);
		uint64_t wait = next > now ? next - now : 0;
		const uint64_t most = SK_SOURCE_MSECS * SK_NS_PER_MS;
		struct timespec at = {.tv_nsec = (long)(wait < most ? wait : most)};
		struct pollfd ready = {.fd = source->fd, .events = POLLIN};

		if (source->wants_out || source->state == SK_STREAM_CONNECTING)
			ready.events |= POLLOUT;
		if (ppoll(&ready, 1, &at, NULL) > 0)
			source->ops->receive(source);
		now = sk_probe_now(probe);
		if (now - minded >= most) {
			source->ops->mind(source);
			minded = now;
		}
	}
	return NULL;
}

/* ---- Start and end ------------------------------------------------------------------- */

static int make_callers(struct sk_probe *probe, struct sk_err *err)
{
	unsigned int nr = sk_probe_target_clients(&probe->opts.target);
	bool is_threads = probe->opts.target.model == SK_PROBE_THREADS;

	probe->callers = calloc(nr, sizeof(*probe->callers));
	probe->owner = calloc(probe->max_samples, sizeof(*probe->owner));
	if (!probe->callers || !probe->owner)
		return sk_err_oom(err);
	probe->nr_callers = nr;
	for (unsigned int i = 0; i < nr; i++) {
		struct sk_caller *caller = &probe->callers[i];

		caller->probe = probe;
		caller->due_ns = first_due(probe, caller);
		(void)sem_init(&caller->answered, 0, is_threads);
	}
	return 0;
}

static int start_callers(struct sk_probe *probe, void *(*run)(void *), struct sk_err *err)
{
	for (unsigned int i = 0; i < probe->nr_callers; i++) {
		struct sk_caller *caller = &probe->callers[i];
		int r = pthread_create(&caller->thread, NULL, run, caller);

		if (r != 0)
			return sk_err_code(err, -r, "start client %u", i + 1);
		caller->has_thread = true;
	}
	return 0;
}

static int start_one(struct sk_probe *probe, void *(*run)(void *), struct sk_err *err)
{
	int r = pthread_create(&probe->receiver, NULL, run, probe);

	if (r != 0)
		return sk_err_code(err, -r, "start the probe");
	probe->has_receiver = true;
	return 0;
}

int sk_closed_start(struct sk_probe *probe, struct sk_err *err)
{
	sk_auto(sk_source_free) struct sk_source *trial = NULL;
	int r = make_callers(probe, err);

	/* Threads that open their own cannot report a failure. */
	if (r == 0 && probe->nr_sources == 0)
		r = sk_source_new(probe, -1, &trial, err);
	if (r < 0)
		return r;
	probe->is_running = true;
	switch (probe->opts.target.model) {
	case SK_PROBE_SINGLE:
		return start_callers(probe, single_main, err);
	case SK_PROBE_THREADS:
		return start_one(probe, threads_main, err);
	case SK_PROBE_DISPATCHER:
		r = start_one(probe, collector_main, err);
		return r < 0 ? r : start_callers(probe, caller_main, err);
	default:
		return start_one(probe, callbacks_main, err);
	}
}

void sk_closed_join(struct sk_probe *probe)
{
	for (unsigned int i = 0; i < probe->nr_callers; i++)
		if (probe->callers[i].has_thread)
			(void)pthread_join(probe->callers[i].thread, NULL);
	atomic_store(&probe->is_sent, true);
	if (probe->has_receiver)
		(void)pthread_join(probe->receiver, NULL);
}

void sk_closed_free(struct sk_probe *probe)
{
	for (unsigned int i = 0; i < probe->nr_callers; i++)
		(void)sem_destroy(&probe->callers[i].answered);
	free(probe->callers);
	free(probe->owner);
}
