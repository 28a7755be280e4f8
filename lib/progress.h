/* SPDX-License-Identifier: Apache-2.0 */
/* progress - one live line on a terminal, a line per phase elsewhere; always stderr */
#ifndef SK_PROGRESS_H
#define SK_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/** struct sk_progress - State of the line; zero-initialise, then sk_progress_init() */
struct sk_progress {
	bool is_terminal, is_quiet, is_shown;
	uint64_t phase_start_ns, last_update_ns;
	char phase[384];
};

/** sk_progress_init() - @quiet shows nothing at all */
void sk_progress_init(struct sk_progress *progress, bool quiet);
/** sk_progress_phase() - Start a phase: printed at once in a pipe; on a terminal by the first update after
 *  half a second, or at once where a line is shown already */
void sk_progress_phase(struct sk_progress *progress, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/** sk_progress_update() - Detail behind the phase: terminals only, at most 10 times a second */
void sk_progress_update(struct sk_progress *progress, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/** sk_progress_say() - A line that stays; the phase goes on, on a terminal in a line below */
void sk_progress_say(struct sk_progress *progress, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/** sk_progress_done() - Erase the live line; call before printing anything else */
void sk_progress_done(struct sk_progress *progress);

#endif
