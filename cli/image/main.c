/* SPDX-License-Identifier: Apache-2.0 */
/* main - skiff-image: the commands that need libarchive; run by skiff with the user's arguments */
#include "cli/decl_image.h"

static const struct sk_cmd *const images[] = {
	&sk_cmd_import,
	NULL,
};

static const struct sk_cmd_group groups[] = {
	{"Images", images},
	{NULL, NULL},
};

int main(int argc, char **argv)
{
	static const struct sk_program program = {
		.name = "skiff-image",
		.user_name = "skiff",
		.summary = "images from archives",
		.groups = groups,
	};

	return sk_cmd_main(&program, argc, argv);
}
