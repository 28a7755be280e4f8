/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate - what the model needs to know of a pair of hosts, learnt from every migration between them
 *
 *	sk_calibration_load(root_fd, "a", "b", &calibration, err);
 *	sk_calibration_apply(&calibration, "g1", "", &input);	// medians, or wide guesses
 *	...
 *	sk_calibration_add(&calibration, &run);
 *	sk_calibration_save(root_fd, &calibration, err);
 *
 * Kept in ROOT/calibration/HOST--HOST.json, for both directions, the newest runs only.
 */
#ifndef SK_CALIBRATE_H
#define SK_CALIBRATE_H

#include "lib/err.h"
#include "migrate/strategy/model.h"

#define SK_CALIBRATION_RUNS 64
#define SK_CALIBRATION_LINK 96 /* bytes of a link's description, with its end */

/** struct sk_calibration_run - What one migration showed; NAN: nothing of this */
struct sk_calibration_run {
	enum sk_mode mode; /* that was proven: one of the first SK_MODEL_MODES */
	char guest[64];
	char link[SK_CALIBRATION_LINK]; /* whose rate, delay and loss it had */
	double cap_bps;	  /* that held where the mode's floor is made; 0 none */
	double link_bps;  /* of an uncapped stream */
	double floor_s;	  /* vCPU downtime that the model does not explain */
	double extra_s;	  /* total that it does not explain; may be negative */
	double network_s; /* outage beyond the vCPU downtime */
	double wait;	  /* the same as a share of the post-copy phase */
	double nonzero;	  /* V0, bytes */
	double tail;	  /* bytes that the first pass left */
	double resident;  /* bytes of QEMU before it */
};

/** struct sk_calibration - All that is known of a pair */
struct sk_calibration {
	char key[140]; /* of the file; empty: it cannot be kept */
	struct sk_calibration_run runs[SK_CALIBRATION_RUNS]; /* oldest first */
	size_t nr;
};

/**
 * sk_calibration_load() - Read what was learnt between two hosts, in whichever direction
 * @root_fd:	The home's root folder; -1: nothing is kept
 * @ret:	Empty when there is nothing, and on failure
 *
 * Return: 0; -EINVAL when the file is damaged: it will be replaced
 */
int sk_calibration_load(int root_fd, const char *host, const char *other,
			struct sk_calibration *ret, struct sk_err *err);
/** sk_calibration_add() - Take a run in; the oldest gives way */
void sk_calibration_add(struct sk_calibration *calibration,
			const struct sk_calibration_run *run);
/** sk_calibration_save() - Replace the file in one step */
int sk_calibration_save(int root_fd, const struct sk_calibration *calibration,
			struct sk_err *err);
/**
 * sk_calibration_apply() - Fill links, floors and the like of a model's input
 * @guest:	Whose runs tell of its memory
 * @link:	Description of the link as it is now; "" is one that nobody shaped
 * @in:		.memory_bytes and the caps are set, .nonzero when it is known otherwise; links,
 *		.tail and .mode are filled: medians of the newest runs that were most like what
 *		comes, else guesses with wide intervals
 *
 * Like is first the link, then the mode, then the cap: within a factor of 1.5, else that there is
 * one. Runs over another link count only where none over this one tells, and then widen the guess.
 */
void sk_calibration_apply(const struct sk_calibration *calibration, const char *guest,
			  const char *link, struct sk_model_input *in);
/** sk_calibration_cap() - The cap that makes a mode's floor: of its post-copy phase if it has one; 0 none */
double sk_calibration_cap(const struct sk_model_input *in, enum sk_mode mode);
/** sk_calibration_nr() - Runs of a mode over a link that are known */
size_t sk_calibration_nr(const struct sk_calibration *calibration, enum sk_mode mode,
			 const char *link);
/**
 * sk_calibration_nonzero() - Guess V0
 * @resident:	Bytes of QEMU at the source; 0 not known
 *
 * Of the guest's earlier runs the one before which QEMU held most nearly as much counts.
 * Return: how it was obtained, for the record
 */
const char *sk_calibration_nonzero(const struct sk_calibration *calibration,
				   const char *guest, double resident,
				   double memory_bytes, struct sk_range *ret);

#endif
