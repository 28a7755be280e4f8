// SPDX-License-Identifier: Apache-2.0
/* decl_serve - table of serve, which skiff shows and skiff-guest runs */
#include "cli/decl_serve.h"

#define SERVE(member) offsetof(struct sk_cli_serve_opts, member)

static const struct sk_opt serve_table[] = {
	{'s', "server", "SETTINGS",
	 "which thread serves, and what a request costs: MODEL[,KEY=VALUE...]",
	 SK_OPT_STR, SERVE(server)},
	{0, "address", "ADDR", "listen on this address only; all of IPv4 if not given",
	 SK_OPT_STR, SERVE(address)},
	{'p', "port", "N", "UDP and TCP port; 7007 if not given, 0 for any", SK_OPT_U64,
	 SERVE(port)},
	{0, "control-port", "N",
	 "UDP port of the control service; the one after --port if not given", SK_OPT_U64,
	 SERVE(control_port)},
	{0, "working-set", "SIZE",
	 "memory that is written all the time; none if not given", SK_OPT_SIZE,
	 SERVE(working_set_bytes)},
	{0, "pages-per-s", "N", "pages of it written a second", SK_OPT_U64,
	 SERVE(pages_per_s)},
	{0, "static", "SIZE", "memory that is checksummed; 16m if not given", SK_OPT_SIZE,
	 SERVE(static_bytes)},
	SK_OPT_END,
};

const struct sk_cmd sk_cmd_serve = {
	.name = "serve",
	.summary = "offer a service to be measured: UDP, TCP, HTTP, threads by a model",
	.usage = "[OPTIONS]",
	.details =
		"Models: iterative, thread-per-request, thread-per-connection, worker-pool,\n"
		"thread-per-object, event-driven. Settings behind it: workers=N threads=N\n"
		"queue=N objects=N time=TIME work=busy|sleep touch=SIZE data=SIZE.\n\n"
		"Example:\n"
		"  skiff serve --server worker-pool,workers=8,time=2ms,work=sleep\n",
	.opts = serve_table,
	.opts_size = sizeof(struct sk_cli_serve_opts),
	.defaults = &(const struct sk_cli_serve_opts){.server = "iterative",
						      .port = 7007,
						      .control_port = SK_OPT_UNSET,
						      .static_bytes = 16u << 20},
	.program = "skiff-guest",
	.run = sk_run_serve,
};
