/* SPDX-License-Identifier: Apache-2.0 */
/* trial - one run: the guest's load set, the migration or the control done, and judged */
#ifndef SK_EXPERIMENT_TRIAL_H
#define SK_EXPERIMENT_TRIAL_H

#include "migrate/experiment/design.h"
#include "migrate/experiment/store.h"
#include "migrate/migrate.h"

/** struct sk_site - Where runs are done: a lab of the experiment's own, or two hosts */
struct sk_site {
	const struct sk_home *home;
	const struct sk_experiment *experiment;
	char *lab; /* its name; NULL with two hosts */
	bool is_up;
	bool is_found;		   /* two hosts: it is known where the guest is */
	bool is_swapped;	   /* which is the experiment's 'to' */
	uint64_t memory_bytes;	   /* of the lab's guest */
	char *server;		   /* its service */
	struct sk_lab_shape shape; /* of the lab's links */
	const volatile int *interrupted;
	void (*phase)(void *ctx, const char *phase, const char *detail);
	void *phase_ctx;
};
/** sk_site_open() - Nothing is made yet. @dir, the folder of results, names the lab. Release with sk_site_close() */
int sk_site_open(const struct sk_home *home, const struct sk_experiment *experiment,
		 const char *dir, struct sk_site *ret, struct sk_err *err);
/** sk_site_close() - Take the lab down; what could not be removed is told */
int sk_site_close(struct sk_site *site, struct sk_err *err);
/** sk_site_prepare() - The lab is up and the guest has this cell's memory and load */
int sk_site_prepare(struct sk_site *site, const struct sk_cell *cell, struct sk_err *err);
/** sk_site_netns() - Where the guest is asked from: descriptor of the lab's client, or -1 for this network */
int sk_site_netns(const struct sk_site *site, int *ret, struct sk_err *err);
/** sk_site_guest() - Address at which a skiff-guest answers, or NULL */
const char *sk_site_guest(const struct sk_site *site);
/**
 * sk_site_find_guest() - Tell at which of two hosts the guest is: an experiment may end at either
 * @site:	.is_found and .is_swapped are set; nothing is, where neither host tells of it
 */
void sk_site_find_guest(struct sk_site *site);
/** sk_site_check() - Whether this user and machine can do what the cells want; before anything is made */
int sk_site_check(const struct sk_home *home, const struct sk_experiment *experiment,
		  struct sk_err *err);
/** sk_site_reset() - After a failure: the next sk_site_prepare() begins anew */
void sk_site_reset(struct sk_site *site);

/** struct sk_trial_opts - One run */
struct sk_trial_opts {
	const struct sk_cell *cell; /* what to set */
	bool is_control;	    /* only probe */
	uint64_t control_ns;	    /* between baseline and tail */
	const char *samples;	    /* name in the folder of samples */
};
/**
 * sk_trial_do() - Do one run
 * @store:	The samples are written to its folder
 * @ret:	The published object of the run
 *
 * Return: 0 also for a run that is to be discarded; -ECANCELED; other -errno for a failed one
 */
int sk_trial_do(struct sk_site *site, const struct sk_store *store,
		const struct sk_trial_opts *opts, struct sk_json **ret,
		struct sk_err *err);

/**
 * sk_trial_judge() - What a run's published object is worth; pure
 * @ret_why:	Why it is not "ok", at most @size bytes
 *
 * Return: "ok"; "failed" when the guest's memory is wrong; "discarded" when another mode ran
 * than was asked for, or the probe was late or answered by nobody
 */
const char *sk_trial_judge(const struct sk_json *result, char *ret_why, size_t size);

#endif
