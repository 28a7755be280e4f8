/* SPDX-License-Identifier: Apache-2.0 */
/* model - what a migration will cost, as intervals; pure arithmetic, no clock, no I/O
 *
 *	sk_model_predict(&input, SK_MODE_PRE_COPY, 0, &output);
 *
 * V0 is the memory that is not zero, B what the stream may carry, L what the link carries without a
 * cap, D the rate at which pages are written, W the working set, d the allowed downtime.
 *
 * Pre-copy: pass i takes T_i = V_i / B and leaves min(W, D T_i) to send again. QEMU looks whether
 * what is left fits B d only when less than that is left of the pass, so a pass hands its tail on. It
 * stops the guest when it fits, lifts the cap, and sends it. Without a cap or with one: the guest is
 * down for what is left over L, and a floor that the pair of hosts has. Stop-and-copy: the same with
 * D = 0 and the guest down all the time. Post-copy: the guest is down for the floor alone, and a
 * client waits for a share of the phase, as what it needs queues behind the stream. Hybrid: passes,
 * then post-copy of the rest.
 *
 * Source: Clark et al., NSDI 2005; Hines and Gopalan, VEE 2009; QEMU's migration_iteration_run().
 */
#ifndef SK_MODEL_H
#define SK_MODEL_H

#include <stdbool.h>

#include "lib/json.h"
#include "migrate/measure/verdict.h"

/** struct sk_range - A figure and how far it may be off: low <= mid <= high */
struct sk_range {
	double low, mid, high;
};
/** sk_range_of() - One that is known exactly */
static inline struct sk_range sk_range_of(double value)
{
	return (struct sk_range){value, value, value};
}
/** sk_range_json() - {low, mid, high}, each times @scale; null where it is infinite */
struct sk_json *sk_range_json(const struct sk_range *range, double scale);

#define SK_MODEL_MODES 4 /* those that can be predicted: the first of enum sk_mode */

/** struct sk_model_mode - What a pair of hosts adds to the arithmetic, for one mode */
struct sk_model_mode {
	struct sk_range floor_s;   /* vCPU downtime with nothing left to send */
	struct sk_range extra_s;   /* of the total, on top of copying */
	struct sk_range network_s; /* of the client's outage, on top of the vCPUs' */
	struct sk_range wait; /* share of a post-copy phase that a client waits, 0 to 1 */
};

/** struct sk_model_input - What is known before; bytes, bytes a second, seconds */
struct sk_model_input {
	double memory_bytes;	     /* all of the guest's */
	struct sk_range nonzero;     /* V0 */
	struct sk_range tail;	     /* not zero in what the first pass leaves */
	struct sk_range write_bps;   /* D */
	struct sk_range working_set; /* W */
	struct sk_range link_bps;    /* L, of passes */
	struct sk_range
		postcopy_link_bps; /* of a post-copy phase, which places pages otherwise */
	double cap_bps, postcopy_cap_bps; /* 0: none */
	double warm; /* how much faster pages arrive that the destination has already; 0: 1 */
	double downtime_s; /* d */
	double throttle_initial,
		throttle_increment; /* auto-converge: shares of the guest's time; 0 off */
	struct sk_model_mode mode[SK_MODEL_MODES];
};

/** struct sk_model_output - What one mode will cost */
struct sk_model_output {
	enum sk_mode mode;
	bool converges; /* else nothing below but .why has a meaning */
	char why[120];
	unsigned int passes; /* at the mid */
	struct sk_range total_s, downtime_s, outage_s, bytes;
	double copy_s,
		flush_s; /* at the mid: of total and downtime what is copying, not floor or extra */
	double postcopy_s; /* at the mid: length of the post-copy phase */
};

/**
 * sk_model_predict() - Predict one mode
 * @in:		Ranges ordered, rates of links above 0
 * @mode:	One of the first SK_MODEL_MODES
 * @postcopy_after: Hybrid: whole passes before the switch; 0: 1
 *
 * The mid is the model at the mid of each range; low and high are the extremes of it over all
 * combinations of their ends.
 */
void sk_model_predict(const struct sk_model_input *in, enum sk_mode mode,
		      unsigned int postcopy_after, struct sk_model_output *ret);
/** sk_model_unique() - Different pages' bytes that are written in @s seconds: min(W, D s) */
double sk_model_unique(double write_bps, double working_set, double s);
/** struct sk_dirty_period - What was written in a period of some seconds */
struct sk_dirty_period {
	double seconds;
	double bytes;	    /* of different pages */
	double error_bytes; /* one standard error: only some pages are looked at */
};
/**
 * sk_model_dirty() - Tell write rate from working set by periods of different length
 * @periods:	@n >= 1, in order of length
 * @most:	Nothing can be larger than this: the memory
 *
 * Where a longer period does not find more pages in proportion the working set is what it found.
 */
void sk_model_dirty(const struct sk_dirty_period *periods, size_t n, double most,
		    struct sk_range *ret_write_bps, struct sk_range *ret_working_set);

#endif
