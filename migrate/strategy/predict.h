/* SPDX-License-Identifier: Apache-2.0 */
/* predict - what is known of a guest and a pair of hosts, and what each mode will cost it
 *
 *	sk_guest_use_measure(vm, &facts, &opts, &use);	// takes 1 to 5 s
 *	sk_predict(&opts, &facts, &use, &prediction);	// changes nothing
 *	...						// the migration
 *	sk_prediction_learn(&prediction, &verdict);	// for the next one
 */
#ifndef SK_PREDICT_H
#define SK_PREDICT_H

#include "migrate/migrate.h"
#include "migrate/strategy/calibrate.h"
#include "migrate/strategy/model.h"
#include "migrate/vm/vm.h"

/** struct sk_guest_use - What was measured of a guest before its migration */
struct sk_guest_use {
	double resident_bytes; /* of QEMU; 0 not known */
	struct sk_dirty_period periods[2];
	size_t nr_periods; /* 0: what it writes is not known */
	char why[160];	   /* then: why not */
};

/**
 * sk_guest_use_measure() - Measure what the guest holds and writes
 * @opts:	Its cap, which tells for how long it is worth looking
 *
 * A period of 1 s, and one of up to 4 s where the first pass takes longer than the first period and
 * the guest writes. What cannot be measured is not known: no error.
 */
void sk_guest_use_measure(struct sk_vm *vm, const struct sk_vm_facts *facts,
			  const struct sk_migrate_opts *opts, struct sk_guest_use *ret);

/** struct sk_prediction - What each mode will cost, and what that is made of */
struct sk_prediction {
	struct sk_guest_use use;
	struct sk_calibration calibration;
	struct sk_model_input input;
	struct sk_model_output output[SK_MODEL_MODES];
	const char *nonzero_source, *write_source, *link_source;
	char note
		[160]; /* what the model leaves out, or why the calibration was not read; or empty */
	char guest[64], link[SK_CALIBRATION_LINK];
	unsigned int postcopy_after;
};

/**
 * sk_predict() - Predict all modes
 * @opts:	.home tells where the calibration is; its transfer options count
 *
 * Reads the calibration and changes nothing.
 */
void sk_predict(const struct sk_migrate_opts *opts, const struct sk_vm_facts *facts,
		const struct sk_guest_use *use, struct sk_prediction *ret);
/** sk_predict_again() - The outputs anew, after .input was changed */
void sk_predict_again(struct sk_prediction *prediction);
/**
 * sk_prediction_json() - The object "prediction" of run.json
 * @mode:	Predicted mode, one of the first SK_MODEL_MODES
 * @measured:	Adds .ratio, measured over predicted; NULL: nothing is measured yet
 */
struct sk_json *sk_prediction_json(const struct sk_prediction *prediction,
				   enum sk_mode mode, const struct sk_verdict *measured);
/**
 * sk_prediction_learn() - Take what a migration showed into the calibration of the pair
 *
 * @flushed:	Bytes that were sent while the guest stood still; NAN: not known
 *
 * A degenerate run teaches nothing. The calibration is read anew, as others may have learnt
 * meanwhile.
 */
int sk_prediction_learn(const struct sk_prediction *prediction,
			const struct sk_migrate_opts *opts,
			const struct sk_vm_facts *facts, const struct sk_verdict *verdict,
			double flushed, struct sk_err *err);

#endif
