/* SPDX-License-Identifier: Apache-2.0 */
/* attach - stay with a foreground process: hand on signals, pump its terminal */
#ifndef SK_ATTACH_H
#define SK_ATTACH_H

#include <signal.h>
#include <stdbool.h>
#include <termios.h>

#include "lib/cleanup.h"
#include "lib/err.h"

/** struct sk_attach - Settings of the caller that are put back by sk_attach_finish() */
struct sk_attach {
	sigset_t old_mask;
	int signal_fd;
	bool is_raw;
	struct termios old_termios;
	int forced; /* signal that PID 1 would have ignored, so it was killed; 0 none */
};

/** sk_attach_init() - Keep back the signals that are to be handed on; call before the process starts */
int sk_attach_init(struct sk_attach *attach, struct sk_err *err);

/**
 * sk_attach_wait() - Until the process has ended: signals, window size, terminal
 * @pidfd:	Process to watch and signal (borrowed); is left to be reaped
 * @pty:	Master of its terminal (borrowed), or -1
 * @use_stdin:	Read descriptor 0 for the terminal; it is raw meanwhile when it is one
 * @force:	A signal that the process neither catches nor blocks, which PID 1 of a container
 *		never feels, kills it
 */
int sk_attach_wait(struct sk_attach *attach, int pidfd, int pty, bool use_stdin,
		   bool force, struct sk_err *err);
/** sk_attach_finish() - Put mask and terminal back; fine twice */
void sk_attach_finish(struct sk_attach *attach);
SK_DEFINE_AUTO_FINISH(struct sk_attach, sk_attach_finish)

/** sk_attach_ignores() - Whether a process neither catches nor blocks a signal, from /proc/PID/status */
bool sk_attach_ignores(int pidfd, int sig);

/** sk_attach_stdio() - Descriptors for a process: the caller's, with /dev/null as 0 unless @interactive.
 *  @null_fd: opened when needed (to be closed by the caller) */
int sk_attach_stdio(bool interactive, int stdio[3], int *null_fd, struct sk_err *err);

#endif
