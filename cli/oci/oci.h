/* SPDX-License-Identifier: Apache-2.0 */
/* oci - what the commands of skiff-oci share */
#ifndef SK_CLI_OCI_H
#define SK_CLI_OCI_H

#include "cli/cmd.h"
#include "lib/home.h"

/** struct sk_oci_globals - Global options, as runc spells them */
struct sk_oci_globals {
	struct sk_cmd_globals
		common; /* root: where state lives; runroot is not an option here */
	const char *log, *log_format, *cgroup_manager;
	bool systemd_cgroup;
};

/**
 * sk_oci_open() - Open the state folder: --root, else "oci" in skiff's runroot
 * Refuses --systemd-cgroup and other cgroup managers, which are not executed.
 */
int sk_oci_open(const struct sk_cmd_ctx *ctx, struct sk_home **ret, struct sk_err *err);

extern const struct sk_cmd sk_oci_cmd_create, sk_oci_cmd_start, sk_oci_cmd_run;
extern const struct sk_cmd sk_oci_cmd_state, sk_oci_cmd_kill, sk_oci_cmd_delete;
extern const struct sk_cmd sk_oci_cmd_list, sk_oci_cmd_spec, sk_oci_cmd_features;

#endif
