/* SPDX-License-Identifier: Apache-2.0 */
/* decl_serve - table of serve, which skiff shows and skiff-guest runs */
#ifndef SK_DECL_SERVE_H
#define SK_DECL_SERVE_H

#include "cli/cmd.h"

/** struct sk_cli_serve_opts - Options of `serve` */
struct sk_cli_serve_opts {
	const char *address;
	const char *server;
	uint64_t port, control_port; /* control_port SK_OPT_UNSET: the one behind port */
	uint64_t working_set_bytes, pages_per_s, static_bytes;
};

/* Defined in cli/guest/. */
SK_CMD_RUN_ELSEWHERE(sk_run_serve);

extern const struct sk_cmd sk_cmd_serve;

#endif
