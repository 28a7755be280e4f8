// SPDX-License-Identifier: Apache-2.0
/* rlimit - resource limits, umask, and the OOM killer's preference */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "runtime/sandbox/child.h"

static int set_oom_score(const struct sk_child *c, struct sk_err *err)
{
	char text[16];
	int r;

	(void)snprintf(text, sizeof(text), "%d", c->spec->oom_score_adj);
	r = sk_fs_write(AT_FDCWD, "/proc/self/oom_score_adj", text);
	if (r < 0)
		return sk_err_code(err, r, "set oom_score_adj to %s", text);
	return 0;
}

int sk_child_rlimits(struct sk_child *c, struct sk_err *err)
{
	for (size_t i = 0; i < c->spec->nr_rlimits; i++) {
		const struct sk_spec_rlimit *l = &c->spec->rlimits[i];
		int r;

		if (setrlimit((__rlimit_resource_t)l->resource, &l->limit) == 0)
			continue;
		r = sk_err_errno(err, "set resource limit %d to %llu:%llu", l->resource,
				 (unsigned long long)l->limit.rlim_cur,
				 (unsigned long long)l->limit.rlim_max);
		if (r != -EPERM)
			return r;
		return sk_err_hint(
			err, r,
			"raising a hard limit needs CAP_SYS_RESOURCE, which skiff does not have here");
	}
	(void)umask(c->spec->umask >= 0 ? (mode_t)c->spec->umask : 022);
	return c->spec->has_oom_score_adj ? set_oom_score(c, err) : 0;
}
