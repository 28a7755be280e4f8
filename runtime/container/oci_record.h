/* SPDX-License-Identifier: Apache-2.0 */
/* oci_record - the records of skiff-oci: find one, its status, what is told of it; for runtime/container/ only
 *
 *	RECORD/state.json	status, pid, bundle, groups
 *	RECORD/config.json	as it was at create: the bundle may change afterwards
 *	RECORD/start.sock	the container's first process waits here to be started
 *
 * Texts of errors are those that callers look for: "does not exist", "container not running".
 */
#ifndef SK_OCI_RECORD_H
#define SK_OCI_RECORD_H

#include "runtime/container/state.h"
#include "runtime/spec/spec.h"

#define SK_OCI_LOCK_WAIT_MS 10000

/**
 * sk_oci_find() - Open the record of a container
 * @ret:	Free with sk_state_free()
 *
 * Return: 0; -ENOENT "container 'x' does not exist"; -EBADMSG, with a hint, for a damaged one
 */
int sk_oci_find(const struct sk_home *home, const char *id, struct sk_state **ret,
		struct sk_err *err);

/**
 * sk_oci_find_locked() - The same with its lock: nobody else changes it now
 * Return: as sk_oci_find(); -ENOENT also when it was deleted meanwhile; -ETIMEDOUT
 */
int sk_oci_find_locked(const struct sk_home *home, const char *id, struct sk_state **ret,
		       struct sk_err *err);

/** sk_oci_status() - "creating", "created", "running", "paused" or "stopped": what is true now */
const char *sk_oci_status(const struct sk_state *state);

/**
 * sk_oci_describe() - The state as `skiff-oci state` prints it
 * @status:	As sk_oci_status()
 * @pid:	0 when it has none
 *
 * Source: OCI runtime-spec, runtime.md, "State"; rootfs, created and owner as runc prints them.
 */
struct sk_json *sk_oci_describe(const struct sk_state *state, const char *status,
				pid_t pid);

/** sk_oci_pid() - PID 1 of the record, or 0 */
pid_t sk_oci_pid(const struct sk_state *state);

/** sk_oci_destroy() - Kill what is left, remove the groups (@cgroup, or NULL: the record's), run poststop hooks,
 *  remove the record, whose lock is held */
int sk_oci_destroy(struct sk_state *state, struct sk_cgroup *cgroup, struct sk_err *err);

/**
 * sk_oci_default_group() - The control group of a container whose config.json names none; heap, NULL without memory
 *
 * Of one level, unless the id is very long: on v1 each level costs as much as all else of a group.
 */
char *sk_oci_default_group(const struct sk_home *home, const char *id);

/** sk_oci_config() - config.json as it was at create; free with sk_json_free() */
int sk_oci_config(const struct sk_state *state, struct sk_json **ret, struct sk_err *err);

/**
 * sk_oci_run_hooks() - Run the hooks of a kind that this process runs, poststart or poststop
 * @status:	That the hooks are told
 *
 * Does nothing, at no cost, for a container without such hooks.
 * Return: 0; the failure of poststart hooks. One of poststop is logged and the next is run:
 * runtime.md, "Lifecycle"
 */
int sk_oci_run_hooks(const struct sk_state *state, enum sk_hook_kind kind,
		     const char *status, struct sk_err *err);

#endif
