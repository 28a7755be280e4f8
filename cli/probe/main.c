// SPDX-License-Identifier: Apache-2.0
/* main - skiff-probe: probes for a skiff on another machine; all that is needed there */
#include <unistd.h>

#include "cli/decl_probe.h"
#include "migrate/measure/probe_serve.h"

static const struct sk_cmd *const commands[] = {&sk_cmd_probe_serve, NULL};

static const struct sk_cmd_group groups[] = {
	{"Probes", commands},
	{NULL, NULL},
};

int sk_run_probe_serve(const struct sk_cmd_ctx *ctx, void *options, int nargs,
		       char **args, struct sk_err *err)
{
	(void)ctx;
	(void)options;
	(void)nargs;
	(void)args;
	return sk_probe_serve(STDIN_FILENO, STDOUT_FILENO, err);
}

int main(int argc, char **argv)
{
	static const struct sk_program program = {
		.name = "skiff-probe",
		.user_name = "skiff",
		.summary = "probes for a skiff on another machine",
		.groups = groups,
	};

	return sk_cmd_main(&program, argc, argv);
}
