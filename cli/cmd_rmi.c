/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_rmi - remove images */
#include <errno.h>

#include "cli/cmds.h"
#include "cli/ctr.h"
#include "images/images.h"
#include "lib/str.h"
#include "runtime/runtime.h"

/* "web" and "web:latest" are one image. */
static bool is_same(const char *a, const char *b)
{
	size_t length_a = strlen(a), length_b = strlen(b);

	if (sk_str_ends(a, ":latest"))
		length_a -= strlen(":latest");
	if (sk_str_ends(b, ":latest"))
		length_b -= strlen(":latest");
	return length_a == length_b && strncmp(a, b, length_a) == 0;
}

/* A layer must not vanish below a container, running or not. */
static int remove_unused(const struct sk_home *home, const char *name, const void *arg,
			 struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *list = NULL;
	int r = sk_container_list(home, true, &list, err);

	(void)arg;
	if (r < 0)
		return r;
	for (size_t i = 0; i < sk_json_len(list); i++) {
		const struct sk_json *row = sk_json_at(list, i);
		const char *container = sk_json_str(sk_json_get(row, "name"), "");

		if (!is_same(sk_json_str(sk_json_get(row, "image"), ""), name))
			continue;
		r = sk_err_set(err, EBUSY, "image '%s' is in use by container '%s'", name,
			       container);
		return sk_err_hint(err, r, "skiff rm --force %s", container);
	}
	return sk_image_remove(home, name, err);
}

static int rmi_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		   struct sk_err *err)
{
	(void)options;
	(void)nargs;
	return sk_ctr_for_each(ctx, args, remove_unused, NULL, err);
}

const struct sk_cmd sk_cmd_rmi = {
	.name = "rmi",
	.summary = "remove images",
	.usage = "IMAGE...",
	.details =
		"Layers that no other image needs are removed too. Built-in images stay, and\n"
		"images that a container was made from.\n",
	.min_args = 1,
	.max_args = SK_CMD_ANY,
	.run = rmi_run,
};
