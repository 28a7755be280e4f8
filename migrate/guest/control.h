/* SPDX-License-Identifier: Apache-2.0 */
/* control - the guest's side of the control port
 *
 * Request: one datagram "skiff-control ID COMMAND [ARGUMENTS]" where ID is chosen by the client.
 *	status			counters, with the checksums of the last "checksum"
 *	checksum		the same after reading all memory now
 *	load BYTES PAGES_PER_S	sets working set and rate, then as status
 *	service [reset]		model, counters and parallelism of the service; begins these anew
 *	clock			CLOCK_REALTIME when the request came and when the reply left
 * Reply: "skiff-control ID ok KEY=NUMBER ..." or "skiff-control ID error TEXT".
 *
 * A client repeats a request that stays unanswered. One with the ID of the last request from
 * the same peer gets the same reply without being carried out again.
 */
#ifndef SK_CONTROL_H
#define SK_CONTROL_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "migrate/guest/memory.h"
#include "migrate/guest/server.h"

#define SK_CONTROL_PREFIX "skiff-control "
#define SK_CONTROL_SIZE	  512

/** struct sk_control - One socket and the last reply; zero-initialise, then set the first three */
struct sk_control {
	int sock;
	struct sk_memory *memory;
	struct sk_server *server;
	atomic_bool is_stopping;
	uint64_t received_ns; /* the request that is answered, CLOCK_REALTIME */
	struct sockaddr_storage last_peer;
	char last_id[32];
	char last_reply[SK_CONTROL_SIZE];
};

/**
 * sk_control_answer() - Carry out one request
 * @request:	Text of the datagram, NUL-terminated; changed
 * @reply:	Reply text of at most SK_CONTROL_SIZE bytes
 *
 * Return: 0, also for a command that failed; -EPROTO when it is no request at all: say nothing
 */
int sk_control_answer(struct sk_control *control, char *request,
		      char reply[SK_CONTROL_SIZE]);
/** sk_control_run() - Answer until @is_stopping */
void sk_control_run(struct sk_control *control);

#endif
