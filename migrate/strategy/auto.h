/* SPDX-License-Identifier: Apache-2.0 */
/* auto - choose a way to migrate that keeps to an objective, and change course when it would not
 *
 * Theory of operation
 *
 * 1. Candidates: pre-copy with several allowed downtimes, with and without auto-converge;
 *    stop-and-copy; post-copy; hybrid. Those that the transfer's options or --risk rule out are left
 *    out. Each is predicted.
 * 2. Of those whose whole interval keeps to the objective one is taken; else of those whose mid
 *    does. One without post-copy goes first, which can lose the guest; then the one with most
 *    margin. Without any, nothing starts, but with --best-effort the nearest one does.
 * 3. While it runs: a pre-copy that lasts longer than predicted, or whose passes do not become
 *    shorter, is allowed a longer downtime, as long as the objective for the outage permits; if that
 *    does not help within a while it is switched to post-copy where that is allowed; else it is given
 *    up at the deadline, and the guest stays at the source. Auto-converge cannot be switched on in a
 *    running job: libvirt takes it at the start alone.
 * 4. Each course is noted in the time line, so that the verdict knows what to prove.
 */
#ifndef SK_AUTO_H
#define SK_AUTO_H

#include "migrate/migrate.h"
#include "migrate/strategy/predict.h"
#include "migrate/strategy/strategy.h"

/** enum sk_fit - How a prediction keeps to an objective */
enum sk_fit {
	SK_FIT_NOT,
	SK_FIT_LIKELY, /* the mid does */
	SK_FIT_SURE,   /* the whole interval does */
};

/** struct sk_candidate - One way to migrate, and what it would cost */
struct sk_candidate {
	enum sk_mode mode;
	uint64_t max_downtime_ms; /* 0: the hypervisor's */
	bool auto_converge;
	struct sk_model_output out;
	enum sk_fit fit;
	double margin; /* least over the limits, as a share of the limit; negative: missed */
};

#define SK_AUTO_CANDIDATES 20
#define SK_AUTO_CHANGES	   8

/** struct sk_course_change - What was done otherwise than planned, when, and why */
struct sk_course_change {
	double at_s; /* since the first byte */
	char text[160];
};

/** struct sk_autopilot - What was chosen for one migration, and how it went */
struct sk_autopilot {
	struct sk_slo slo;
	struct sk_risk risk;
	bool best_effort, can_postcopy;
	struct sk_candidate candidates[SK_AUTO_CANDIDATES];
	size_t nr, chosen;
	char why[360];

	/* Set while it runs. */
	uint64_t (*now)(void); /* monotonic, ns; replaced by tests */
	enum sk_mode course;
	uint64_t active_ns, raised_ns; /* 0 not yet */
	uint64_t longest_ms;	       /* downtime that the objective permits */
	struct sk_course_change changes[SK_AUTO_CHANGES];
	size_t nr_changes;
};

/**
 * sk_auto_choose() - Choose by prediction; nothing is started
 * @prediction:	Made for @opts
 * @opts:	.slo, .risk, .best_effort, and .transfer, whose options rule out candidates
 * @ret:	Filled in any case: its candidates say what was looked at
 *
 * Return: 0; -ENOTSUP when none is predicted to keep to the objective, with the nearest in the text
 */
int sk_auto_choose(const struct sk_prediction *prediction,
		   const struct sk_migrate_opts *opts, struct sk_autopilot *ret,
		   struct sk_err *err);
/** sk_auto_apply() - Set what the chosen candidate wants of the transfer */
void sk_auto_apply(const struct sk_autopilot *chosen, struct sk_transfer_opts *transfer);
/** sk_auto_predicted() - Make the chosen candidate's the prediction that is compared afterwards */
void sk_auto_predicted(const struct sk_autopilot *chosen,
		       struct sk_prediction *prediction);
/** sk_auto_strategy() - What carries the chosen candidate out: of mode auto */
const struct sk_strategy *sk_auto_strategy(const struct sk_autopilot *chosen);
/** sk_auto_describe() - One candidate as a line: "hybrid: outage 130 ms (...), ..., keeps to it" */
const char *sk_auto_describe(const struct sk_candidate *candidate, char *buf,
			     size_t size);
/** sk_auto_json() - The object "auto" of run.json: {candidates[], chosen, why, changes[]} */
struct sk_json *sk_auto_json(const struct sk_autopilot *chosen);

#endif
