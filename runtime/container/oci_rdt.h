/* SPDX-License-Identifier: Apache-2.0 */
/* oci_rdt - the group of a container in resctrl (Intel RDT: cache and memory bandwidth)
 *
 *	fd = sk_rdt_open(err);
 *	r = sk_rdt_make(fd, &group, err);	// group.is_made: to be removed with the container
 *	r = sk_rdt_set(fd, &group, err);	// what it may use
 *	r = sk_rdt_enter(fd, &group, pid, err);
 *	... sk_rdt_remove(fd, &group, err);
 *
 * Sources: OCI runtime-spec 1.3, config-linux.md, "IntelRdt"; Linux, Documentation/filesystems/resctrl.rst
 */
#ifndef SK_OCI_RDT_H
#define SK_OCI_RDT_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/err.h"
#include "runtime/container/state.h"
#include "runtime/spec/spec.h"

/** struct sk_rdt_group - One group; the texts are borrowed */
struct sk_rdt_group {
	const char *name;	/* "/" is the topmost */
	const char *monitoring; /* name of its monitoring group; NULL: none */
	const char *l3_cache, *mem_bandwidth; /* lines for schemata; may be NULL */
	char *const *schemata;		      /* written last; may be NULL */
	bool must_exist;		      /* it was made by somebody else */
	bool is_made, is_monitoring_made;
};

/** sk_rdt_open() - Descriptor of the mounted resctrl; -EOPNOTSUPP without one */
int sk_rdt_open(struct sk_err *err);
/** sk_rdt_make() - Make the group, where it is missing, and its monitoring group */
int sk_rdt_make(int root_fd, struct sk_rdt_group *group, struct sk_err *err);
/** sk_rdt_set() - Write the lines; the kernel's own words are in the error */
int sk_rdt_set(int root_fd, const struct sk_rdt_group *group, struct sk_err *err);
/** sk_rdt_enter() - Move a process in */
int sk_rdt_enter(int root_fd, const struct sk_rdt_group *group, pid_t pid,
		 struct sk_err *err);
/** sk_rdt_remove() - Remove what is_made and is_monitoring_made name; a missing one is fine */
int sk_rdt_remove(int root_fd, const struct sk_rdt_group *group, struct sk_err *err);

/** sk_oci_rdt_place() - Make the group of a container, after it is in its record, and put its first process in; nothing where its config has none */
int sk_oci_rdt_place(struct sk_state *state, const struct sk_spec_rdt *rdt, pid_t pid,
		     struct sk_err *err);
/** sk_oci_rdt_undo() - Remove what the record says was made */
int sk_oci_rdt_undo(const struct sk_state *state, struct sk_err *err);

#endif
