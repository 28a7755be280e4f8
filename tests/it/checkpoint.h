/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint - a container that is saved and restored, and shows where it stands
 *
 *	sk_auto(saved_finish) struct saved s = {0};
 *
 *	saved_init(it, &s, SAVED_SAY "i=0; while :; do say $((i=i+1)); done");
 *	saved_run(it, &s, "c1");
 *	assert_int_equal(saved_next(&s), 1);
 *	saved_checkpoint(it, &s, "c1", "--file-locks");
 *
 * What it says with say() it puts into its volume /data, and waits until that was read: the
 * next number tells whether the process that goes on is the one that was saved.
 */
#ifndef SK_IT_CHECKPOINT_H
#define SK_IT_CHECKPOINT_H

#include "lib/cleanup.h"
#include "tests/it/oci.h"

/** struct saved - A bundle with its volume, and folders for images and criu's log */
struct saved {
	char *bundle, *data, *images, *work;
};

/* For a script: put a number where saved_next() finds it. */
#define SAVED_SAY                                                                        \
	"say() { echo $1 > /data/n.new; mv /data/n.new /data/n; "                        \
	"while [ -e /data/n ]; do sleep 0.02; done; }; "
#define SAVED_COUNTER SAVED_SAY "i=0; while :; do say $((i=i+1)); done"

/** saved_init() - Make the bundle of a shell with this @script; skips without criu */
void saved_init(struct it *it, struct saved *s, const char *script);
/** saved_init_bundle() - The same, where criu is not needed */
void saved_init_bundle(struct it *it, struct saved *s, const char *script);
/** saved_finish() - Release what it holds */
void saved_finish(struct saved *s);
SK_DEFINE_AUTO_FINISH(struct saved, saved_finish)

/** saved_add_volume() - Mount its volume at this place too */
void saved_add_volume(const struct saved *s, const char *destination);
/** saved_share_network() - Without a network namespace of its own */
void saved_share_network(const struct saved *s);

/** saved_next() - The next number; the container then goes on to the one after it */
long saved_next(const struct saved *s);
/** saved_drop() - Take away the last number, if any */
void saved_drop(const struct saved *s);

/** saved_start() - A command of skiff-oci with /dev/null as 0, 1, 2: other files would have to be the same at a restore */
void saved_start(struct it *it, const char *const *args);
/** saved_run() - `run --detach` */
void saved_run(struct it *it, const struct saved *s, const char *id);
/** saved_try() - `checkpoint` with further options; returns the status */
int saved_try_argv(struct it *it, const struct saved *s, const char *id,
		   const char *const *options);
#define saved_try(it, s, id, ...) saved_try_argv(it, s, id, IT_ARGS(__VA_ARGS__))
/** saved_checkpoint() - saved_try(), and fail with criu's log when it fails */
void saved_checkpoint_argv(struct it *it, const struct saved *s, const char *id,
			   const char *const *options);
#define saved_checkpoint(it, s, id, ...)                                                 \
	saved_checkpoint_argv(it, s, id, IT_ARGS(__VA_ARGS__))
/** saved_restore() - `restore --detach` with further options */
void saved_restore_argv(struct it *it, const struct saved *s, const char *id,
			const char *const *options);
#define saved_restore(it, s, id, ...) saved_restore_argv(it, s, id, IT_ARGS(__VA_ARGS__))

/** saved_teardown() - For CASE: what a case that failed leaves must not fail the next */
int saved_teardown(void **state);
#define SAVED_CASE(name) cmocka_unit_test_setup_teardown(name, it_setup, saved_teardown)

#endif
