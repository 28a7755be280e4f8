/* SPDX-License-Identifier: Apache-2.0 */
/* systemd - groups that systemd makes; for runtime/cgroup/ and its tests only */
#ifndef SK_CGROUP_SYSTEMD_H
#define SK_CGROUP_SYSTEMD_H

#include "runtime/cgroup/dbus_message.h"
#include "runtime/cgroup/internal.h"

/**
 * struct sk_systemd - The scope of a group
 * @unit:	"docker-c1.scope"
 * @slice:	"system.slice"
 * @properties:	"NAME=VALUE" from annotations, VALUE in GVariant's text form
 * @is_user:	Of the user's own systemd, not the machine's
 * @holder:	Process that keeps the scope while the container's is not in it; 0 without
 */
struct sk_systemd {
	char *unit, *slice, **properties;
	bool is_user;
	pid_t holder;
};

/** sk_systemd_free() - Let go of the names, and end the holder; NULL is fine */
void sk_systemd_free(struct sk_systemd *systemd);
SK_DEFINE_AUTO(struct sk_systemd, sk_systemd_free)

/* systemd_unit.c: pure */

/**
 * sk_systemd_from_path() - Names of scope and slice
 * @path:	"SLICE:PREFIX:NAME", each may be empty; NULL or "": all are
 * @id:		Used for an empty NAME
 *
 * Return: 0; -EINVAL for another form or characters that a unit cannot have
 */
int sk_systemd_from_path(const char *path, const char *id, bool is_user,
			 struct sk_systemd **ret, struct sk_err *err);
/** sk_systemd_slice_path() - "a-b.slice" as "/a.slice/a-b.slice", "-.slice" as ""; heap, NULL when it is no slice */
char *sk_systemd_slice_path(const char *slice);
/**
 * sk_systemd_put_annotation() - Append a property as "(sv)"
 * @name:	As systemd calls it; "…Sec" with a number of seconds becomes "…USec"
 * @value:	true, false, a number with or without "uint32 " and the like, 'text', ['a', 'b']
 *
 * Return: 0; -EINVAL naming it
 */
int sk_systemd_put_annotation(struct sk_dbus_writer *w, const char *name,
			      const char *value, struct sk_err *err);
/**
 * sk_systemd_put_file() - Append what a file of the group says as a property, if there is one for it
 * @file:	"memory.max", "cpu.max", "cpu.shares", …
 * @text:	What was read from it. cpu.cfs_quota_us: both numbers, quota first
 */
void sk_systemd_put_file(struct sk_dbus_writer *w, const char *file, const char *text);

/* systemd.c: over the bus */

/** sk_systemd_place() - Find out where @cg's scope will be: sets its path; asks systemd, makes nothing */
int sk_systemd_place(struct sk_cgroup *cg, const struct sk_cgroup_opts *opts,
		     struct sk_err *err);
/** sk_systemd_start() - Make the scope; a process of our own holds it until sk_systemd_settle() */
int sk_systemd_start(struct sk_cgroup *cg, struct sk_err *err);
/** sk_systemd_settle() - The container's process is in it: end the holder */
void sk_systemd_settle(struct sk_systemd *systemd);
/** sk_systemd_attach() - Let systemd move a process in, where the caller may not */
int sk_systemd_attach(const struct sk_cgroup *cg, pid_t pid, struct sk_err *err);
/** sk_systemd_sync() - Tell systemd the limits that the group has, so that it does not undo them */
int sk_systemd_sync(const struct sk_cgroup *cg, struct sk_err *err);
/** sk_systemd_stop() - End the scope, whose processes are gone; a missing one is fine */
int sk_systemd_stop(const struct sk_cgroup *cg, struct sk_err *err);

#endif
