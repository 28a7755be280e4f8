/* SPDX-License-Identifier: Apache-2.0 */
/* store - a folder of results: what is in it, and how runs are added to it */
#ifndef SK_STORE_H
#define SK_STORE_H

#include "lib/json.h"
#include "migrate/experiment/design.h"
#include "migrate/experiment/experiment.h"
#include "migrate/measure/probe.h"

#define SK_STORE_FILE	 "experiment.yaml"
#define SK_STORE_HOST	 "host.json"
#define SK_STORE_RUNS	 "runs.jsonl"
#define SK_STORE_SAMPLES "samples"

/** struct sk_store - An open folder */
struct sk_store {
	char *dir;
	int dirfd;
	struct sk_experiment *experiment; /* of the copy in the folder */
	struct sk_design design;
	struct sk_json *host; /* host.json */
	struct sk_json
		*runs; /* array of the lines; of one run done twice the later one */
	bool was_cut;  /* the last line was half-written and is left out */
};

/**
 * sk_store_open() - Read a folder of results
 * @ret:	Release with sk_store_finish()
 *
 * Return: 0; -ENOENT when it has no results; -EINVAL for a damaged file
 */
int sk_store_open(const char *dir, struct sk_store *ret, struct sk_err *err);
/** sk_store_finish() - Release it */
void sk_store_finish(struct sk_store *store);
SK_DEFINE_AUTO_FINISH(struct sk_store, sk_store_finish)
/**
 * sk_store_create() - Make a folder for new results, with the copy of the file and host.json
 * Return: 0; -EEXIST when it has results, or another file where the copy shall be
 */
int sk_store_create(const char *dir, const struct sk_experiment *experiment,
		    size_t repetitions, uint64_t seed, struct sk_err *err);
/**
 * sk_store_lock() - Make the folder unless it is there, and lock it; before it is read to be added to
 * Return: descriptor that holds the lock; -EWOULDBLOCK when another process runs it
 */
int sk_store_lock(const char *dir, struct sk_err *err);
/** sk_store_begin() - Prepare for adding, under the lock: cut a half-written line off */
int sk_store_begin(struct sk_store *store, struct sk_err *err);
/** sk_store_append() - Add a run's line; it is on disk when this returns. Takes @run */
int sk_store_append(struct sk_store *store, struct sk_json *run, struct sk_err *err);
/** sk_store_run() - Line of the run with this index in the design, or NULL */
struct sk_json *sk_store_run(const struct sk_store *store, size_t index);
/** sk_store_samples() - A run's samples; heap. -ENOENT for a run without */
int sk_store_samples(const struct sk_store *store, const struct sk_json *run,
		     struct sk_sample **ret, size_t *ret_n, struct sk_err *err);
/** sk_run_is() - Whether a run's line has this status: "ok", "failed", "discarded" */
bool sk_run_is(const struct sk_json *run, const char *status);

/** sk_samples_save() - Write samples in the compact form (see samples.c) */
int sk_samples_save(int dirfd, const char *name, const struct sk_sample *samples,
		    size_t n, struct sk_err *err);
/** sk_samples_load() - Read them again, exactly; heap */
int sk_samples_load(int dirfd, const char *name, struct sk_sample **ret, size_t *ret_n,
		    struct sk_err *err);

#endif
