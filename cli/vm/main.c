// SPDX-License-Identifier: Apache-2.0
/* main - skiff-vm: the commands that need libvirt; run by skiff with the user's arguments */
#include "cli/decl_exp.h"
#include "cli/decl_migrate.h"

static const struct sk_cmd *const machines[] = {
	&sk_cmd_lab, &sk_cmd_migrate, &sk_cmd_probe, &sk_cmd_exp, &sk_cmd_schema, NULL,
};

static const struct sk_cmd_group groups[] = {
	{"Virtual machines", machines},
	{NULL, NULL},
};

int main(int argc, char **argv)
{
	static const struct sk_program program = {
		.name = "skiff-vm",
		.user_name = "skiff",
		.summary = "labs, migrations, probes and experiments",
		.groups = groups,
	};

	return sk_cmd_main(&program, argc, argv);
}
