/* SPDX-License-Identifier: Apache-2.0 */
/* faults - what tests of migration faults share: a lab with a ticking guest, and ways to break it */
#ifndef SK_IT_FAULTS_H
#define SK_IT_FAULTS_H

#include "tests/it/lab.h"
#include "tests/it/ticker.h"

/** struct it_faults - A lab, its two hosts, who watches, and a migration that runs */
struct it_faults {
	struct it *it;
	struct it_lab_host a, b;
	struct it_ticker ticker;
	struct it_job job;
	char *dir;
	uint64_t hurt_ns; /* sk_clock_mono() of the fault */
};

/** it_faults_begin() - Lab up, guest on a, ticker on */
void it_faults_begin(struct it *it, struct it_faults *f);
/** it_faults_end() - Ticker off (it asserts), lab down */
void it_faults_end(struct it_faults *f);
/** it_faults_start() - Start `migrate g1` from a to b (or back) by URI with @words behind */
void it_faults_start(struct it_faults *f, bool back, const char *const *words);
/** it_faults_await_copy() - Wait until the destination has its half of the guest */
void it_faults_await_copy(struct it_faults *f, const struct it_lab_host *at);
/** it_faults_await_running() - Wait until the guest runs at this host */
void it_faults_await_running(struct it_faults *f, const struct it_lab_host *at);
/** it_faults_await_daemon() - Wait until libvirtd answers again at this host */
void it_faults_await_daemon(struct it_faults *f, const struct it_lab_host *at);
/** it_faults_hurt() - Run a script on a host ("a", "b"), and start the clock */
void it_faults_hurt(struct it_faults *f, const char *host, const char *script);
/**
 * it_faults_finish() - Wait for the end of the migration, and hold it against the clock
 * @name:	For the line that is printed
 * @limit_s:	From the fault on, on a machine that does nothing else
 */
void it_faults_finish(struct it_faults *f, const char *name, int status, double limit_s,
		      const char *says);
/** it_faults_copies() - Running copies at both ends */
size_t it_faults_copies(struct it_faults *f);
/** it_faults_await_on() - Wait until one copy runs on this host, and none is elsewhere */
void it_faults_await_on(struct it_faults *f, const char *host);

#define KILL_QEMU   "kill -9 $(cat /run/libvirt/qemu/g1.pid)"
#define KILL_DAEMON "kill -9 $(cat /run/libvirtd.pid)"
#define CUT	    "ip link set eth0 down"
#define MEND	    "ip link set eth0 up"

#endif
