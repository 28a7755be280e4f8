// SPDX-License-Identifier: Apache-2.0
/* main - the commands of bin/skiff by topic; see cli/cmd.h on how to add one */
#include "cli/cmds.h"

#define GROUP(...)                                                                       \
	(const struct sk_cmd *const[])                                                   \
	{                                                                                \
		__VA_ARGS__, NULL                                                        \
	}

/* clang-format off: one command per line */
static const struct sk_cmd_group groups[] = {
	{"Images", GROUP(&sk_cmd_import)},
	{"Virtual machines", GROUP(&sk_cmd_lab, &sk_cmd_migrate, &sk_cmd_probe)},
	{"Skiff itself", GROUP(&sk_cmd_completion, &sk_cmd_version)},
	{NULL, NULL},
};
/* clang-format on */

int main(int argc, char **argv)
{
	static const struct sk_program program = {
		.name = "skiff",
		.summary = "containers, slices, and migrations that are measured",
		.groups = groups,
	};

	return sk_cmd_main(&program, argc, argv);
}
