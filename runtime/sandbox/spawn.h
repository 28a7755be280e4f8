/* SPDX-License-Identifier: Apache-2.0 */
/* spawn - what starting a first and a further process share; for runtime/sandbox/ only */
#ifndef SK_SANDBOX_SPAWN_H
#define SK_SANDBOX_SPAWN_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/enter.h"
#include "runtime/sandbox/sandbox.h"

/** sk_spawn_prepare() - Capabilities and filter of the child, from its spec; also after a failure: sk_spawn_release() */
int sk_spawn_prepare(struct sk_child *c, struct sk_err *err);
/** sk_spawn_release() - Free what the child inherited a copy of; the parent's side */
void sk_spawn_release(struct sk_child *c);
SK_DEFINE_AUTO_FINISH(struct sk_child, sk_spawn_release)

/**
 * struct sk_spawn_channels - What the parent holds until the child has executed
 * @sync, @child_sync:	Socket pair for descriptors; -1: closed
 * @report, @child_report: Pipe for the report; -1: closed
 * @is_bound:	It stays on one CPU: sk_spawn_clone_here()
 * @cpus:	Its own until then
 */
struct sk_spawn_channels {
	int sync, report, child_sync, child_report;
	bool is_bound;
	cpu_set_t cpus;
};

#define SK_SPAWN_CHANNELS_INIT                                                           \
	{                                                                                \
		.sync = -1, .report = -1, .child_sync = -1, .child_report = -1           \
	}

/** sk_spawn_channels_open() - Open all four ends, and tell @c (borrows) its two */
int sk_spawn_channels_open(struct sk_spawn_channels *channels, struct sk_child *c,
			   struct sk_err *err);
/** sk_spawn_channels_close_child() - In the parent after clone, so that it sees the child's end of file */
void sk_spawn_channels_close_child(struct sk_spawn_channels *channels);
/** sk_spawn_channels_finish() - Close what is open; sk_spawn_go_anywhere() */
void sk_spawn_channels_finish(struct sk_spawn_channels *channels);
SK_DEFINE_AUTO_FINISH(struct sk_spawn_channels, sk_spawn_channels_finish)

/** sk_spawn_clone() - clone3() with a pidfd, into the v2 group where there is one; -1 with errno */
pid_t sk_spawn_clone(uint64_t flags, const struct sk_cgroup *cgroup, int *ret_pidfd,
		     bool *ret_in_v2);
/**
 * sk_spawn_clone_here() - The same for @c, on the CPU that the caller runs on; fills @ret
 *
 * For a child that its parent waits for: what they share is in that CPU's caches, and none
 * has to be woken. The child may run anywhere at once, the parent after
 * sk_spawn_go_anywhere(). The kernel keeps what was asked for last as their choice, which the child of an OCI
 * container's spec replaces before it executes anything (sched.c); others are cloned as ever.
 *
 * Return: as clone3()
 */
pid_t sk_spawn_clone_here(struct sk_child *c, uint64_t flags,
			  struct sk_spawn_channels *channels, struct sk_sandbox *ret);
/** sk_spawn_go_anywhere() - Run on other CPUs again: before other programs are started, and at the end */
void sk_spawn_go_anywhere(struct sk_spawn_channels *channels);
/** sk_spawn_flags() - Namespaces that the child's clone shall make */
uint64_t sk_spawn_flags(const struct sk_spec *spec);
/** sk_spawn_explain_clone() - From errno of sk_spawn_clone() to an error */
int sk_spawn_explain_clone(const struct sk_spec *spec, struct sk_err *err);
/** sk_spawn_sysfs() - Detached sysfs for a child that may not mount it itself; -1: it may, else < -1 */
int sk_spawn_sysfs(const struct sk_spec *spec, struct sk_err *err);
/** sk_spawn_feed() - Give the child what it waits for before it mounts anything (feed.c) */
int sk_spawn_feed(const struct sk_sandbox_opts *opts, const struct sk_child *c,
		  const struct sk_sandbox *sandbox, int sync, struct sk_err *err);
/** sk_spawn_by_stage() - Start the child by a stage that joins @namespaces and sets clocks (stage.c) */
int sk_spawn_by_stage(const struct sk_sandbox_opts *opts,
		      const struct sk_enter *namespaces, struct sk_child *c,
		      struct sk_spawn_channels *channels, struct sk_sandbox *ret,
		      struct sk_err *err);
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
/* Neither ready nor failed: executed, or dead */
#define SK_SPAWN_END 1

/** sk_spawn_report() - Read the child's report: 0 when it is ready, SK_SPAWN_END, else its failure */
int sk_spawn_report(int report, struct sk_err *err);
/** sk_spawn_failed() - What the child has to say, or died of, in place of the error @r of its parent, if anything */
int sk_spawn_failed(int r, const struct sk_sandbox *sandbox,
		    const struct sk_cgroup *cgroup,
		    const struct sk_spawn_channels *channels, struct sk_err *err);
/** sk_spawn_wait_ready() - Wait until a child that was fed is ready, or has executed its command */
int sk_spawn_wait_ready(struct sk_sandbox *sandbox, const struct sk_cgroup *cgroup,
			const struct sk_spawn_channels *channels, struct sk_err *err);
/** sk_spawn_terminal() - Receive the master of its terminal, if it shall have one */
int sk_spawn_terminal(struct sk_sandbox *sandbox, bool tty,
		      const struct sk_spawn_channels *channels, struct sk_err *err);
/** sk_spawn_await_ask() - Whether the child asks by sk_child_ask(); false when it ended */
bool sk_spawn_await_ask(int sync);
/** sk_spawn_answer() - Tell it its pid */
int sk_spawn_answer(int sync, pid_t pid, struct sk_err *err);
/** sk_spawn_reap() - Kill and reap a child that failed */
void sk_spawn_reap(struct sk_sandbox *sandbox);

#endif
