// SPDX-License-Identifier: Apache-2.0
/* diff - what is against what is wanted: the plan of an apply */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "runtime/slice/slice.h"

static const struct sk_slice_have *find_have(const struct sk_slice_have *have, size_t nr,
					     const char *name)
{
	for (size_t i = 0; i < nr; i++)
		if (strcmp(have[i].node->name, name) == 0)
			return &have[i];
	return NULL;
}

static int is_same(const struct sk_slice_node *a, const struct sk_slice_node *b,
		   bool limits, bool *ret)
{
	sk_auto(sk_json_free) struct sk_json *ja = sk_slice_node_to_json(a, limits);
	sk_auto(sk_json_free) struct sk_json *jb = sk_slice_node_to_json(b, limits);
	sk_autofree char *ta = sk_json_print(ja, false);
	sk_autofree char *tb = sk_json_print(jb, false);

	if (!ta || !tb)
		return -ENOMEM;
	*ret = strcmp(ta, tb) == 0;
	return 0;
}

/* What to do about a node that is there; 1 with *op, 0 nothing, -ENOMEM. */
static int compare(const struct sk_slice_have *have, const struct sk_slice_node *want,
		   enum sk_slice_op *op)
{
	bool same = false;
	int r;

	if (!sk_str_equal(have->node->address, want->address)) {
		*op = SK_SLICE_RELINK;
		return 1;
	}
	*op = SK_SLICE_RESTART;
	r = is_same(have->node, want, false, &same);
	if (r < 0 || !same || !have->is_running)
		return r < 0 ? r : 1;
	*op = SK_SLICE_LIMITS;
	r = is_same(have->node, want, true, &same);
	return r < 0 ? r : !same;
}

int sk_slice_diff(const struct sk_slice_have *have, size_t nr_have,
		  const struct sk_slice_def *want, struct sk_slice_change **ret,
		  size_t *ret_nr)
{
	sk_autofree struct sk_slice_change *changes =
		calloc(nr_have + want->nr_nodes + 1, sizeof(*changes));
	size_t nr = 0;

	if (!changes)
		return -ENOMEM;
	for (size_t i = 0; i < nr_have; i++)
		if (!sk_slice_def_find(want, have[i].node->name))
			changes[nr++] = (struct sk_slice_change){SK_SLICE_REMOVE,
								 have[i].node->name};
	for (size_t i = 0; i < want->nr_nodes; i++) {
		const struct sk_slice_node *node = &want->nodes[i];
		const struct sk_slice_have *old = find_have(have, nr_have, node->name);
		enum sk_slice_op op = SK_SLICE_ADD;
		int r = old ? compare(old, node, &op) : 1;

		if (r < 0)
			return r;
		if (r > 0)
			changes[nr++] = (struct sk_slice_change){op, node->name};
	}
	*ret = sk_steal(&changes);
	*ret_nr = nr;
	return 0;
}

char *sk_slice_change_text(const struct sk_slice_change *change)
{
	static const char *const forms[] = {
		[SK_SLICE_ADD] = "+ %s",	   [SK_SLICE_REMOVE] = "- %s",
		[SK_SLICE_RESTART] = "~ %s",	   [SK_SLICE_RELINK] = "~ %s address",
		[SK_SLICE_LIMITS] = "~ %s limits",
	};
	const char *form = forms[change->op];
	const char *suffix = strstr(form, "%s") + 2;

	return sk_strf("%.2s%s%s", form, change->name, suffix);
}
