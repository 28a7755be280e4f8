// SPDX-License-Identifier: Apache-2.0
/* ticker - a client that asks a lab's guest for its tick all the time: two copies would show */
#include "tests/it/ticker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/str.h"

#define GUEST	  "10.77.0.10"
#define PORT	  7007
#define PERIOD_NS (20 * SK_NS_PER_MS)
#define MAX_ASKED (1u << 16)
#define MAGIC	  0x42504b53u
#define RUN	  0x7469636bu

/* The packet of the guest's echo service, little endian. */
struct packet {
	uint32_t magic, run;
	uint64_t seq, intended_ns, tick;
} __attribute__((packed));

static void receive(struct it_ticker *ticker, int sock, uint8_t *seen, uint64_t *last_seq,
		    uint64_t *last_tick)
{
	struct packet p;

	while (recv(sock, &p, sizeof(p), MSG_DONTWAIT) == (ssize_t)sizeof(p)) {
		uint64_t now = sk_clock_mono(), last = atomic_load(&ticker->last_ns);

		if (p.magic != MAGIC || p.run != RUN || p.seq >= MAX_ASKED ||
		    p.tick == UINT64_MAX)
			continue;
		ticker->answered++;
		ticker->twice += seen[p.seq];
		seen[p.seq] = 1;
		if (last && (now - last) / SK_NS_PER_MS > ticker->longest_gap_ms)
			ticker->longest_gap_ms = (now - last) / SK_NS_PER_MS;
		atomic_store(&ticker->last_ns, now);
		if (p.seq < *last_seq)
			continue; /* overtaken on its way */
		ticker->back += p.tick < *last_tick;
		*last_seq = p.seq;
		*last_tick = p.tick;
	}
}

static int open_socket(int netns_fd)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int sock;

	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return -errno;
	(void)inet_pton(AF_INET, GUEST, &to.sin_addr);
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || connect(sock, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	return sock;
}

static void *ticker_main(void *arg)
{
	struct it_ticker *ticker = arg;
	sk_autofree uint8_t *seen = calloc(MAX_ASKED, 1);
	uint64_t next = sk_clock_mono(), last_seq = 0, last_tick = 0;
	sk_autoclose int sock = seen ? open_socket(ticker->netns_fd) : -ENOMEM;

	if (sock < 0) {
		ticker->failure = -sock;
		return NULL;
	}
	while (!atomic_load(&ticker->is_stopping) && ticker->sent < MAX_ASKED) {
		struct packet p = {.magic = MAGIC, .run = RUN, .seq = ticker->sent};

		/* A link that is down refuses it: that is what is tested. */
		(void)send(sock, &p, sizeof(p), MSG_DONTWAIT);
		ticker->sent++;
		next += PERIOD_NS;
		sk_clock_sleep_until(next);
		receive(ticker, sock, seen, &last_seq, &last_tick);
	}
	return NULL;
}

void it_ticker_start(struct it *it, struct it_ticker *ticker)
{
	sk_autofree char *path = sk_strf("%s/slices/lab-default/ns/client", it->runroot);

	memset(ticker, 0, sizeof(*ticker));
	ticker->netns_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (ticker->netns_fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	assert_int_equal(pthread_create(&ticker->thread, NULL, ticker_main, ticker), 0);
	(void)it_ticker_await(ticker, 20);
}

uint64_t it_ticker_await(struct it_ticker *ticker, unsigned int seconds)
{
	uint64_t begin = sk_clock_mono(), end = begin + seconds * SK_NS_PER_S;

	while (atomic_load(&ticker->last_ns) <= begin && sk_clock_mono() < end)
		sk_clock_sleep_until(sk_clock_mono() + PERIOD_NS / 2);
	if (atomic_load(&ticker->last_ns) <= begin)
		fail_msg("the guest has not answered for %u s", seconds);
	return (sk_clock_mono() - begin) / SK_NS_PER_MS;
}

void it_ticker_stop(struct it_ticker *ticker)
{
	atomic_store(&ticker->is_stopping, true);
	(void)pthread_join(ticker->thread, NULL);
	(void)close(ticker->netns_fd);
	print_message("ticks: %" PRIu64 " of %" PRIu64 " answered, longest gap %" PRIu64
		      " ms, twice %" PRIu64 ", back %" PRIu64 "\n",
		      ticker->answered, ticker->sent, ticker->longest_gap_ms,
		      ticker->twice, ticker->back);
	assert_int_equal(ticker->failure, 0);
	assert_int_equal(ticker->twice, 0);
	assert_int_equal(ticker->back, 0);
}
