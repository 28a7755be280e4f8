/* SPDX-License-Identifier: Apache-2.0 */
/* sliver - one node of a slice as a running container; only for the supervisor */
#ifndef SK_SLIVER_H
#define SK_SLIVER_H

#include "runtime/slice/slice.h"

/** enum sk_sliver_status - Where a sliver is in its life */
enum sk_sliver_status {
	SK_SLIVER_STOPPED, /* not started yet, or stopped for a restart */
	SK_SLIVER_RUNNING,
	SK_SLIVER_EXITED, /* ended by itself; stays so until the next apply */
};

/** struct sk_sliver - A node and its container */
struct sk_sliver {
	const struct sk_slice_node *node; /* borrowed from the definition */
	struct sk_container *ctr;	  /* while it runs */
	enum sk_sliver_status status;
	struct sk_exit exit; /* when it has exited */
	pid_t pid;
	unsigned long long start_time; /* of pid, see sk_proc_start_time() */
};

/** struct sk_sliver_images - Images that were resolved during one apply */
struct sk_sliver_images {
	sk_slice_resolve_fn resolve;
	void *ctx;
	char **names;
	struct sk_slice_image *images;
	size_t nr;
};
/** sk_sliver_images_finish() - Release them */
void sk_sliver_images_finish(struct sk_sliver_images *images);
SK_DEFINE_AUTO_FINISH(struct sk_sliver_images, sk_sliver_images_finish)

/**
 * sk_sliver_start() - Start the container of a node in its pinned namespace
 * @dir:	The slice
 * @def:	Its definition
 * @images:	Resolver with what it found before
 * @sliver:	Stopped; running on success
 *
 * The calling thread must live as long as the container: it is the container's parent.
 */
int sk_sliver_start(const struct sk_slice_dir *dir, const struct sk_slice_def *def,
		    struct sk_sliver_images *images, struct sk_sliver *sliver,
		    struct sk_err *err);
/** sk_sliver_stop() - Kill it when it runs and remove what it had; its links stay */
void sk_sliver_stop(struct sk_sliver *sliver);
/** sk_sliver_reap() - Take note of its end after its pidfd has become readable */
void sk_sliver_reap(struct sk_sliver *sliver);
/** sk_sliver_to_json() - {name, container, status, pid, ...} for state.json */
struct sk_json *sk_sliver_to_json(const struct sk_slice_dir *dir,
				  const struct sk_sliver *sliver);

#endif
