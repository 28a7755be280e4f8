// SPDX-License-Identifier: Apache-2.0
/* mount - the mounts and device nodes of a spec: adding, checking, releasing */
#include "runtime/spec/mount.h"

#include <errno.h>
#include <string.h>

#include "lib/str.h"
#include "runtime/spec/spec.h"

static char *copy_or_null(const char *text, bool *failed)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		*failed = true;
	return copy;
}

struct sk_spec_mount *sk_spec_add_mount(struct sk_spec *spec, const char *source,
					const char *target, const char *fstype,
					uint64_t attr_set)
{
	struct sk_spec_mount *grown =
		reallocarray(spec->mounts, spec->nr_mounts + 1, sizeof(*grown));
	struct sk_spec_mount *m;
	bool failed = false;

	if (!grown)
		return NULL;
	spec->mounts = grown;
	m = &grown[spec->nr_mounts++];
	*m = (struct sk_spec_mount){
		.source = copy_or_null(source, &failed),
		.target = copy_or_null(target, &failed),
		.fstype = copy_or_null(fstype, &failed),
		.attr_set = attr_set,
	};
	return failed ? NULL : m;
}

void sk_spec_mounts_free(struct sk_spec *spec)
{
	for (size_t i = 0; i < spec->nr_mounts; i++) {
		free(spec->mounts[i].source);
		free(spec->mounts[i].target);
		free(spec->mounts[i].fstype);
		sk_strv_free(spec->mounts[i].data);
		free(spec->mounts[i].uids);
		free(spec->mounts[i].gids);
	}
	free(spec->mounts);
	for (size_t i = 0; i < spec->nr_devices; i++)
		free(spec->devices[i].path);
	free(spec->devices);
}

static int check_bind(const struct sk_spec_mount *m, struct sk_err *err)
{
	if (!m->source || m->source[0] != '/')
		return sk_err_set(
			err, EINVAL,
			"source '%s' of the mount on '%s' must be an absolute path",
			m->source ? m->source : "", m->target);
	if (m->data)
		return sk_err_set(err, EINVAL,
				  "option '%s' of the bind mount on '%s' is not known",
				  m->data[0], m->target);
	return 0;
}

/* What would do nothing is an error, so that nobody believes that it was done. */
static int check_words(const struct sk_spec_mount *m, struct sk_err *err)
{
	const char *word = NULL;

	if (m->fstype && m->is_idmapped)
		word = "idmap";
	else if (m->fstype && m->copy_symlink)
		word = "copy-symlink";
	else if (m->fstype && m->source_nofollow)
		word = "src-nofollow";
	if (word)
		return sk_err_set(err, EINVAL,
				  "option '%s' of the mount on '%s' is for bind mounts",
				  word, m->target);
	if (m->copy_up && !sk_str_equal(m->fstype, "tmpfs"))
		return sk_err_set(
			err, EINVAL,
			"option 'tmpcopyup' of the mount on '%s' is for file systems of type tmpfs",
			m->target);
	return 0;
}

int sk_spec_mounts_check(const struct sk_spec *spec, struct sk_err *err)
{
	for (size_t i = 0; i < spec->nr_mounts; i++) {
		const struct sk_spec_mount *m = &spec->mounts[i];
		int r = 0;

		if (m->target[0] != '/')
			return sk_err_set(err, EINVAL,
					  "mount point '%s' must be an absolute path",
					  m->target);
		if (!m->fstype && !m->is_remount)
			r = check_bind(m, err);
		if (r == 0)
			r = check_words(m, err);
		if (r < 0)
			return r;
	}
	return 0;
}
