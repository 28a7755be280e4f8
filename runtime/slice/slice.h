/* SPDX-License-Identifier: Apache-2.0 */
/* slice - what the files of this room share: definitions, admission, plans, state, links
 *
 * Pure: def.c file.c expand.c lan.c admission.c diff.c. On disk: state.c. On the system:
 * links.c sliver.c supervisor.c. For callers: apply.c query.c remove.c.
 */
#ifndef SK_SLICE_H
#define SK_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/home.h"
#include "lib/json.h"
#include "runtime/runtime.h"

#define SK_SLICE_MAX_NODES	  1000 /* ports of one bridge: see lan.c */
#define SK_SLICE_DEFAULT_LIFETIME (14ull * 86400 * 1000000000)
#define SK_SLICE_MAX_LIFETIME	  (56ull * 86400 * 1000000000)
#define SK_SLICE_DEFAULT_SHARE	  100

/* ---- Definitions (def.c, expand.c, lan.c) ------------------------------------------------ */

/** sk_slice_def_to_json() - A definition as JSON; NULL without memory */
struct sk_json *sk_slice_def_to_json(const struct sk_slice_def *def);
/** sk_slice_def_from_json() - The way back; free with sk_slice_def_free() */
int sk_slice_def_from_json(const struct sk_json *json, struct sk_slice_def **ret,
			   struct sk_err *err);
/** sk_slice_def_find() - Node of this name, or NULL */
struct sk_slice_node *sk_slice_def_find(const struct sk_slice_def *def, const char *name);
/** sk_slice_node_to_json() - One node; @limits: with its limits, without them for comparing */
struct sk_json *sk_slice_node_to_json(const struct sk_slice_node *node, bool limits);

/**
 * sk_slice_check() - Check what can be checked without looking at the system
 * @def:	Names, sizes, lifetime, addresses
 *
 * Return: 0; -EINVAL; -E2BIG with too many nodes; -EEXIST for a name used twice
 */
int sk_slice_check(const struct sk_slice_def *def, struct sk_err *err);

/** sk_slice_check_node() - The same for the node at @i, against those before it */
int sk_slice_check_node(const struct sk_slice_def *def, size_t i, struct sk_err *err);
/** sk_slice_check_lan() - Check the subnet, if there is one, and the addresses given to nodes from @first on */
int sk_slice_check_lan(const struct sk_slice_def *def, size_t first, struct sk_err *err);

/**
 * sk_slice_expand() - "n[1-3]" to n1, n2, n3; "n[01-10]" keeps the width; others stay one name
 * @pattern:	At most one range of at most SK_SLICE_MAX_NODES
 * @ret:	Names are appended; free with sk_strv_free()
 *
 * Return: 0; -EINVAL; -ENOMEM
 */
int sk_slice_expand(const char *pattern, char ***ret, struct sk_err *err);

/**
 * sk_slice_assign_addresses() - Give each node of a LAN an address
 * @def:	Nodes without one get the next free one; given ones are checked and completed
 * @old:	Definition before, or NULL: a node keeps the address that it had
 *
 * Return: 0; -EINVAL outside the subnet; -EADDRINUSE taken twice; -ENOSPC subnet full
 */
int sk_slice_assign_addresses(struct sk_slice_def *def, const struct sk_slice_def *old,
			      struct sk_err *err);
/** sk_slice_hosts_text() - Text of /etc/hosts with all nodes; heap, NULL without memory */
char *sk_slice_hosts_text(const struct sk_slice_def *def);

/* ---- Admission (admission.c) -------------------------------------------------------------- */

/** struct sk_slice_host - What a machine has */
struct sk_slice_host {
	uint64_t cpu_milli;
	uint64_t memory_bytes;
};

/** struct sk_slice_claim - What one slice holds of it */
struct sk_slice_claim {
	const char *name;      /* borrowed */
	uint64_t cpu_milli;    /* guarantee; 0 best effort */
	uint64_t memory_bytes; /* cap; 0 best effort */
	uint64_t weight;
	uint64_t remaining_ns; /* until it ends */
};

/** sk_slice_host_read() - CPUs that this process may use, memory of the machine */
int sk_slice_host_read(struct sk_slice_host *ret, struct sk_err *err);

/**
 * sk_slice_weight() - CPU weight of a slice, in ten-thousandths of the machine
 *
 * A guarantee of g of c CPUs weighs 10000 g / c; without one the share counts, 100 when none
 * is given. Admission keeps the sum at 10000 or below as long as anybody has a guarantee: then
 * each guaranteed slice gets its part of the machine whatever the others do.
 */
uint64_t sk_slice_weight(const struct sk_slice_def *def,
			 const struct sk_slice_host *host);

/** sk_slice_claim_of() - What a definition claims; the name is borrowed from it */
struct sk_slice_claim sk_slice_claim_of(const struct sk_slice_def *def,
					const struct sk_slice_host *host,
					uint64_t remaining_ns);

/**
 * sk_slice_admit() - Decide whether a slice fits; pure arithmetic
 * @host:	The machine; a twentieth of it is kept for the system
 * @held:	Claims of the slices that exist (without @claim's own old one)
 * @nr_held:	Number of them
 * @claim:	The new one
 *
 * Return: 0; -ENOSPC with what is short, who holds it, until when, and what to do
 */
int sk_slice_admit(const struct sk_slice_host *host, const struct sk_slice_claim *held,
		   size_t nr_held, const struct sk_slice_claim *claim,
		   struct sk_err *err);

/* ---- Plans (diff.c) ---------------------------------------------------------------------- */

/** enum sk_slice_op - What happens to a node */
enum sk_slice_op {
	SK_SLICE_ADD,
	SK_SLICE_REMOVE,
	SK_SLICE_RESTART, /* its links stay */
	SK_SLICE_RELINK,  /* restart with another address */
	SK_SLICE_LIMITS,  /* new limits, the sliver runs on */
};

/** struct sk_slice_change - One step of a plan; the name is borrowed from what was compared */
struct sk_slice_change {
	enum sk_slice_op op;
	const char *name;
};

/** struct sk_slice_have - A node as it is */
struct sk_slice_have {
	const struct sk_slice_node *node;
	bool is_running;
};

/**
 * sk_slice_diff() - Compare what is with what is wanted
 * @have:	Nodes as they are
 * @nr_have:	Number of them
 * @want:	The definition
 * @ret:	Steps, removals first; heap
 * @ret_nr:	Number of them
 *
 * Return: 0 or -ENOMEM
 */
int sk_slice_diff(const struct sk_slice_have *have, size_t nr_have,
		  const struct sk_slice_def *want, struct sk_slice_change **ret,
		  size_t *ret_nr);
/** sk_slice_change_text() - "+ n1", "- n3", "~ n2", "~ n2 limits"; heap, NULL without memory */
char *sk_slice_change_text(const struct sk_slice_change *change);

/* ---- State on disk (state.c) ---------------------------------------------------------------
 *
 *	ROOT/slices/NAME/want.json	what was asked for, until when
 *	ROOT/slices/NAME/state.json	what the supervisor made of it
 *	ROOT/slices/NAME/log, logs/	the supervisor's words; the slivers' output
 *	RUNROOT/slices/NAME/lock	held by the supervisor as long as it lives
 *	RUNROOT/slices/NAME/sock	requests to it
 *	RUNROOT/slices/NAME/hosts	/etc/hosts of all slivers
 *	RUNROOT/slices/NAME/ns/		pinned network namespaces: .switch and one per node
 *	RUNROOT/slices/.locks/NAME	held by a command that changes the slice
 *	RUNROOT/slices/.admission	held while one slice is weighed against the others
 */

/** struct sk_slice_dir - The two folders of a slice */
struct sk_slice_dir {
	const struct sk_home *home;
	char *name;
	char *run_path; /* RUNROOT/slices/NAME */
	int fd;		/* ROOT/slices/NAME */
	int run_fd;	/* RUNROOT/slices/NAME */
	int ns_fd;	/* RUNROOT/slices/NAME/ns */
};

/**
 * sk_slice_dir_open() - Open the folders of a slice
 * @create:	Make them when missing; else -ENOENT with the nearest name
 * @ret:	Free with sk_slice_dir_free()
 */
int sk_slice_dir_open(const struct sk_home *home, const char *name, bool create,
		      struct sk_slice_dir **ret, struct sk_err *err);
void sk_slice_dir_free(struct sk_slice_dir *dir);
SK_DEFINE_AUTO(struct sk_slice_dir, sk_slice_dir_free)
/** sk_slice_dir_remove() - Delete both folders; pins must be gone */
int sk_slice_dir_remove(const struct sk_home *home, const char *name, struct sk_err *err);
/** sk_slice_dir_names() - Names of all slices, sorted; free with sk_strv_free() */
int sk_slice_dir_names(const struct sk_home *home, char ***ret, struct sk_err *err);
/** sk_slice_is_supervised() - Tell whether a supervisor lives */
bool sk_slice_is_supervised(const struct sk_slice_dir *dir);

/** struct sk_slice_want - A definition and how long it holds */
struct sk_slice_want {
	struct sk_slice_def *def;
	uint64_t created_ns;	  /* sk_clock_real() */
	uint64_t expires_ns;	  /* sk_clock_real(): for people */
	uint64_t expires_boot_ns; /* sk_clock_boot(): for the supervisor */
};
/** sk_slice_want_finish() - Release the definition */
void sk_slice_want_finish(struct sk_slice_want *want);
SK_DEFINE_AUTO_FINISH(struct sk_slice_want, sk_slice_want_finish)
/** sk_slice_want_load() - Read want.json; -ENOENT when there is none yet */
int sk_slice_want_load(const struct sk_slice_dir *dir, struct sk_slice_want *ret,
		       struct sk_err *err);
/** sk_slice_want_save() - Replace want.json, durably */
int sk_slice_want_save(const struct sk_slice_dir *dir, const struct sk_slice_want *want,
		       struct sk_err *err);
/** sk_slice_want_remaining() - ns until the end; 0 when past */
uint64_t sk_slice_want_remaining(const struct sk_slice_want *want);
/** sk_slice_want_expire() - Let it end @lifetime_ns from now */
void sk_slice_want_expire(struct sk_slice_want *want, uint64_t lifetime_ns);

/** sk_slice_state_load() - Read state.json; an empty object when there is none */
int sk_slice_state_load(const struct sk_slice_dir *dir, struct sk_json **ret,
			struct sk_err *err);
/** sk_slice_state_save() - Replace state.json */
int sk_slice_state_save(const struct sk_slice_dir *dir, const struct sk_json *state,
			struct sk_err *err);

/**
 * sk_slice_lock() - Keep other commands from changing a slice
 * @timeout_ms:	As sk_fs_lock()
 *
 * Return: descriptor that holds the lock
 */
int sk_slice_lock(const struct sk_home *home, const char *name, unsigned int timeout_ms,
		  struct sk_err *err);
/** sk_slice_lock_forget() - Delete the lock file of a slice that is gone, by the one who holds it */
void sk_slice_lock_forget(const struct sk_home *home, const char *name);
/** sk_slice_lock_admission() - The lock around weighing; short */
int sk_slice_lock_admission(const struct sk_home *home, struct sk_err *err);

/** sk_slice_cgroup_path() - "GROUP/@SLICE" or "GROUP/@SLICE/NODE" below the home's group: '@' is in no container's name; heap */
char *sk_slice_cgroup_path(const struct sk_slice_dir *dir, const char *node);
/** sk_slice_container_name() - "SLICE.NODE"; heap */
char *sk_slice_container_name(const char *slice, const char *node);

/* ---- Links (links.c) --------------------------------------------------------------------- */

/** sk_slice_links_add() - Namespaces and cables of nodes that have none yet; the switch when it is missing */
int sk_slice_links_add(const struct sk_slice_dir *dir, const struct sk_slice_def *def,
		       struct sk_slice_node *const *nodes, size_t nr_nodes,
		       struct sk_err *err);
/** sk_slice_links_remove() - Cable and namespace of one node; missing ones are fine */
int sk_slice_links_remove(const struct sk_slice_dir *dir, const char *node,
			  struct sk_err *err);
/** sk_slice_links_clear() - All namespaces of a slice, and so all its links */
int sk_slice_links_clear(const struct sk_slice_dir *dir, struct sk_err *err);

/* ---- Requests to a supervisor (request.c) -------------------------------------------------- */

#define SK_SLICE_REQUEST_RECONCILE "reconcile"
#define SK_SLICE_REQUEST_RENEW	   "renew"
#define SK_SLICE_REQUEST_STOP	   "stop"

/**
 * sk_slice_request() - Ask the supervisor and wait for its answer
 * @dir:	The slice
 * @verb:	SK_SLICE_REQUEST_*
 * @timeout_ms:	Give up after this many milliseconds with -ETIMEDOUT
 * @ret:	Its answer, {"ready_ms": ...}; may be NULL
 *
 * Return: 0; the error that the supervisor met; -ECONNREFUSED or -ENOENT when there is none
 */
int sk_slice_request(const struct sk_slice_dir *dir, const char *verb,
		     unsigned int timeout_ms, struct sk_json **ret, struct sk_err *err);
/** sk_slice_request_read() - Supervisor's side: the verb of a new connection; heap */
int sk_slice_request_read(int conn, char **ret, struct sk_err *err);
/** sk_slice_request_answer() - Supervisor's side: @r and @failure, or @answer (borrowed) */
int sk_slice_request_answer(int conn, int r, const struct sk_err *failure,
			    const struct sk_json *answer);

/* ---- Ending (remove.c) ------------------------------------------------------------------- */

/**
 * sk_slice_clear_remains() - Remove what a slice has on the system: processes, groups, links, records
 * @state:	state.json: groups and containers that were or were to be made
 *
 * For a dead supervisor, or one that has stopped its slivers. Idempotent.
 */
int sk_slice_clear_remains(const struct sk_slice_dir *dir, const struct sk_json *state,
			   struct sk_err *err);

#endif
