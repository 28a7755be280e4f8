// SPDX-License-Identifier: Apache-2.0
/* idrange - which ids of the host a container's user namespace gets */
#include "runtime/spec/idrange.h"

#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/log.h"
#include "lib/parse.h"
#include "lib/proc.h"
#include "lib/str.h"

static bool parse_line(char *line, const char *name, uid_t uid, struct sk_spec_idmap *ret)
{
	char *first = strchr(line, ':');
	char *count = first ? strchr(first + 1, ':') : NULL;
	uint64_t start, size, number;

	if (!count)
		return false;
	*first++ = '\0';
	*count++ = '\0';
	if (!sk_str_equal(line, name) &&
	    (sk_parse_u64(line, 0, UINT32_MAX, &number, NULL) < 0 || number != uid))
		return false;
	if (sk_parse_u64(first, 1, UINT32_MAX - 1, &start, NULL) < 0 ||
	    sk_parse_u64(count, 1, UINT32_MAX - 1 - start, &size, NULL) < 0)
		return false;
	ret->outside = (uint32_t)start;
	ret->size = (uint32_t)size;
	return true;
}

int sk_idrange_find(const char *text, const char *name, uid_t uid,
		    struct sk_spec_idmap *ret)
{
	sk_auto(sk_strv_free) char **lines = sk_strv_split(text, '\n');

	for (char **line = lines; line && *line; line++)
		if (parse_line(*line, name, uid, ret))
			return 0;
	return -ENOENT;
}

void sk_idrange_slot(const char *id, const struct sk_spec_idmap *parent,
		     struct sk_spec_idmap *ret)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	uint32_t base = SK_IDRANGE_BASE, slots = SK_IDRANGE_SLOTS;

	for (const char *p = id; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	if (parent->size >= SK_IDRANGE_SIZE) {
		base = parent->outside;
		slots = parent->size / SK_IDRANGE_SIZE;
	}
	*ret = (struct sk_spec_idmap){
		.outside = base + (hash % slots) * SK_IDRANGE_SIZE,
		.size = SK_IDRANGE_SIZE,
	};
}

static void read_range(const char *path, const char *name, uid_t uid,
		       struct sk_spec_idmap *ret)
{
	sk_autofree char *text = NULL;

	*ret = (struct sk_spec_idmap){0};
	if (sk_fs_read(AT_FDCWD, path, 1 << 20, &text, NULL) == 0)
		(void)sk_idrange_find(text, name, uid, ret);
}

static void fill_root(struct sk_spec *spec, const char *id)
{
	struct sk_spec_idmap uids, gids;

	read_range("/etc/subuid", "root", 0, &uids);
	read_range("/etc/subgid", "root", 0, &gids);
	sk_idrange_slot(id, &uids, &spec->uids[0]);
	sk_idrange_slot(id, &gids, &spec->gids[0]);
	spec->nr_uids = spec->nr_gids = 1;
	spec->idmap_layers = true;
}

static size_t fill_user(struct sk_spec_idmap *maps, uint32_t own,
			const struct sk_spec_idmap *sub)
{
	maps[0] = (struct sk_spec_idmap){.outside = own, .size = 1};
	if (sub->size == 0)
		return 1;
	maps[1] = (struct sk_spec_idmap){.inside = 1,
					 .outside = sub->outside,
					 .size = sub->size};
	return 2;
}

/* fgetpwent() and not getpwuid(): that would load NSS, which a static program cannot. */
static char *own_name(void)
{
	sk_auto(sk_fclose) FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *pw;

	while (file && (pw = fgetpwent(file)) != NULL)
		if (pw->pw_uid == getuid())
			return strdup(pw->pw_name);
	return NULL;
}

void sk_idrange_fill(struct sk_spec *spec, const char *id, bool is_rootless)
{
	struct sk_spec_idmap uids = {0}, gids = {0};
	sk_autofree char *helper = NULL;
	sk_autofree char *name = NULL;

	if (!is_rootless) {
		fill_root(spec, id);
		return;
	}
	name = own_name();
	read_range("/etc/subuid", name, getuid(), &uids);
	read_range("/etc/subgid", name, getuid(), &gids);
	if (!uids.size || !gids.size || sk_proc_find("newuidmap", &helper) < 0) {
		sk_log_info("no subordinate ids: the container has one user only");
		uids.size = gids.size = 0;
	}
	spec->nr_uids = fill_user(spec->uids, getuid(), &uids);
	spec->nr_gids = fill_user(spec->gids, getgid(), &gids);
	spec->use_newidmap = uids.size > 0;
}

static bool is_one_id(const struct sk_spec_idmap *maps, size_t nr)
{
	return nr == 1 && maps[0].size == 1;
}

void sk_idrange_adapt(struct sk_spec *spec, const char *id)
{
	if (geteuid() == 0 || spec->ns[SK_NS_USER].path)
		return;
	spec->ns[SK_NS_USER].is_new = true;
	if (spec->nr_uids == 0 && spec->nr_gids == 0)
		sk_idrange_fill(spec, id, true);
	else
		spec->use_newidmap = !is_one_id(spec->uids, spec->nr_uids) ||
				     !is_one_id(spec->gids, spec->nr_gids);
}
