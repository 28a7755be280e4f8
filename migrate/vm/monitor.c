// SPDX-License-Identifier: Apache-2.0
/* monitor - the second monitor of the destination's QEMU, which libvirt does not hold
 *
 * Theory of operation
 *
 * 1. libvirt starts the destination's QEMU some time after the call of the migration, and its own
 *    monitor then waits for the end of the incoming job. A lab's guest has a second one.
 * 2. A thread tries to connect until QEMU is there, and sets the capability postcopy-blocktime.
 *    It must be set before the source sends its advice of post-copy, as QEMU asks the kernel for
 *    thread ids of faults then: there are about 0.3 s between the two. libvirt sets and later clears
 *    capabilities by name, and this one is none of those that it knows.
 * 3. The connection is closed: QEMU would queue events for who does not read them.
 * 4. Blocktime is told once the incoming job has completed, and from then on.
 */
#include "migrate/vm/monitor.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "migrate/vm/qmp.h"

#define RETRY_NS  (4 * SK_NS_PER_MS)
#define ANSWER_NS (2 * SK_NS_PER_S)
#define SWITCH_ON                                                                        \
	"{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":"     \
	"[{\"capability\":\"postcopy-blocktime\",\"state\":true}]}}"
#define QUERY "{\"execute\":\"query-migrate\"}"

struct sk_monitor {
	char *path;
	pthread_t thread;
	atomic_bool is_stopping;
	bool is_on; /* the thread's own until it has ended */
	struct sk_err err;
};

static uint64_t deadline(void)
{
	return sk_clock_mono() + ANSWER_NS;
}

static int ask(const char *path, const char *command, struct sk_json **ret,
	       struct sk_err *err)
{
	sk_auto(sk_qmp_free) struct sk_qmp *qmp = NULL;
	int r = sk_qmp_open(path, deadline(), &qmp, err);

	return r < 0 ? r : sk_qmp_call(qmp, command, deadline(), ret, err);
}

static void *monitor_main(void *arg)
{
	struct sk_monitor *m = arg;

	while (!atomic_load(&m->is_stopping)) {
		int r = ask(m->path, SWITCH_ON, NULL, &m->err);

		m->is_on = r == 0;
		/* Whoever answers, and refuses, does so the next time, too. */
		if (r == 0 || r == -EIO || r == -EPROTO)
			break;
		sk_clock_sleep_until(sk_clock_mono() + RETRY_NS);
	}
	return NULL;
}

int sk_monitor_start(const char *path, struct sk_monitor **ret, struct sk_err *err)
{
	struct sk_monitor *m = calloc(1, sizeof(*m));
	int r = 0;

	if (m)
		m->path = strdup(path);
	if (!m || !m->path)
		r = sk_err_oom(err);
	if (r == 0 && (r = pthread_create(&m->thread, NULL, monitor_main, m)) != 0)
		r = sk_err_code(err, -r, "start a thread");
	if (r < 0) {
		if (m)
			free(m->path);
		free(m);
		return r;
	}
	*ret = m;
	return 0;
}

static void read_blocktime(struct sk_monitor *m, struct sk_blocktime *ret)
{
	sk_auto(sk_json_free) struct sk_json *answer = NULL;

	*ret = (struct sk_blocktime){.is_known = false};
	if (m->is_on && ask(m->path, QUERY, &answer, &m->err) == 0)
		sk_qmp_blocktime(answer, ret);
	else
		(void)snprintf(ret->why, sizeof(ret->why), "%.119s", m->err.msg);
}

void sk_monitor_finish(struct sk_monitor *m, struct sk_blocktime *ret)
{
	if (!m)
		return;
	atomic_store(&m->is_stopping, true);
	(void)pthread_join(m->thread, NULL);
	if (ret)
		read_blocktime(m, ret);
	free(m->path);
	free(m);
}
