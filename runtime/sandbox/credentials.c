// SPDX-License-Identifier: Apache-2.0
/* credentials - ids, capabilities and no-new-privileges of the command */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/sys.h"
#include "runtime/sandbox/child.h"

#define SYS_ADMIN (1ull << CAP_SYS_ADMIN)

/* Source: config.md, "Linux Process": what is unknown or cannot be granted is a warning. */
static uint64_t list_mask(char *const *names, uint64_t held)
{
	uint64_t masks = 0;

	for (; names && *names; names++) {
		uint64_t mask;

		if (sk_caps_by_name(*names, &mask) < 0)
			sk_log_warn("capability '%s' is unknown here: ignored", *names);
		else if (mask & ~held)
			sk_log_warn("capability '%s' is not held by the caller: ignored",
				    *names);
		else
			masks |= mask;
	}
	return masks;
}

static void drop(const char *what, uint64_t *set, uint64_t allowed)
{
	char name[SK_CAPS_NAME_SIZE];

	for (uint64_t bad = *set & ~allowed; bad; bad &= bad - 1)
		sk_log_warn("%s is %s: ignored in that set", sk_caps_lowest(bad, name),
			    what);
	*set &= allowed;
}

void sk_child_caps(const struct sk_spec *spec, struct sk_caps *ret)
{
	/* whoever is root of a user namespace of its own may have all there */
	uint64_t held = sk_spec_has_userns(spec) ? ~0ull : sk_caps_held();

	if (spec->caps == SK_SPEC_CAPS_FULL)
		sk_caps_full(ret);
	else
		sk_caps_default(ret);
	if (spec->caps != SK_SPEC_CAPS_LISTED)
		return;
	ret->bounding = list_mask(spec->cap_names[SK_SPEC_CAP_BOUNDING], held);
	ret->permitted = list_mask(spec->cap_names[SK_SPEC_CAP_PERMITTED], held);
	ret->effective = list_mask(spec->cap_names[SK_SPEC_CAP_EFFECTIVE], held);
	ret->inheritable = list_mask(spec->cap_names[SK_SPEC_CAP_INHERITABLE], held);
	ret->ambient = list_mask(spec->cap_names[SK_SPEC_CAP_AMBIENT], held);
	drop("effective but not permitted", &ret->effective, ret->permitted);
	drop("ambient but not permitted and inheritable", &ret->ambient,
	     ret->permitted & ret->inheritable);
}

static int set_ids(struct sk_child *c, struct sk_err *err)
{
	if (!c->spec->keep_groups && setgroups(c->nr_groups, c->groups) < 0 &&
	    (errno != EPERM || c->nr_groups)) {
		int r = sk_err_errno(err, "set supplementary groups");

		return r == -EPERM
			       ? sk_err_hint(
					 err, r,
					 "with a single mapped group the kernel allows none: ranges for the user in /etc/subgid and the package uidmap make them possible")
			       : r;
	}
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
	struct sk_caps caps;
	int r;

	/* a keyring of its own: the caller's may hold keys (keyctl is denied afterwards) */
	if (!c->keep_keyring &&
	    sk_sys_keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) < 0 &&
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
	/* To install a filter needs CAP_SYS_ADMIN unless no-new-privileges is set. It ends with
	 * execve(2), which computes the sets anew and not from these. */
	caps = c->caps;
	if (c->filter && !c->spec->no_new_privs) {
		caps.effective |= sk_caps_held() & SYS_ADMIN;
		caps.permitted |= sk_caps_held() & SYS_ADMIN;
	}
	r = sk_caps_apply(&caps, err);
	if (r < 0)
		return r;
	if (c->spec->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return sk_err_errno(err, "set no-new-privileges");
	sk_child_arm(c);
	return 0;
}
