/* SPDX-License-Identifier: Apache-2.0 */
/* probe_remote - the two ends of a probe that runs on another machine
 *
 * Lines of text, of which "samples" has bytes behind it. < is what the other machine says.
 *
 *	< skiff-probe 1 VERSION			at once
 *	> clock N				at any time, at least every 10 s
 *	< clock N RECEIVED SENT			of its clock: ns since 1970 as it had them at its
 *						start, and from then on by CLOCK_MONOTONIC
 *	> start MAX_NS TIMEOUT_NS URL
 *	< started NS				sample time 0 on that clock
 *	< hint TEXT				only before
 *	< error ERRNO TEXT			in place of it
 *	< samples FIRST NUMBER			then 32 bytes each: intended, sent, received, tick,
 *						as in samples.bin. FIRST is at most the number that
 *						has come; below it is news of late answers
 *	> stop
 *	< end KERNEL_STAMPS RECEIVED REFUSED RECONNECTS REALTIME	also after MAX_NS
 *
 * The other machine sends samples as soon as they are answered or lost. It ends with the connection,
 * and when it has heard nothing for SK_REMOTE_SILENT_NS.
 */
#ifndef SK_PROBE_REMOTE_H
#define SK_PROBE_REMOTE_H

#include <sys/types.h>

#include "lib/clock.h"
#include "migrate/measure/offset.h"
#include "migrate/measure/probe.h"

#define SK_REMOTE_NAME	     "skiff-probe "
#define SK_REMOTE_HELLO	     SK_REMOTE_NAME "1 "
#define SK_REMOTE_SILENT_NS  (10 * SK_NS_PER_S)
#define SK_REMOTE_LINE	     768
#define SK_REMOTE_SAMPLE     32	 /* bytes */
#define SK_REMOTE_MAX_SAMPLE 256 /* samples in one frame that we send */

/** struct sk_remote_stream - What comes from the other machine, taken apart; zero it, set the first group */
struct sk_remote_stream {
	struct sk_sample *samples; /* borrowed: where they go */
	size_t max;

	size_t nr; /* samples that are there */
	size_t at, left;
	unsigned char part[SK_REMOTE_SAMPLE];
	size_t part_len;
	char line[SK_REMOTE_LINE];
	size_t line_len;
};
/**
 * sk_remote_read() - Take bytes until a line other than "samples" is whole; pure
 * @ret_line:	Whether there is one, in stream->line without its newline; the next call drops it
 *
 * Return: bytes taken; -EPROTO for what is malformed, the stream is then to be given up
 */
ssize_t sk_remote_read(struct sk_remote_stream *stream, const void *bytes, size_t len,
		       bool *ret_line);
/** sk_remote_pack() - Samples as bytes of a frame, SK_REMOTE_SAMPLE each */
void sk_remote_pack(const struct sk_sample *samples, size_t n, unsigned char *ret);

/* ---- Ours (probe_remote.c), for probe.c ---------------------------------------------- */

/** struct sk_remote - A connection to a probe elsewhere; opaque */
struct sk_remote;
/** sk_remote_start() - Connect to opts.from and start there: fills probe->remote and start_real */
int sk_remote_start(struct sk_probe *probe, struct sk_err *err);
/** sk_remote_finish() - Wait for its end, or that of the connection; then the samples are there, start_real is corrected */
void sk_remote_finish(struct sk_probe *probe);
/** sk_remote_describe() - Add to an object: from, clock, cut */
void sk_remote_describe(const struct sk_remote *remote, struct sk_json *object);
/** sk_remote_cut() - Why the connection broke, or NULL */
const char *sk_remote_cut(const struct sk_remote *remote);
/** sk_remote_ended_first() - Whether it ended by itself, before it was told to stop; after sk_remote_finish() */
bool sk_remote_ended_first(const struct sk_remote *remote);
/** sk_remote_free() - End the connection, and with it the probe there; NULL is fine */
void sk_remote_free(struct sk_remote *remote);

#endif
