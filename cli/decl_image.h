/* SPDX-License-Identifier: Apache-2.0 */
/* decl_image - table of import, which skiff shows and skiff-image runs */
#ifndef SK_DECL_IMAGE_H
#define SK_DECL_IMAGE_H

#include "cli/cmd.h"

/** struct sk_cli_import_opts - Options of `import`; 0 means the default of images/images.h */
struct sk_cli_import_opts {
	uint64_t max_bytes;
	uint64_t max_entries;
	const char *format;
};

/* Defined in cli/image/. */
SK_CMD_RUN_ELSEWHERE(sk_run_import);

extern const struct sk_cmd sk_cmd_import;

#endif
