// SPDX-License-Identifier: Apache-2.0
/* tlp - thread-level parallelism: how many threads run on average while any runs */
#include "migrate/guest/tlp.h"

#include <math.h>
#include <time.h>

#include "lib/clock.h"

static uint64_t thread_cpu_ns(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * SK_NS_PER_S + (uint64_t)now.tv_nsec;
}

void sk_tlp_init(struct sk_tlp *tlp)
{
	*tlp = (struct sk_tlp){.active = 0};
	(void)pthread_mutex_init(&tlp->lock, NULL);
}

void sk_tlp_finish(struct sk_tlp *tlp)
{
	(void)pthread_mutex_destroy(&tlp->lock);
}

void sk_tlp_enter(struct sk_tlp *tlp, struct sk_tlp_thread *me)
{
	me->cpu_start_ns = thread_cpu_ns();
	(void)pthread_mutex_lock(&tlp->lock);
	if (tlp->active++ == 0)
		tlp->since_ns = sk_clock_mono();
	if (tlp->active > tlp->peak)
		tlp->peak = tlp->active;
	(void)pthread_mutex_unlock(&tlp->lock);
}

void sk_tlp_leave(struct sk_tlp *tlp, struct sk_tlp_thread *me)
{
	uint64_t used = thread_cpu_ns() - me->cpu_start_ns;

	(void)pthread_mutex_lock(&tlp->lock);
	tlp->cpu_ns += used;
	if (--tlp->active == 0)
		tlp->active_ns += sk_clock_mono() - tlp->since_ns;
	(void)pthread_mutex_unlock(&tlp->lock);
}

void sk_tlp_get(struct sk_tlp *tlp, struct sk_tlp_figures *ret)
{
	(void)pthread_mutex_lock(&tlp->lock);
	*ret = (struct sk_tlp_figures){.active_ns = tlp->active_ns,
				       .cpu_ns = tlp->cpu_ns,
				       .peak = tlp->peak};
	if (tlp->active)
		ret->active_ns += sk_clock_mono() - tlp->since_ns;
	(void)pthread_mutex_unlock(&tlp->lock);
	ret->tlp = ret->active_ns ? (double)ret->cpu_ns / (double)ret->active_ns : NAN;
}

void sk_tlp_reset(struct sk_tlp *tlp)
{
	(void)pthread_mutex_lock(&tlp->lock);
	tlp->peak = tlp->active;
	tlp->since_ns = sk_clock_mono();
	tlp->active_ns = tlp->cpu_ns = 0;
	(void)pthread_mutex_unlock(&tlp->lock);
}
