// SPDX-License-Identifier: Apache-2.0
/* mount_idmap - id maps of single mounts */
#include <errno.h>
#include <string.h>

#include "lib/parse.h"
#include "lib/str.h"
#include "runtime/spec/spec.h"

static int read_line(const char *text, struct sk_spec_idmap *ret, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **parts = sk_strv_split(text, '-');
	uint64_t number[3];

	if (!parts)
		return sk_err_oom(err);
	if (sk_strv_len(parts) != 3)
		return sk_err_set(err, EINVAL,
				  "id map '%s' is not of the form INSIDE-OUTSIDE-SIZE",
				  text);
	for (int i = 0; i < 3; i++) {
		int r = sk_parse_u64(parts[i], i == 2, UINT32_MAX - 1, &number[i], err);

		if (r < 0)
			return sk_err_wrap(err, r, "id map '%s'", text);
	}
	*ret = (struct sk_spec_idmap){(uint32_t)number[0], (uint32_t)number[1],
				      (uint32_t)number[2]};
	return 0;
}

static int read_lines(const char *text, struct sk_spec_idmap **ret, size_t *ret_nr,
		      struct sk_err *err)
{
	sk_auto(sk_strv_free) char **lines = sk_strv_split(text, '#');
	sk_autofree struct sk_spec_idmap *maps = NULL;
	size_t nr = sk_strv_len(lines);

	if (!lines)
		return sk_err_oom(err);
	if (nr > SK_SPEC_MAX_IDMAPS)
		return sk_err_set(err, E2BIG, "id map '%s' has more than %d lines", text,
				  SK_SPEC_MAX_IDMAPS);
	maps = calloc(nr, sizeof(*maps));
	if (!maps)
		return sk_err_oom(err);
	for (size_t i = 0; i < nr; i++) {
		int r = read_line(lines[i], &maps[i], err);

		if (r < 0)
			return r;
	}
	free(*ret);
	*ret = sk_steal(&maps);
	*ret_nr = nr;
	return 0;
}

int sk_spec_mount_idmap(struct sk_spec_mount *mount, const char *maps, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **parts = sk_strv_split(maps, ';');

	if (!parts)
		return sk_err_oom(err);
	for (char **part = parts; *part; part++) {
		const char *uids = sk_str_starts(*part, "uids=");
		const char *gids = sk_str_starts(*part, "gids=");
		const char *lines = uids ? uids : gids;
		bool is_relative = lines && lines[0] == '@';
		int r;

		if (!lines)
			return sk_err_set(
				err, EINVAL,
				"id map '%s' is not of the form uids=LINES;gids=LINES",
				*part);
		if (uids)
			mount->uids_relative = is_relative;
		else
			mount->gids_relative = is_relative;
		r = read_lines(lines + is_relative, uids ? &mount->uids : &mount->gids,
			       uids ? &mount->nr_uids : &mount->nr_gids, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* From ids inside the container to those outside. */
static int shift(struct sk_spec_idmap *lines, size_t nr, const struct sk_spec_idmap *maps,
		 size_t nr_maps, struct sk_err *err)
{
	for (size_t i = 0; i < nr; i++) {
		const struct sk_spec_idmap *in = NULL;

		for (size_t k = 0; k < nr_maps; k++)
			if (lines[i].outside >= maps[k].inside &&
			    (uint64_t)lines[i].outside + lines[i].size <=
				    (uint64_t)maps[k].inside + maps[k].size)
				in = &maps[k];
		if (!in)
			return sk_err_set(
				err, EINVAL,
				"ids %u to %u lie in no single map of the container's user namespace",
				lines[i].outside, lines[i].outside + lines[i].size - 1);
		lines[i].outside = in->outside + (lines[i].outside - in->inside);
	}
	return 0;
}

static int finish_one(struct sk_spec *spec, struct sk_spec_mount *m, struct sk_err *err)
{
	int r = 0;

	if (!m->nr_uids != !m->nr_gids)
		return sk_err_set(
			err, EINVAL,
			"an idmapped mount needs maps of user ids and of group ids");
	if (!m->nr_uids && !sk_spec_has_userns(spec))
		return sk_err_set(
			err, EINVAL,
			"an idmapped mount needs id maps of its own, or a user namespace of the container");
	if (m->uids_relative)
		r = shift(m->uids, m->nr_uids, spec->uids, spec->nr_uids, err);
	if (r == 0 && m->gids_relative)
		r = shift(m->gids, m->nr_gids, spec->gids, spec->nr_gids, err);
	m->uids_relative = m->gids_relative = false;
	return r;
}

int sk_spec_mounts_finish(struct sk_spec *spec, struct sk_err *err)
{
	for (size_t i = 0; i < spec->nr_mounts; i++) {
		struct sk_spec_mount *m = &spec->mounts[i];
		int r = m->is_idmapped ? finish_one(spec, m, err) : 0;

		if (r < 0)
			return sk_err_wrap(err, r, "mount on '%s'", m->target);
	}
	return 0;
}
