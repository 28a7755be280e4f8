// SPDX-License-Identifier: Apache-2.0
/* config_mounts - "mounts" of an OCI config.json, and what "linux" says of files: devices,
 * masked and read-only paths, propagation, label */
#include <errno.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/str.h"
#include "runtime/spec/config_internal.h"

#define MAX_MAJOR 0xfff
#define MAX_MINOR 0xfffff

/* What a mount is before its options are read. */
static int add_mount(const struct sk_json *object, struct sk_spec *spec,
		     struct sk_spec_mount **ret, struct sk_err *err)
{
	const char *target = NULL, *type = NULL, *source = NULL;
	sk_autofree char *inside = NULL;
	int r = sk_json_read_str(object, "mounts[]", "destination", &target, err);

	if (r == 0)
		r = sk_json_read_str(object, "mounts[]", "type", &type, err);
	if (r == 0)
		r = sk_json_read_str(object, "mounts[]", "source", &source, err);
	if (r < 0)
		return r;
	if (!target || !target[0])
		return sk_err_set(err, EINVAL,
				  "config.json: 'mounts[].destination' is missing");
	/* before 1.1 the specification allowed a relative one, meant from "/" */
	inside = target[0] == '/' ? strdup(target) : sk_strf("/%s", target);
	if (!inside)
		return sk_err_oom(err);
	if (type && (!type[0] || strcmp(type, "bind") == 0 || strcmp(type, "none") == 0))
		type = NULL;
	*ret = sk_spec_add_mount(spec, source, inside, type, 0);
	return *ret ? 0 : sk_err_oom(err);
}

static int read_options(const struct sk_json *object, struct sk_spec_mount *m,
			struct sk_err *err)
{
	sk_auto(sk_strv_free) char **options = NULL;
	int r = sk_json_read_strv(object, "mounts[]", "options", &options, err);

	for (char **option = options; r == 0 && option && *option; option++)
		r = sk_spec_mount_option(m, *option, err);
	return r;
}

static int read_maps(const struct sk_json *object, const char *key,
		     struct sk_spec_idmap **maps, size_t *nr, struct sk_err *err)
{
	struct sk_json *list = NULL;
	int r = sk_json_read_array(object, "mounts[]", key, &list, err);

	if (r < 0 || sk_json_len(list) == 0)
		return r;
	if (sk_json_len(list) > SK_SPEC_MAX_IDMAPS)
		return sk_err_set(err, E2BIG, "%s has more than %d lines", key,
				  SK_SPEC_MAX_IDMAPS);
	free(*maps);
	*nr = 0;
	*maps = calloc(sk_json_len(list), sizeof(**maps));
	if (!*maps)
		return sk_err_oom(err);
	for (size_t i = 0; i < sk_json_len(list); i++) {
		struct sk_spec_idmap *map = &(*maps)[*nr];

		r = sk_config_idmap(sk_json_at(list, i), key, map, err);
		if (r == 0 && map->size == 0)
			r = sk_err_set(err, EINVAL, "%s has a line of size 0", key);
		if (r < 0)
			return r;
		(*nr)++;
	}
	return 0;
}

static int make_absolute(struct sk_spec_mount *m, const char *bundle, struct sk_err *err)
{
	char *absolute;

	if (m->fstype || !m->source || m->source[0] == '/')
		return 0;
	absolute = sk_strf("%s/%s", bundle, m->source);
	if (!absolute)
		return sk_err_oom(err);
	free(m->source);
	m->source = absolute;
	return 0;
}

static void note_cgroup(struct sk_spec *spec, const struct sk_spec_mount *m)
{
	if (!sk_spec_mount_is_cgroup(m))
		return;
	spec->cgroup_mount = true;
	if (!(m->attr_set & MOUNT_ATTR_RDONLY))
		spec->cgroup_writable = true;
}

static int read_mount(const struct sk_json *object, const char *bundle,
		      struct sk_spec *spec, struct sk_err *err)
{
	struct sk_spec_mount *m = NULL;
	int r = add_mount(object, spec, &m, err);

	if (r < 0)
		return r;
	r = read_options(object, m, err);
	if (r == 0)
		r = read_maps(object, "uidMappings", &m->uids, &m->nr_uids, err);
	if (r == 0)
		r = read_maps(object, "gidMappings", &m->gids, &m->nr_gids, err);
	if (r == 0)
		r = make_absolute(m, bundle, err);
	if (r < 0)
		return sk_err_wrap(err, r, "config.json: mount on '%s'", m->target);
	if (m->nr_uids || m->nr_gids)
		m->is_idmapped = true;
	note_cgroup(spec, m);
	return 0;
}

int sk_config_mounts(const struct sk_json *config, const char *bundle,
		     struct sk_spec *spec, struct sk_err *err)
{
	struct sk_json *mounts = NULL;
	int r = sk_json_read_array(config, "config.json", "mounts", &mounts, err);

	for (size_t i = 0; r == 0 && i < sk_json_len(mounts); i++)
		r = read_mount(sk_json_at(mounts, i), bundle, spec, err);
	if (r < 0)
		return r;
	r = sk_spec_mounts_finish(spec, err);
	return r < 0 ? sk_err_wrap(err, r, "config.json") : 0;
}

static int device_type(const char *type, mode_t *ret)
{
	if (sk_str_equal(type, "c") || sk_str_equal(type, "u"))
		*ret = S_IFCHR;
	else if (sk_str_equal(type, "b"))
		*ret = S_IFBLK;
	else if (sk_str_equal(type, "p"))
		*ret = S_IFIFO;
	else
		return -EINVAL;
	return 0;
}

static int read_numbers(const struct sk_json *object, const char *path,
			struct sk_spec_device *device, struct sk_err *err)
{
	uint64_t major = 0, minor = 0, mode = 0666, uid = 0, gid = 0;
	int r = 0;

	if (device->type != S_IFIFO &&
	    (!sk_json_get(object, "major") || !sk_json_get(object, "minor")))
		return sk_err_set(err, EINVAL, "'major' or 'minor' is missing");
	if (device->type != S_IFIFO)
		r = sk_json_read_u64(object, path, "major", MAX_MAJOR, &major, err);
	if (r == 0 && device->type != S_IFIFO)
		r = sk_json_read_u64(object, path, "minor", MAX_MINOR, &minor, err);
	if (r == 0)
		r = sk_json_read_u64(object, path, "fileMode", UINT32_MAX, &mode, err);
	if (r == 0)
		r = sk_json_read_u64(object, path, "uid", UINT32_MAX - 1, &uid, err);
	if (r == 0)
		r = sk_json_read_u64(object, path, "gid", UINT32_MAX - 1, &gid, err);
	if (r < 0)
		return r;
	device->number = makedev((unsigned int)major, (unsigned int)minor);
	device->mode = (mode_t)(mode & 07777);
	device->uid = (uid_t)uid;
	device->gid = (gid_t)gid;
	return 0;
}

static int read_device(const struct sk_json *object, struct sk_spec *spec,
		       struct sk_err *err)
{
	struct sk_spec_device *device = &spec->devices[spec->nr_devices];
	const char *path = NULL, *type = NULL;
	int r = sk_json_read_str(object, "linux.devices[]", "path", &path, err);

	if (r == 0)
		r = sk_json_read_str(object, "linux.devices[]", "type", &type, err);
	if (r < 0)
		return r;
	if (!path || path[0] != '/')
		return sk_err_set(
			err, EINVAL,
			"config.json: path '%s' of a device must be an absolute path",
			path ? path : "");
	if (device_type(type, &device->type) < 0)
		return sk_err_set(
			err, EINVAL,
			"config.json: type '%s' of device '%s' is not one of c, b, u, p",
			type ? type : "", path);
	r = read_numbers(object, path, device, err);
	if (r < 0)
		return sk_err_wrap(err, r, "config.json: device '%s'", path);
	device->path = strdup(path);
	if (!device->path)
		return sk_err_oom(err);
	spec->nr_devices++;
	return 0;
}

static int read_devices(const struct sk_json *object, struct sk_spec *spec,
			struct sk_err *err)
{
	struct sk_json *list = NULL;
	int r = sk_json_read_array(object, "linux", "devices", &list, err);

	if (r < 0 || sk_json_len(list) == 0)
		return r;
	spec->devices = calloc(sk_json_len(list), sizeof(*spec->devices));
	if (!spec->devices)
		return sk_err_oom(err);
	for (size_t i = 0; r == 0 && i < sk_json_len(list); i++)
		r = read_device(sk_json_at(list, i), spec, err);
	return r;
}

static int read_propagation(const struct sk_json *object, struct sk_spec *spec,
			    struct sk_err *err)
{
	const char *mode = NULL;
	int r = sk_json_read_str(object, "linux", "rootfsPropagation", &mode, err);

	if (r < 0 || !mode || !mode[0])
		return r;
	spec->rootfs_propagation = sk_spec_propagation(mode);
	if (!spec->rootfs_propagation)
		return sk_err_set(
			err, EINVAL,
			"config.json: linux.rootfsPropagation '%s' is not shared, slave, private or unbindable, nor one of these with 'r' before it",
			mode);
	return 0;
}

static int check_paths(const char *key, char *const *paths, struct sk_err *err)
{
	for (; paths && *paths; paths++)
		if ((*paths)[0] != '/')
			return sk_err_set(
				err, EINVAL,
				"config.json: linux.%s has '%s', which must be an absolute path",
				key, *paths);
	return 0;
}

int sk_config_linux_files(const struct sk_json *object, struct sk_spec *spec,
			  struct sk_err *err)
{
	const char *label = NULL;
	int r = read_propagation(object, spec, err);

	if (r == 0)
		r = read_devices(object, spec, err);
	if (r == 0)
		r = sk_json_read_strv(object, "linux", "maskedPaths", &spec->masked, err);
	if (r == 0)
		r = check_paths("maskedPaths", spec->masked, err);
	if (r == 0)
		r = sk_json_read_strv(object, "linux", "readonlyPaths",
				      &spec->read_only_paths, err);
	if (r == 0)
		r = check_paths("readonlyPaths", spec->read_only_paths, err);
	if (r == 0)
		r = sk_json_read_str(object, "linux", "mountLabel", &label, err);
	if (r < 0)
		return r;
	if (label && label[0] && !(spec->mount_label = strdup(label)))
		return sk_err_oom(err);
	return 0;
}
