// SPDX-License-Identifier: Apache-2.0
/* config_annotations - "annotations" of config.json, and those that a spec is made of
 *
 * Engines hand on what runtime-spec has no member for as annotations that crun knows; podman
 * writes these two. Those of checkpoints and of systemd are read where they are used, and all
 * others are for the engine alone.
 */
#include <errno.h>
#include <string.h>

#include "lib/str.h"
#include "runtime/spec/config_internal.h"

/* `podman run --group-add keep-groups` */
#define KEEP_GROUPS "run.oci.keep_original_groups"
/* podman, for containers that run systemd */
#define LABEL_OPTION "run.oci.mount_context_type"

static int read_label_option(const char *name, struct sk_spec *spec, struct sk_err *err)
{
	static const char *const options[] = {"context", "fscontext", "defcontext",
					      "rootcontext"};

	for (size_t i = 0; name && i < SK_ARRAY_SIZE(options); i++)
		if (strcmp(name, options[i]) == 0) {
			spec->mount_label_option = options[i];
			return 0;
		}
	if (!name)
		return 0;
	return sk_err_set(err, EINVAL,
			  "config.json: annotation '" LABEL_OPTION
			  "': '%s' is not context, fscontext, defcontext or rootcontext",
			  name);
}

int sk_config_annotations(const struct sk_json *config, struct sk_spec *spec,
			  struct sk_err *err)
{
	struct sk_json *map = NULL;
	const struct sk_json *value;
	void *cursor = NULL;
	const char *key;
	int r = sk_json_read_object(config, "config.json", "annotations", &map, err);

	if (r < 0)
		return r;
	/* Source: config.md, "Annotations": keys that are not empty, values that are strings */
	while ((value = sk_json_each(map, &cursor, &key))) {
		if (!key[0])
			return sk_err_set(err, EINVAL,
					  "config.json: an annotation has no name");
		if (sk_json_type(value) != SK_JSON_STRING)
			return sk_err_set(err, EINVAL,
					  "config.json: annotation '%s' is not a string",
					  key);
	}
	spec->annotations = sk_json_ref(map);
	spec->keep_groups =
		strcmp(sk_json_str(sk_json_get(map, KEEP_GROUPS), "0"), "0") != 0;
	return read_label_option(sk_json_str(sk_json_get(map, LABEL_OPTION), NULL), spec,
				 err);
}
