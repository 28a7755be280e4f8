/* SPDX-License-Identifier: Apache-2.0 */
/* spawn - what starting a first and a further process share; for runtime/sandbox/ only */
#ifndef SK_SANDBOX_SPAWN_H
#define SK_SANDBOX_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/sandbox.h"

/** sk_spawn_prepare() - Capabilities and filter of the child, from its spec; also after a failure: sk_spawn_release() */
int sk_spawn_prepare(struct sk_child *c, struct sk_err *err);
/** sk_spawn_release() - Free what the child inherited a copy of; the parent's side */
void sk_spawn_release(struct sk_child *c);
SK_DEFINE_AUTO_FINISH(struct sk_child, sk_spawn_release)

/** struct sk_spawn_channels - A socket pair for descriptors and a pipe for the report; -1: closed */
struct sk_spawn_channels {
	int sync, report;	      /* the parent's ends */
	int child_sync, child_report; /* the child's */
};

#define SK_SPAWN_CHANNELS_INIT                                                           \
	{                                                                                \
		-1, -1, -1, -1                                                           \
	}

/** sk_spawn_channels_open() - Open all four ends, and tell @c (borrows) its two */
int sk_spawn_channels_open(struct sk_spawn_channels *channels, struct sk_child *c,
			   struct sk_err *err);
/** sk_spawn_channels_close_child() - In the parent after clone, so that it sees the child's end of file */
void sk_spawn_channels_close_child(struct sk_spawn_channels *channels);
/** sk_spawn_channels_finish() - Close what is open */
void sk_spawn_channels_finish(struct sk_spawn_channels *channels);
SK_DEFINE_AUTO_FINISH(struct sk_spawn_channels, sk_spawn_channels_finish)

/** sk_spawn_clone() - clone3() with a pidfd, into the v2 group where there is one; -1 with errno */
pid_t sk_spawn_clone(uint64_t flags, const struct sk_cgroup *cgroup, int *ret_pidfd,
		     bool *ret_in_v2);
/**
 * sk_spawn_hand_over() - In a stage: clone the caller's child, and send the caller its pidfd
 * @flags:	Of clone, besides CLONE_PARENT
 *
 * The child goes on when its pidfd is sent: what it sends itself may not overtake that.
 * Return: 0 in the child; 1 in the stage; -errno, then there is no child or the stage's end
 * tells
 */
int sk_spawn_hand_over(struct sk_child *c, uint64_t flags, struct sk_err *err);
/** sk_spawn_receive() - The child that a stage has cloned for the caller: its pidfd and pid */
int sk_spawn_receive(const struct sk_spawn_channels *channels, struct sk_sandbox *ret,
		     struct sk_err *err);
/** sk_spawn_report() - Read the child's report: 0 at the end of file or when it is ready, else its failure */
int sk_spawn_report(int report, struct sk_err *err);
/** sk_spawn_wait_ready() - Terminal and report of a child that was fed */
int sk_spawn_wait_ready(struct sk_sandbox *sandbox, bool tty,
			const struct sk_spawn_channels *channels, struct sk_err *err);
/** sk_spawn_await_ask() - Whether the child asks by sk_child_ask(); false when it ended */
bool sk_spawn_await_ask(int sync);
/** sk_spawn_answer() - Tell it its pid */
int sk_spawn_answer(int sync, pid_t pid, struct sk_err *err);
/** sk_spawn_reap() - Kill and reap a child that failed */
void sk_spawn_reap(struct sk_sandbox *sandbox);

#endif
