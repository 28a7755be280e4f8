// SPDX-License-Identifier: Apache-2.0
/* erase - mend or remove the record of a container that nobody is responsible for */
#include "runtime/container/erase.h"

#include <string.h>

#include "lib/log.h"
#include "lib/str.h"
#include "runtime/container/handle.h"
#include "runtime/runtime.h"

/* Those of a slice are made anew by the slice; a user's own stay to be looked at. */
static bool shall_vanish(const struct sk_state *state, bool is_users)
{
	return !is_users || strcmp(sk_state_status(state), "creating") == 0 ||
	       strcmp(sk_state_status(state), "ruin") == 0 ||
	       sk_json_bool(sk_json_get(state->doc, "rm"), false);
}

int sk_erase_orphan(struct sk_state *state, struct sk_err *err)
{
	const char *owner = sk_json_str(sk_json_get(state->doc, "owner"), "");
	bool is_monitored = strcmp(owner, "monitor") == 0;
	bool is_users = is_monitored || strcmp(owner, "skiff") == 0;
	struct sk_exit end = {.status = 137};
	int r = sk_handle_clean(state, NULL, err);

	if (r < 0)
		return sk_err_wrap(err, r, "clean up after container '%s'", state->id);
	if (shall_vanish(state, is_users))
		return sk_erase_record(state, err);
	(void)snprintf(end.why, sizeof(end.why), "%s",
		       is_monitored ? "its monitor was killed"
				    : "the skiff that ran it was killed");
	sk_handle_set_exit(state, &end);
	return sk_state_save(state, err);
}

int sk_container_recover(const struct sk_home *home, struct sk_err *err)
{
	struct sk_state **orphans = NULL;
	size_t nr = 0;
	int r = sk_state_orphans(home, &orphans, &nr, err);

	if (r < 0)
		return sk_err_wrap(err, r, "look for containers that were left behind");
	for (size_t i = 0; i < nr; i++) {
		struct sk_err why = SK_ERR_INIT;

		/* one that cannot be mended must not block the use of all others */
		if (sk_erase_orphan(orphans[i], &why) < 0)
			sk_log_warn("recover: %s", why.msg);
		else
			sk_log_info("cleaned up after container '%s'", orphans[i]->id);
		sk_state_free(orphans[i]);
	}
	free(orphans);
	return 0;
}
