/* SPDX-License-Identifier: Apache-2.0 */
/* oci_group - the control group of an OCI container; for runtime/container/ only */
#ifndef SK_OCI_GROUP_H
#define SK_OCI_GROUP_H

#include "runtime/cgroup/cgroup.h"
#include "runtime/spec/spec.h"

/**
 * sk_oci_group_open() - Describe the group that a spec asks for
 * @spec:	With its cgroup_path; "" or NULL leaves the name to systemd
 * @id:		The container's id
 * @ret:	Free with sk_cgroup_free()
 *
 * The group is given to the user of the command where the container has a cgroup namespace of
 * its own and mounts it for writing. Source: OCI runtime-spec, config-linux.md, "Cgroup
 * ownership".
 */
int sk_oci_group_open(const struct sk_spec *spec, const char *id,
		      enum sk_cgroup_manager manager, struct sk_cgroup **ret,
		      struct sk_err *err);

#endif
