// SPDX-License-Identifier: Apache-2.0
/* mounts - bundles whose config.json is changed by a case */
#include "tests/it/mounts.h"

#include <string.h>

#include "lib/str.h"

static struct sk_json *parse(const struct it *it, const char *value)
{
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;
	struct sk_json *member = NULL;
	struct sk_err err = SK_ERR_INIT;

	for (const char *c = value; *c; c++) {
		if (*c == '^')
			sk_str_add(&text, it->dir);
		else
			sk_str_add_char(&text, *c);
	}
	if (sk_json_parse(text.ptr, text.len, "change", &member, &err) < 0)
		fail_msg("%s: %s", text.ptr, err.msg);
	return member;
}

void change_config(struct it *it, const char *bundle, const char *script,
		   const struct change *changes)
{
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);
	struct sk_json *args = sk_json_new_array();

	(void)sk_json_add(args, sk_json_new_str("sh"));
	(void)sk_json_add(args, sk_json_new_str("-c"));
	(void)sk_json_add(args, sk_json_new_str(script));
	sk_json_set(sk_json_get(config, "process"), "args", args);
	sk_json_set_bool(sk_json_get(config, "process"), "terminal", false);
	sk_json_set_bool(sk_json_get(config, "root"), "readonly", false);
	for (; changes->parent; changes++) {
		struct sk_json *parent = changes->parent[0]
						 ? sk_json_path(config, changes->parent)
						 : config;

		assert_non_null(parent);
		if (strcmp(changes->key, "+") == 0)
			(void)sk_json_add(parent, parse(it, changes->value));
		else
			sk_json_set(parent, changes->key, parse(it, changes->value));
	}
	oci_save(bundle, config);
}

char *change_bundle(struct it *it, const char *script, const struct change *changes)
{
	char *bundle = oci_bundle(it, "[\"sh\",\"-c\",\"true\"]");

	change_config(it, bundle, script, changes);
	return bundle;
}

void run_changed(struct it *it, int status, const char *script,
		 const struct change *changes, int line)
{
	sk_autofree char *bundle = change_bundle(it, script, changes);

	oci_expect_argv(it, status, IT_ARGS("run", "-b", bundle, "m1"), line);
}

void shell_at(struct it *it, const char *script, int line)
{
	sk_autofree char *text = sk_strf("D='%s'; R='%s/bundle/rootfs'; set -e; %s",
					 it->dir, it->dir, script);

	it_command(it, IT_ARGS("sh", "-c", text));
	if (it->status != 0)
		fail_msg("line %d: '%s': %s", line, script, it->err);
}
