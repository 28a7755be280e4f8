/* SPDX-License-Identifier: Apache-2.0 */
/* tlp - thread-level parallelism: how many threads run on average while any runs
 *
 *	sk_tlp_enter(&tlp, &me);	// woken: this thread has something to do
 *	... the work ...
 *	sk_tlp_leave(&tlp, &me);	// about to wait for the next request, or to sleep
 *
 * TLP = sum of c_i * i for i >= 1, over 1 - c_0, where c_i is the share of time in which i threads
 * run. The sum is the processor time of all threads between enter and leave, as the kernel counts
 * it, and the divisor the time in which at least one of them was between the two. So both are exact
 * but for one case: while other programs keep every thread that wants to run from running, the
 * divisor grows and the sum does not.
 *
 * Source: Flautner et al., Thread-Level Parallelism and Interactive Performance of Desktop
 * Applications, ASPLOS 2000; Blake et al., Evolution of Thread-Level Parallelism in Desktop
 * Applications, ISCA 2010.
 */
#ifndef SK_TLP_H
#define SK_TLP_H

#include <pthread.h>
#include <stdint.h>

/** struct sk_tlp - What all threads of a service share */
struct sk_tlp {
	pthread_mutex_t lock;
	unsigned int active, peak; /* threads between enter and leave, now and at most */
	uint64_t since_ns;	   /* when the first of the active entered */
	uint64_t active_ns;	   /* at least one was active, up to the last leave */
	uint64_t cpu_ns;	   /* processor time of sections that have ended */
};

/** struct sk_tlp_thread - One thread's own part */
struct sk_tlp_thread {
	uint64_t cpu_start_ns;
};

/** struct sk_tlp_figures - A copy */
struct sk_tlp_figures {
	uint64_t active_ns, cpu_ns;
	unsigned int peak;
	double tlp; /* NaN before anything ran */
};

/** sk_tlp_init() - Nothing has run yet */
void sk_tlp_init(struct sk_tlp *tlp);
/** sk_tlp_finish() - Release the lock */
void sk_tlp_finish(struct sk_tlp *tlp);
/** sk_tlp_enter() - The calling thread begins to work */
void sk_tlp_enter(struct sk_tlp *tlp, struct sk_tlp_thread *me);
/** sk_tlp_leave() - The calling thread is about to wait */
void sk_tlp_leave(struct sk_tlp *tlp, struct sk_tlp_thread *me);
/** sk_tlp_get() - The figures so far; sections that still run are not in them */
void sk_tlp_get(struct sk_tlp *tlp, struct sk_tlp_figures *ret);
/** sk_tlp_reset() - Begin anew: peak and times are of what follows */
void sk_tlp_reset(struct sk_tlp *tlp);

#endif
