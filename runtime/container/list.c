// SPDX-License-Identifier: Apache-2.0
/* list - what is known about containers */
#include <string.h>

#include "lib/proc.h"
#include "lib/str.h"
#include "runtime/container/state.h"
#include "runtime/runtime.h"

/* Keys of a list's rows, in their order. */
static const char *const columns[] = {
	"id",	   "name",     "image",	    "command", "status", "pid",	   "created",
	"started", "finished", "exit_code", "oom",     "why",	 "labels",
};

static struct sk_json *make_row(const struct sk_state *state)
{
	struct sk_json *row = sk_json_new_object();

	for (size_t i = 0; i < SK_ARRAY_SIZE(columns); i++)
		sk_json_set(row, columns[i],
			    sk_json_ref(sk_json_get(state->doc, columns[i])));
	return row;
}

int sk_container_list(const struct sk_home *home, bool all, struct sk_json **ret,
		      struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *list = sk_json_new_array();
	sk_auto(sk_strv_free) char **names = NULL;
	int r = sk_state_names(home, &names, err);

	if (r < 0)
		return r;
	for (char **name = names; name && *name; name++) {
		sk_auto(sk_state_free) struct sk_state *state = NULL;

		/* one that is removed meanwhile is no failure */
		if (sk_state_open(home, *name, &state, NULL) < 0)
			continue;
		if (all || strcmp(sk_state_status(state), "exited") != 0)
			(void)sk_json_add(list, make_row(state));
	}
	*ret = sk_steal(&list);
	return 0;
}

static void add_usage(const struct sk_state *state, struct sk_json *object)
{
	sk_auto(sk_cgroup_free) struct sk_cgroup *cg = NULL;
	int r = sk_cgroup_reopen(sk_json_get(state->doc, "cgroups"), &cg, NULL);

	sk_json_set(object, "usage",
		    r < 0 ? sk_json_new_object() : sk_cgroup_usage_to_json(cg));
}

int sk_container_inspect(const struct sk_home *home, const char *name,
			 struct sk_json **ret, struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	int r = sk_state_open(home, name, &state, err);

	if (r < 0)
		return r;
	sk_json_set_str(state->doc, "folder", state->path);
	if (strcmp(sk_state_status(state), "running") == 0)
		add_usage(state, state->doc);
	*ret = sk_steal(&state->doc);
	return 0;
}
