/* SPDX-License-Identifier: Apache-2.0 */
/* ticker - a client that asks a lab's guest for its tick all the time: two copies would show
 *
 * The guest answers each request with the time of its life, which never goes back. Two copies that
 * run at once answer one request twice; one that was started again from older memory tells an
 * earlier time.
 */
#ifndef SK_IT_TICKER_H
#define SK_IT_TICKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "tests/it/it.h"

/** struct it_ticker - One such client: a thread in the network of the lab's client */
struct it_ticker {
	pthread_t thread;
	atomic_bool is_stopping;
	int netns_fd;
	int failure; /* errno of the thread, or 0 */
	uint64_t sent, answered, twice, back, longest_gap_ms;
	atomic_uint_fast64_t last_ns; /* sk_clock_mono() of the last answer */
};

/** it_ticker_start() - Ask from now on, 50 times a second */
void it_ticker_start(struct it *it, struct it_ticker *ticker);
/** it_ticker_await() - Wait until the guest has answered after now (at most @seconds); the time it took in ms */
uint64_t it_ticker_await(struct it_ticker *ticker, unsigned int seconds);
/** it_ticker_stop() - End it; fails the test when a second copy answered, or an older one */
void it_ticker_stop(struct it_ticker *ticker);

#endif
