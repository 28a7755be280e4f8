// SPDX-License-Identifier: Apache-2.0
/* descend - a group below a container's, as a place for a further process */
#include <fcntl.h>
#include <string.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/cgroup/internal.h"

/* "memory", or one of "cpu,cpuacct"; the name of v2 is "unified" or empty. */
static bool is_meant(const struct sk_cgroup_hier *hier, const char *name)
{
	sk_auto(sk_strv_free) char **words = sk_strv_split(hier->name, ',');

	if (hier->is_v2 && !*name)
		return true;
	return strcmp(hier->name, name) == 0 || sk_strv_has(words, name);
}

static int descend(struct sk_cgroup_hier *hier, const char *below, struct sk_err *err)
{
	sk_autofree char *dir = sk_strf("%s/%s", hier->dir, below);

	if (!dir)
		return sk_err_oom(err);
	if (!sk_fs_exists(AT_FDCWD, dir))
		return sk_err_set(err, EINVAL, "there is no cgroup '%s'", dir);
	sk_close(&hier->dirfd);
	sk_close(&hier->enter_fd);
	free(hier->dir);
	hier->dir = sk_steal(&dir);
	sk_cgroup_open_entrance(hier);
	return 0;
}

int sk_cgroup_descend(struct sk_cgroup *cg, const char *hierarchy, const char *below,
		      struct sk_err *err)
{
	sk_auto(sk_strv_free) char **parts = sk_strv_split(below, '/');
	bool is_any = false;
	int r = 0;

	if (!parts)
		return sk_err_oom(err);
	if (sk_strv_has(parts, ".."))
		return sk_err_set(err, EINVAL, "the cgroup '%s' is not below '%s'", below,
				  cg->path);
	for (unsigned int i = 0; r == 0 && i < cg->nr; i++) {
		if (hierarchy && !is_meant(&cg->hiers[i], hierarchy))
			continue;
		is_any = true;
		r = descend(&cg->hiers[i], below, err);
	}
	if (r == 0 && !is_any)
		return sk_err_set(err, EINVAL, "no cgroup hierarchy has '%s'",
				  hierarchy ? hierarchy : "");
	return r;
}
