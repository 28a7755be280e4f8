// SPDX-License-Identifier: Apache-2.0
/* decl_image - table of import, which skiff shows and skiff-image runs */
#include "cli/decl_image.h"

#define IMPORT(member) offsetof(struct sk_cli_import_opts, member)

static const struct sk_opt import_table[] = {
	{0, "max-size", "SIZE", "refuse more unpacked bytes; 16g if not given",
	 SK_OPT_SIZE, IMPORT(max_bytes)},
	{0, "max-entries", "N", "refuse more files; 1000000 if not given", SK_OPT_U64,
	 IMPORT(max_entries)},
	SK_OPT_FORMAT_ROW(struct sk_cli_import_opts, format),
	SK_OPT_END,
};

const struct sk_cmd sk_cmd_import = {
	.name = "import",
	.summary = "make an image of a tarball of a root file system",
	.usage = "[OPTIONS] FILE|- NAME",
	.opts = import_table,
	.opts_size = sizeof(struct sk_cli_import_opts),
	.program = "skiff-image",
	.min_args = 2,
	.max_args = 2,
	.run = sk_run_import,
};
