// SPDX-License-Identifier: Apache-2.0
/* main - the commands of bin/skiff by topic; see cli/cmd.h on how to add one */
#include "cli/cmds.h"

static const struct sk_cmd *const containers[] = {
	&sk_cmd_run,  &sk_cmd_ps, &sk_cmd_exec,	   &sk_cmd_logs, &sk_cmd_stop,
	&sk_cmd_kill, &sk_cmd_rm, &sk_cmd_inspect, NULL,
};

static const struct sk_cmd *const images[] = {
	&sk_cmd_images,
	&sk_cmd_import,
	&sk_cmd_rmi,
	NULL,
};

static const struct sk_cmd *const slices[] = {
	&sk_cmd_slice,
	NULL,
};

static const struct sk_cmd *const machines[] = {
	&sk_cmd_lab,   &sk_cmd_migrate,	    &sk_cmd_probe, &sk_cmd_exp,
	&sk_cmd_serve, &sk_cmd_probe_serve, NULL,
};

static const struct sk_cmd *const itself[] = {
	&sk_cmd_doctor, &sk_cmd_completion, &sk_cmd_schema, &sk_cmd_version, NULL,
};

static const struct sk_cmd_group groups[] = {
	{"Containers", containers},	{"Images", images},	  {"Slices", slices},
	{"Virtual machines", machines}, {"Skiff itself", itself}, {NULL, NULL},
};

int main(int argc, char **argv)
{
	static const struct sk_program program = {
		.name = "skiff",
		.summary = "containers, slices, and migrations that are measured",
		.groups = groups,
	};

	return sk_cmd_main(&program, argc, argv);
}
