/* SPDX-License-Identifier: Apache-2.0 */
/* strategy - how a guest moves: ways that act on a running job's events
 *
 * A strategy is data plus a few functions. sk_session_run() starts the job as the strategy
 * wants it, hands it every note, and leaves the guest running at exactly one end.
 */
#ifndef SK_STRATEGY_H
#define SK_STRATEGY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "migrate/measure/verdict.h"
#include "migrate/migrate.h"
#include "migrate/strategy/converge.h"
#include "migrate/strategy/guard.h"
#include "migrate/strategy/recover.h"
#include "migrate/vm/vm.h"

struct sk_strategy;
struct sk_autopilot;

/** struct sk_session - One running job; all pointers borrowed */
struct sk_session {
	const struct sk_vm_ops *ops;
	struct sk_vm *vm;
	const struct sk_strategy *strategy;
	const char *guest;
	struct sk_transfer_opts transfer;
	unsigned int postcopy_after;	/* hybrid: whole passes before the switch; 0: 1 */
	struct sk_autopilot *automatic; /* of a strategy of mode auto */
	struct sk_timeline *timeline;	/* gets the course; or NULL */
	bool is_resume;			/* of a post-copy that nobody leads */
	uint64_t timeout_ns;		/* of the job; 0 none */
	enum sk_timeout_action timeout_action;
	sk_phase_fn phase; /* or NULL */
	void *phase_ctx;
	const volatile int *interrupted; /* how often the user wanted to stop; or NULL */
	/** Told when what is known of the job changes, for its record; or NULL */
	void (*on_change)(void *ctx, const char *phase);
	void *change_ctx;
	uint64_t (*clock)(struct sk_vm *vm); /* CLOCK_MONOTONIC of a test; or NULL */

	/* Set while it runs. */
	bool is_switched;	/* post-copy was asked for */
	bool is_at_destination; /* the guest runs there already: no way back */
	bool is_aborting;
	bool has_explained; /* why an interrupt cannot stop it */
	bool may_switch;    /* the job allows post-copy */
	bool has_moved;	    /* the source has ended its copy after all was sent */
	bool is_late;	    /* the timeout has struck */
	bool is_abandoned;  /* the job goes on without us: see sk_vm_abandon() */
	uint64_t aborted_ns;
	struct sk_guard guard;
	struct sk_recover recover;
	unsigned int passes;
	struct sk_converge converge; /* what the statistics say of its end */
};

/** struct sk_strategy - One way to move a guest */
struct sk_strategy {
	enum sk_mode mode;
	bool live;     /* the guest runs while its memory is copied */
	bool postcopy; /* allow the switch */
	/** Act on a note; NULL: nothing to do. A failure gives the job up */
	int (*on_note)(struct sk_session *session, const struct sk_vm_note *note,
		       struct sk_err *err);
	/** Every round, at most 100 ms apart, as long as the job runs; NULL: nothing to do. A
	 * failure gives the job up */
	int (*on_tick)(struct sk_session *session, struct sk_err *err);
	/** The user wants to stop; called once a round as long as the job runs on */
	int (*on_interrupt)(struct sk_session *session, struct sk_err *err);
};

extern const struct sk_strategy sk_pre_copy;
extern const struct sk_strategy sk_stop_and_copy;
extern const struct sk_strategy sk_post_copy;
extern const struct sk_strategy sk_hybrid;
extern const struct sk_strategy sk_auto_any; /* before it is known what auto chooses */

/** sk_strategy_find() - The strategy of a mode; NULL for SK_MODE_DEGENERATE */
const struct sk_strategy *sk_strategy_find(enum sk_mode mode);

/**
 * sk_session_run() - Run one job to its end
 * @session:	First group of members filled, the rest zero
 *
 * Return: 0 when the guest runs at the destination; -ECANCELED after an interrupt; -EINPROGRESS
 * when the user left a post-copy that goes on; other -errno. On failure the guest runs at the
 * source, unless the text says otherwise
 */
int sk_session_run(struct sk_session *session, struct sk_err *err);

/** sk_session_switch() - Switch the job to post-copy, once */
int sk_session_switch(struct sk_session *session, struct sk_err *err);
/** sk_session_stop_or_explain() - on_interrupt() of what may be in post-copy: that cannot be stopped */
int sk_session_stop_or_explain(struct sk_session *session, struct sk_err *err);
/**
 * sk_session_note_course() - Note in the time line what the job is from here on: not, or not only,
 * what was asked for. The verdict proves the last one noted
 */
void sk_session_note_course(struct sk_session *session, enum sk_mode mode);
/** sk_session_abort() - Give the job up, once; for on_interrupt() */
int sk_session_abort(struct sk_session *session, struct sk_err *err);
/** sk_session_announce() - Tell the user what now happens, in a line that stays */
void sk_session_announce(struct sk_session *session, const char *text);
/** sk_session_say() - Tell the user how far the job is (phase function's detail) */
void sk_session_say(struct sk_session *session, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
