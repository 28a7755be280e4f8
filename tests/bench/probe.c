// SPDX-License-Identifier: Apache-2.0
/* probe - how late the probe sends, against a loop that does nothing but wait for its time
 *
 *	probe [--quick]
 *
 * 1. A network namespace with nothing but the loopback, and there a process with the echo service.
 * 2. Rounds of a second: the loop, then the probe; in the next round the other way about. Both
 *    ask for the same priority and timer slack, so that what else runs hits them alike.
 * 3. The 99th percentiles of all rounds together, at 1,000 a second and at 20,000. The target is
 *    that of 1,000.
 */
#include <getopt.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/stats.h"
#include "migrate/guest/server.h"
#include "migrate/measure/probe.h"

#define FULL_ROUNDS  20
#define QUICK_ROUNDS 3
#define TARGET	     1.5
#define PRIORITY     21 /* that of the probe's sending thread */
#define START_NS     (2 * SK_NS_PER_MS)

/** struct late - Lateness of all requests, in us */
struct late {
	double *us;
	size_t n;
	bool is_realtime;
};

static int own_network(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	sk_autoclose int sock = -1;

	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return sock < 0 ? -1 : ioctl(sock, SIOCSIFFLAGS, &request);
}

/* A process of its own, as in life; tells its port through the pipe. */
static pid_t start_service(uint16_t *ret_port)
{
	struct sk_server_opts opts = SK_SERVER_OPTS_INIT;
	struct sk_server *server = NULL;
	int ends[2];
	pid_t pid;

	if (pipe(ends) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		uint16_t port;

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		opts.address = "127.0.0.1";
		if (sk_server_start(&opts, &server, NULL) < 0)
			_exit(1);
		port = sk_server_port(server);
		if (write(ends[1], &port, sizeof(port)) != sizeof(port))
			_exit(1);
		for (;;)
			(void)pause();
	}
	(void)close(ends[1]);
	if (pid > 0 && read(ends[0], ret_port, sizeof(*ret_port)) != sizeof(*ret_port)) {
		(void)waitpid(pid, NULL, 0);
		pid = -1;
	}
	(void)close(ends[0]);
	return pid;
}

static void run_loop(unsigned int hz, struct late *late)
{
	const struct sched_param urgent = {.sched_priority = PRIORITY}, usual = {0};
	uint64_t start = sk_clock_mono() + START_NS;

	late->is_realtime = sched_setscheduler(0, SCHED_FIFO, &urgent) == 0;
	(void)prctl(PR_SET_TIMERSLACK, 1);
	for (uint64_t i = 0; i < hz; i++) {
		uint64_t at = start + i * SK_NS_PER_S / hz;

		sk_clock_sleep_until(at);
		late->us[late->n++] = (double)(sk_clock_mono() - at) / 1e3;
	}
	(void)sched_setscheduler(0, SCHED_OTHER, &usual);
	(void)prctl(PR_SET_TIMERSLACK, 0);
}

static int run_probe(unsigned int hz, uint16_t port, struct late *late)
{
	struct sk_probe_opts opts = {
		.target = {.kind = SK_PROBE_UDP,
			   .host = "127.0.0.1",
			   .port = port,
			   .hz = hz},
		.netns_fd = -1,
		.max_duration_ns = SK_NS_PER_S,
	};
	sk_auto(sk_probe_free) struct sk_probe *probe = NULL;
	struct sk_err err = SK_ERR_INIT;
	const struct sk_sample *samples;
	size_t n = 0;

	if (sk_probe_start(&opts, &probe, &err) < 0 || sk_probe_finish(probe, &err) < 0) {
		fprintf(stderr, "bench: %s\n", err.msg);
		return -1;
	}
	late->is_realtime = sk_probe_is_realtime(probe);
	samples = sk_probe_samples(probe, &n);
	for (size_t i = 0; i < n; i++)
		late->us[late->n++] =
			(double)(samples[i].sent_ns - samples[i].intended_ns) / 1e3;
	return 0;
}

static void print(const char *name, unsigned int hz, struct late *late)
{
	char what[64];

	(void)snprintf(what, sizeof(what), "%s, %u a second%s", name, hz,
		       late->is_realtime ? "" : " (not real-time)");
	sk_stats_sort(late->us, late->n);
	printf("%-42s %8.1f %8.1f %8.1f %8.1f\n", what,
	       sk_stats_quantile(late->us, late->n, 0.5),
	       sk_stats_quantile(late->us, late->n, 0.99),
	       sk_stats_quantile(late->us, late->n, 0.999),
	       sk_stats_quantile(late->us, late->n, 1));
}

/* Probe's p99 by the loop's; below 0 when it failed. */
static double compare(unsigned int hz, unsigned int rounds, uint16_t port)
{
	sk_autofree double *ours = calloc((size_t)hz * rounds, sizeof(double));
	sk_autofree double *bare = calloc((size_t)hz * rounds, sizeof(double));
	struct late probe = {.us = ours}, loop = {.us = bare};

	if (!ours || !bare)
		return -1;
	for (unsigned int round = 0; round < rounds; round++) {
		if (round % 2 == 0)
			run_loop(hz, &loop);
		if (run_probe(hz, port, &probe) < 0)
			return -1;
		if (round % 2 != 0)
			run_loop(hz, &loop);
	}
	print("timer loop", hz, &loop);
	print("probe", hz, &probe);
	return sk_stats_quantile(ours, probe.n, 0.99) /
	       sk_stats_quantile(bare, loop.n, 0.99);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"quick", no_argument, NULL, 'q'},
						{NULL, 0, NULL, 0}};
	unsigned int rounds = FULL_ROUNDS;
	double ratio, fast;
	uint16_t port = 0;
	pid_t service;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c != 'q')
			return 2;
		rounds = QUICK_ROUNDS;
	}
	if (own_network() < 0) {
		perror("bench: make a network namespace (as root)");
		return 1;
	}
	service = start_service(&port);
	if (service < 0) {
		perror("bench: start the service");
		return 1;
	}
	printf("\n%-42s %8s %8s %8s %8s\n", "us late", "p50", "p99", "p99.9", "max");
	ratio = compare(1000, rounds, port);
	fast = compare(20000, rounds, port);
	(void)kill(service, SIGKILL);
	(void)waitpid(service, NULL, 0);
	if (ratio < 0 || fast < 0)
		return 1;
	printf("\n%-42s %6.2f %-7s target %.2f  %s\n", "lateness p99 at 1000 a second",
	       ratio, "x loop", TARGET, ratio <= TARGET ? "pass" : "MISS");
	printf("%-42s %6.2f %s\n", "    at 20000 a second", fast, "x loop");
	return 0;
}
