/* SPDX-License-Identifier: Apache-2.0 */
/* design - which runs, in which order: randomised complete blocks; pure */
#ifndef SK_DESIGN_H
#define SK_DESIGN_H

#include "migrate/experiment/experiment.h"

/** enum sk_trial_kind - What a run is for */
enum sk_trial_kind {
	SK_TRIAL_RUN,
	SK_TRIAL_WARMUP,  /* discarded */
	SK_TRIAL_CONTROL, /* the probe without a migration */
};
/** sk_trial_kind_name() - "run", "warmup", "control" */
const char *sk_trial_kind_name(enum sk_trial_kind kind);

/** struct sk_trial - One run to do */
struct sk_trial {
	enum sk_trial_kind kind;
	size_t block; /* from 1; 0 the warm-up */
	size_t cell;  /* of a control: whose load the guest has */
};

/** struct sk_design - All runs in their order */
struct sk_design {
	struct sk_trial *trials;
	size_t nr;
};
/**
 * sk_design_make() - The order of runs
 * @repetitions:	Blocks, at least 1
 * @seed:		The same seed gives the same order
 *
 * One warm-up of a drawn cell, then blocks, each with every cell once and one control in random
 * order: what drifts over time hits all cells alike. The loads of controls go round the cells.
 * Each block's order depends on the seed and its number alone, so that more repetitions add
 * blocks and change none.
 * Source: Cochran and Cox, Experimental Designs, chapter 4.
 * Return: 0; -E2BIG with more than SK_RUNS_MAX runs; -ENOMEM
 */
int sk_design_make(const struct sk_experiment *experiment, size_t repetitions,
		   uint64_t seed, struct sk_design *ret, struct sk_err *err);
/** sk_design_finish() - Release it */
void sk_design_finish(struct sk_design *design);
SK_DEFINE_AUTO_FINISH(struct sk_design, sk_design_finish)

/**
 * sk_design_guess() - How long a run takes, before any was measured
 *
 * Memory over the cap, or 100 MB/s, for the transfer, and what surrounds it. In ns.
 */
uint64_t sk_design_guess(const struct sk_experiment *experiment,
			 const struct sk_trial *trial);
/**
 * sk_design_remaining() - How long what is not done will take
 * @done:	By run; NULL: nothing is, and a lab is still to be made
 * @took:	Measured time per cell in ns, 0 for none yet: those scale the guess of the others
 */
uint64_t sk_design_remaining(const struct sk_experiment *experiment,
			     const struct sk_design *design, const bool *done,
			     const uint64_t *took);

#endif
