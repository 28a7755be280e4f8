/* SPDX-License-Identifier: Apache-2.0 */
/* oci - what the commands of skiff-oci share */
#ifndef SK_CLI_OCI_H
#define SK_CLI_OCI_H

#include "cli/cmd.h"
#include "lib/home.h"
#include "runtime/runtime.h"

/** struct sk_oci_globals - Global options, as runc and crun spell them */
struct sk_oci_globals {
	struct sk_cmd_globals
		common; /* root: where state lives; runroot is not an option here */
	const char *log, *log_format, *log_level, *cgroup_manager, *rootless;
	bool systemd_cgroup;
};

/**
 * sk_oci_open() - Open the state folder: --root, else "oci" in skiff's runroot
 * Also takes --log and --rootless: to be called before anything is done.
 */
int sk_oci_open(const struct sk_cmd_ctx *ctx, struct sk_home **ret, struct sk_err *err);

/** sk_oci_manager() - Who makes control groups: --cgroup-manager, --systemd-cgroup */
int sk_oci_manager(const struct sk_cmd_ctx *ctx, enum sk_cgroup_manager *ret,
		   struct sk_err *err);

/** sk_oci_report() - Print and log an error that does not end the command */
void sk_oci_report(const struct sk_cmd_ctx *ctx, const struct sk_err *err);

extern const struct sk_cmd sk_oci_cmd_checkpoint, sk_oci_cmd_restore;
extern const struct sk_cmd sk_oci_cmd_create, sk_oci_cmd_start, sk_oci_cmd_run;
extern const struct sk_cmd sk_oci_cmd_exec, sk_oci_cmd_delete;
extern const struct sk_cmd sk_oci_cmd_kill, sk_oci_cmd_pause, sk_oci_cmd_resume;
extern const struct sk_cmd sk_oci_cmd_state, sk_oci_cmd_list, sk_oci_cmd_ps;
extern const struct sk_cmd sk_oci_cmd_update, sk_oci_cmd_events;
extern const struct sk_cmd sk_oci_cmd_spec, sk_oci_cmd_features;

#endif
