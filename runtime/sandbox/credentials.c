// SPDX-License-Identifier: Apache-2.0
/* credentials - ids, capabilities and no-new-privileges of the command */
#include <errno.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/sys.h"
#include "runtime/sandbox/child.h"

static int list_mask(char *const *names, uint64_t *ret, struct sk_err *err)
{
	*ret = 0;
	for (; names && *names; names++) {
		uint64_t mask;

		if (sk_caps_by_name(*names, &mask) < 0)
			return sk_err_set(err, EINVAL, "'%s' is not a capability",
					  *names);
		*ret |= mask;
	}
	return 0;
}

int sk_child_caps(const struct sk_spec *spec, struct sk_caps *ret, struct sk_err *err)
{
	uint64_t *const masks[SK_SPEC_CAP_SETS] = {
		[SK_SPEC_CAP_BOUNDING] = &ret->bounding,
		[SK_SPEC_CAP_EFFECTIVE] = &ret->effective,
		[SK_SPEC_CAP_PERMITTED] = &ret->permitted,
		[SK_SPEC_CAP_INHERITABLE] = &ret->inheritable,
		[SK_SPEC_CAP_AMBIENT] = &ret->ambient,
	};

	if (spec->caps == SK_SPEC_CAPS_FULL)
		sk_caps_full(ret);
	else
		sk_caps_default(ret);
	for (int i = 0; spec->caps == SK_SPEC_CAPS_LISTED && i < SK_SPEC_CAP_SETS; i++) {
		int r = list_mask(spec->cap_names[i], masks[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int set_ids(struct sk_child *c, struct sk_err *err)
{
	if (setgroups(c->nr_groups, c->groups) < 0 && (errno != EPERM || c->nr_groups))
		return sk_err_errno(err, "set supplementary groups");
	if (setresgid(c->gid, c->gid, c->gid) < 0)
		return sk_err_errno(err, "become group %u of the container", c->gid);
	if (setresuid(c->uid, c->uid, c->uid) < 0)
		return sk_err_errno(err, "become user %u of the container", c->uid);
	return 0;
}

/* The error says EINVAL where an id has no mapping. */
static int explain_ids(const struct sk_child *c, int r, struct sk_err *err)
{
	if (r != -EINVAL)
		return r;
	return sk_err_hint(err, r,
			   "the container's user namespace has %u ids; see /etc/subuid",
			   c->spec->nr_uids
				   ? c->spec->uids[c->spec->nr_uids - 1].inside +
					     c->spec->uids[c->spec->nr_uids - 1].size
				   : 0);
}

int sk_child_credentials(struct sk_child *c, struct sk_err *err)
{
	int r;

	/* a keyring of its own: the caller's may hold keys (keyctl is denied afterwards) */
	if (sk_sys_keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) < 0 &&
	    errno != ENOSYS && errno != EDQUOT)
		return sk_err_errno(err, "join a new session keyring");
	if (c->spec->caps != SK_SPEC_CAPS_LISTED && c->uid != 0)
		c->caps.effective = c->caps.permitted = 0;
	r = sk_caps_drop_bounding(&c->caps, err);
	if (r == 0)
		r = sk_caps_keep(true, err);
	if (r < 0)
		return r;
	r = set_ids(c, err);
	if (r < 0)
		return explain_ids(c, r, err);
	r = sk_caps_apply(&c->caps, err);
	if (r < 0)
		return r;
	if (c->spec->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return sk_err_errno(err, "set no-new-privileges");
	sk_child_arm(c);
	return 0;
}
