// SPDX-License-Identifier: Apache-2.0
/* server_model - which thread serves a request
 *
 * Theory of operation
 *
 * 1. The front thread (server.c) waits for all sockets and hands each request on here. Only in the
 *    model with a thread per connection does the connection's thread do that itself.
 * 2. Iterative and thread per connection: the thread that read the request serves it.
 *    Thread per request: a thread is made for it, threads= at most at a time.
 *    Worker pool, thread per object: it waits in a queue for one of the threads made at the start.
 *    Event-driven: a wait for the service time is an entry in a list that a timer ends. All wait
 *    for the same time, so the list is in the order of their ends.
 * 3. A request that waits is a copy and holds its connection.
 * 4. A section of parallelism (tlp.h) begins when a thread has a request, and ends before it waits.
 */
#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>

#include "lib/clock.h"
#include "migrate/guest/server_internal.h"

static void release(struct sk_call *call)
{
	if (call->conn)
		sk_conn_put(call->conn);
	free(call);
}

static void serve(struct sk_server *server, struct sk_call *call,
		  struct sk_tlp_thread *me)
{
	sk_call_work(server, me);
	sk_call_answer(server, call);
}

/* A copy that may wait; NULL without memory. */
static struct sk_call *keep(const struct sk_call *call)
{
	struct sk_call *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *call;
	copy->next = NULL;
	if (copy->conn)
		atomic_fetch_add(&copy->conn->references, 1);
	return copy;
}

/* ---- Queues and their threads -------------------------------------------------------- */

static void queue_init(struct sk_queue *queue, unsigned int max)
{
	(void)pthread_mutex_init(&queue->lock, NULL);
	(void)pthread_cond_init(&queue->changed, NULL);
	queue->max = max;
	for (size_t i = 0; i < SK_ARRAY_SIZE(queue->first); i++)
		queue->last[i] = &queue->first[i];
}

static bool queue_push(struct sk_queue *queue, const struct sk_call *call)
{
	struct sk_call *copy = NULL;

	(void)pthread_mutex_lock(&queue->lock);
	if (queue->len < queue->max && !queue->is_closed)
		copy = keep(call);
	if (copy) {
		unsigned int urgency = copy->urgency & 7;

		*queue->last[urgency] = copy;
		queue->last[urgency] = &copy->next;
		queue->len++;
		(void)pthread_cond_signal(&queue->changed);
	}
	(void)pthread_mutex_unlock(&queue->lock);
	return copy != NULL;
}

/* Under the lock; NULL when it is empty. */
static struct sk_call *take_most_urgent(struct sk_queue *queue)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(queue->first); i++) {
		struct sk_call *call = queue->first[i];

		if (!call)
			continue;
		queue->first[i] = call->next;
		if (!call->next)
			queue->last[i] = &queue->first[i];
		queue->len--;
		return call;
	}
	return NULL;
}

/* Waits; NULL once the queue is closed. */
static struct sk_call *queue_pop(struct sk_queue *queue)
{
	struct sk_call *call = NULL;

	(void)pthread_mutex_lock(&queue->lock);
	while (!queue->is_closed && !(call = take_most_urgent(queue)))
		(void)pthread_cond_wait(&queue->changed, &queue->lock);
	(void)pthread_mutex_unlock(&queue->lock);
	return call;
}

static void queue_close(struct sk_queue *queue)
{
	(void)pthread_mutex_lock(&queue->lock);
	queue->is_closed = true;
	(void)pthread_cond_broadcast(&queue->changed);
	(void)pthread_mutex_unlock(&queue->lock);
}

static void queue_finish(struct sk_queue *queue)
{
	struct sk_call *call;

	while ((call = take_most_urgent(queue)))
		release(call);
	(void)pthread_mutex_destroy(&queue->lock);
	(void)pthread_cond_destroy(&queue->changed);
}

static void *worker_main(void *arg)
{
	struct sk_worker *worker = arg;
	struct sk_server *server = worker->server;
	struct sk_call *call;

	/* Other threads that serve are made by the front thread, and have its priority. */
	sk_server_hurry(server);
	while ((call = queue_pop(worker->queue))) {
		struct sk_tlp_thread me;

		sk_tlp_enter(&server->tlp, &me);
		serve(server, call, &me);
		sk_tlp_leave(&server->tlp, &me);
		release(call);
	}
	return NULL;
}

static int start_workers(struct sk_server *server, unsigned int queues,
			 unsigned int workers, struct sk_err *err)
{
	server->queues = calloc(queues, sizeof(*server->queues));
	server->workers = calloc(workers, sizeof(*server->workers));
	if (!server->queues || !server->workers)
		return sk_err_oom(err);
	for (; server->nr_queues < queues; server->nr_queues++)
		queue_init(&server->queues[server->nr_queues], server->opts.queue);
	for (unsigned int i = 0; i < workers; i++) {
		struct sk_worker *worker = &server->workers[i];
		int r;

		worker->server = server;
		worker->queue = &server->queues[i % queues];
		r = pthread_create(&worker->thread, NULL, worker_main, worker);
		if (r != 0)
			return sk_err_code(err, -r, "start worker %u of %u", i + 1,
					   workers);
		server->nr_workers++;
	}
	return 0;
}

/* ---- A thread for one request -------------------------------------------------------- */

/** struct errand - What such a thread gets */
struct errand {
	struct sk_server *server;
	struct sk_call *call;
};

static void *errand_main(void *arg)
{
	struct errand *errand = arg;
	struct sk_server *server = errand->server;
	struct sk_tlp_thread me;

	sk_tlp_enter(&server->tlp, &me);
	serve(server, errand->call, &me);
	sk_tlp_leave(&server->tlp, &me);
	release(errand->call);
	free(errand);
	(void)pthread_mutex_lock(&server->lock);
	server->nr_temporary--;
	(void)pthread_cond_signal(&server->idle);
	(void)pthread_mutex_unlock(&server->lock);
	return NULL;
}

static bool is_counted(struct sk_server *server)
{
	bool fits;

	(void)pthread_mutex_lock(&server->lock);
	fits = server->nr_temporary < server->opts.threads;
	server->nr_temporary += fits;
	(void)pthread_mutex_unlock(&server->lock);
	return fits;
}

static bool start_errand(struct sk_server *server, const struct sk_call *call)
{
	struct errand *errand = malloc(sizeof(*errand));
	struct sk_call *copy = errand ? keep(call) : NULL;
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (!copy || !is_counted(server))
		goto refuse;
	*errand = (struct errand){server, copy};
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attr, errand_main, errand);
	(void)pthread_attr_destroy(&attr);
	if (r == 0)
		return true;
	(void)pthread_mutex_lock(&server->lock);
	server->nr_temporary--;
	(void)pthread_mutex_unlock(&server->lock);
refuse:
	if (copy)
		release(copy);
	free(errand);
	return false;
}

/* ---- Events -------------------------------------------------------------------------- */

static void set_timer(struct sk_server *server)
{
	uint64_t due = server->waiting ? server->waiting->due_ns : 0;
	const struct itimerspec at = {.it_value = {.tv_sec = (time_t)(due / SK_NS_PER_S),
						   .tv_nsec = (long)(due % SK_NS_PER_S)}};

	(void)timerfd_settime(server->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static bool wait_without_thread(struct sk_server *server, const struct sk_call *call)
{
	struct sk_call *copy = keep(call);
	bool was_empty = !server->waiting;

	if (!copy)
		return false;
	copy->due_ns = sk_clock_mono() + server->opts.service_ns;
	*server->waiting_last = copy;
	server->waiting_last = &copy->next;
	if (was_empty)
		set_timer(server);
	return true;
}

void sk_model_expire(struct sk_server *server)
{
	while (server->waiting && server->waiting->due_ns <= sk_clock_mono()) {
		struct sk_call *call = server->waiting;

		server->waiting = call->next;
		if (!server->waiting)
			server->waiting_last = &server->waiting;
		sk_call_answer(server, call);
		release(call);
	}
	set_timer(server);
}

static bool submit_event(struct sk_server *server, struct sk_call *call,
			 struct sk_tlp_thread *me)
{
	if (server->opts.sleeps && server->opts.service_ns) {
		sk_call_touch(server);
		return wait_without_thread(server, call);
	}
	serve(server, call, me);
	return true;
}

/* ---- The model that was asked for ---------------------------------------------------- */

int sk_model_start(struct sk_server *server, struct sk_err *err)
{
	server->waiting_last = &server->waiting;
	(void)pthread_mutex_init(&server->lock, NULL);
	(void)pthread_cond_init(&server->idle, NULL);
	if (server->opts.model == SK_SERVER_WORKER_POOL)
		return start_workers(server, 1, server->opts.workers, err);
	if (server->opts.model == SK_SERVER_THREAD_PER_OBJECT)
		return start_workers(server, server->opts.objects, server->opts.objects,
				     err);
	return 0;
}

void sk_model_submit(struct sk_server *server, struct sk_call *call,
		     struct sk_tlp_thread *me)
{
	bool is_taken = true;

	switch (server->opts.model) {
	case SK_SERVER_ITERATIVE:
	case SK_SERVER_THREAD_PER_CONNECTION:
		serve(server, call, me);
		break;
	case SK_SERVER_THREAD_PER_REQUEST:
		is_taken = start_errand(server, call);
		break;
	case SK_SERVER_WORKER_POOL:
		is_taken = queue_push(&server->queues[0], call);
		break;
	case SK_SERVER_THREAD_PER_OBJECT:
		is_taken =
			queue_push(&server->queues[call->object % server->opts.objects],
				   call);
		break;
	case SK_SERVER_EVENT_DRIVEN:
		is_taken = submit_event(server, call, me);
		break;
	}
	if (!is_taken)
		sk_call_refuse(server, call);
}

void sk_model_stop(struct sk_server *server)
{
	struct sk_call *call;

	for (unsigned int i = 0; i < server->nr_queues; i++)
		queue_close(&server->queues[i]);
	for (unsigned int i = 0; i < server->nr_workers; i++)
		(void)pthread_join(server->workers[i].thread, NULL);
	for (unsigned int i = 0; i < server->nr_queues; i++)
		queue_finish(&server->queues[i]);
	(void)pthread_mutex_lock(&server->lock);
	while (server->nr_temporary)
		(void)pthread_cond_wait(&server->idle, &server->lock);
	(void)pthread_mutex_unlock(&server->lock);
	while ((call = server->waiting)) {
		server->waiting = call->next;
		release(call);
	}
	free(server->queues);
	free(server->workers);
	(void)pthread_mutex_destroy(&server->lock);
	(void)pthread_cond_destroy(&server->idle);
}
