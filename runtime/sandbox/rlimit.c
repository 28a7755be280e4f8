// SPDX-License-Identifier: Apache-2.0
/* rlimit - resource limits, umask, and the OOM killer's preference
 *
 * Hard limits are raised first, by whoever has the caller's capabilities: by the parent for a
 * child that may be in a new user namespace. All limits are set to what they shall be last, by
 * the process itself, so that a low one does not hinder the steps between.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "lib/log.h"
#include "runtime/sandbox/child.h"

static bool has_oom_score(const char *path, int wanted)
{
	sk_autofree char *text = NULL;

	return sk_fs_read(AT_FDCWD, path, 16, &text, NULL) == 0 &&
	       strtol(text, NULL, 10) == wanted;
}

/* Lowering is a privilege that an ordinary user and root of a user namespace lack. */
static int set_oom_score(pid_t pid, int wanted, struct sk_err *err)
{
	char text[16], path[40] = "/proc/self/oom_score_adj";
	int r;

	if (pid)
		(void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	(void)snprintf(text, sizeof(text), "%d", wanted);
	/* in the caller's mount namespace still: nobody has mounted over this */
	r = sk_fs_write(AT_FDCWD, path, text);
	if (r == -EACCES && has_oom_score(path, wanted))
		return 0; /* the child has it from a stage, and is hidden */
	if (r == -EACCES) {
		sk_log_warn("oom_score_adj %s is lower than allowed: left as it is",
			    text);
		return 0;
	}
	if (r < 0)
		return sk_err_code(err, r, "set oom_score_adj to %s", text);
	return 0;
}

static int explain(const struct sk_spec_rlimit *l, const struct rlimit *limit,
		   struct sk_err *err)
{
	int r = sk_err_errno(err, "set resource limit %s to %llu:%llu",
			     sk_spec_rlimit_name(l->resource),
			     (unsigned long long)limit->rlim_cur,
			     (unsigned long long)limit->rlim_max);

	if (r != -EPERM)
		return r;
	return sk_err_hint(
		err, r,
		"raising a hard limit needs CAP_SYS_RESOURCE, which the caller does not have; its own limit is in /proc/self/limits");
}

static int raise_hard_limit(pid_t pid, const struct sk_spec_rlimit *l, struct sk_err *err)
{
	struct rlimit now;

	if (prlimit(pid, l->resource, NULL, &now) < 0)
		return sk_err_errno(err, "read resource limit %s",
				    sk_spec_rlimit_name(l->resource));
	if (l->limit.rlim_max <= now.rlim_max)
		return 0;
	now.rlim_max = l->limit.rlim_max;
	return prlimit(pid, l->resource, &now, NULL) < 0 ? explain(l, &now, err) : 0;
}

int sk_limits_raise(pid_t pid, const struct sk_spec *spec, struct sk_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < spec->nr_rlimits; i++)
		r = raise_hard_limit(pid, &spec->rlimits[i], err);
	if (r == 0 && spec->has_oom_score_adj)
		r = set_oom_score(pid, spec->oom_score_adj, err);
	return r;
}

int sk_child_set_limits(struct sk_child *c, struct sk_err *err)
{
	for (size_t i = 0; i < c->spec->nr_rlimits; i++) {
		const struct sk_spec_rlimit *l = &c->spec->rlimits[i];

		if (setrlimit(l->resource, &l->limit) < 0)
			return explain(l, &l->limit, err);
	}
	(void)umask(c->spec->umask >= 0 ? (mode_t)c->spec->umask : 022);
	return 0;
}
