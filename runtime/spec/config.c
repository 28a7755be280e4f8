// SPDX-License-Identifier: Apache-2.0
/* config - the spec of an OCI config.json: its top, root and mounts */
#include <errno.h>
#include <linux/mount.h>
#include <string.h>

#include "lib/str.h"
#include "runtime/spec/config_internal.h"

#define VERSION_SUFFIX_CHARS                                                             \
	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-.+"

static bool asks_for_nothing(const struct sk_json *value)
{
	switch (sk_json_type(value)) {
	case SK_JSON_NULL:
		return true;
	case SK_JSON_BOOL:
		return !sk_json_bool(value, true);
	case SK_JSON_STRING:
		return sk_json_str(value, "x")[0] == '\0';
	case SK_JSON_ARRAY:
	case SK_JSON_OBJECT:
		return sk_json_len(value) == 0;
	default:
		return false;
	}
}

/* What the specification defines and nothing here executes yet. */
static const char *const pending[] = {
	"hooks",
	"linux.devices",
	"linux.intelRdt",
	"linux.memoryPolicy",
	"linux.mountLabel",
	"linux.netDevices",
	"linux.personality",
	"linux.seccomp",
	"linux.timeOffsets",
	"mounts[].gidMappings",
	"mounts[].uidMappings",
	"process.apparmorProfile",
	"process.consoleSize",
	"process.execCPUAffinity",
	"process.ioPriority",
	"process.scheduler",
	"process.selinuxLabel",
};

static bool is_pending(const char *where, const char *key)
{
	size_t len = strlen(where);

	for (size_t i = 0; i < SK_ARRAY_SIZE(pending); i++)
		if (strncmp(pending[i], where, len) == 0 &&
		    strcmp(pending[i] + len, key) == 0)
			return true;
	return false;
}

int sk_config_known(const struct sk_json *object, const char *where,
		    const char *const *known, struct sk_err *err)
{
	const struct sk_json *value;
	void *cursor = NULL;
	const char *key;

	while ((value = sk_json_each(object, &cursor, &key))) {
		if (sk_strv_has((char *const *)known, key) || !is_pending(where, key) ||
		    asks_for_nothing(value))
			continue;
		return sk_err_hint(
			err,
			sk_err_set(err, EOPNOTSUPP,
				   "config.json: '%s%s' is not supported yet", where,
				   key),
			"take it out of config.json, or use another runtime for this container");
	}
	return 0;
}

/* One number of a version, without zeros in front, and the dot behind it. */
static bool read_number(const char **at, unsigned int *ret)
{
	size_t digits = strspn(*at, "0123456789");
	char *end;

	if (digits == 0 || digits > 4 || (digits > 1 && **at == '0'))
		return false;
	*ret = (unsigned int)strtoul(*at, &end, 10);
	*at = end;
	return true;
}

/* MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD] */
static bool read_version(const char *text, unsigned int number[3])
{
	for (int i = 0; i < 3; i++)
		if ((i > 0 && *text++ != '.') || !read_number(&text, &number[i]))
			return false;
	if (!*text)
		return true;
	return strchr("-+", *text) && text[1] &&
	       !text[1 + strspn(text + 1, VERSION_SUFFIX_CHARS)];
}

/* Source: Semantic Versioning 2.0.0; config.md, "Specification version": what holds for 1.n
 * holds for each later 1.m, but not for an earlier one. */
static int check_version(const struct sk_json *config, struct sk_err *err)
{
	const char *version = NULL;
	unsigned int number[3];
	int r = sk_json_read_str(config, "config.json", "ociVersion", &version, err);

	if (r < 0)
		return r;
	if (!version)
		return sk_err_set(err, EINVAL, "config.json: 'ociVersion' is missing");
	if (!read_version(version, number))
		return sk_err_set(
			err, EINVAL,
			"config.json: ociVersion '%s' is not of the form MAJOR.MINOR.PATCH",
			version);
	if (number[0] != 1 || number[1] > SK_OCI_MINOR_MAX)
		return sk_err_set(
			err, EINVAL,
			"config.json: ociVersion '%s' is not one of 1.0 to 1.%d", version,
			SK_OCI_MINOR_MAX);
	return 0;
}

/* Source: config.md, "Annotations": keys that are not empty, values that are strings. */
static int read_annotations(const struct sk_json *config, struct sk_spec *spec,
			    struct sk_err *err)
{
	struct sk_json *map = NULL;
	const struct sk_json *value;
	void *cursor = NULL;
	const char *key;
	int r = sk_json_read_object(config, "config.json", "annotations", &map, err);

	if (r < 0)
		return r;
	while ((value = sk_json_each(map, &cursor, &key))) {
		if (!key[0])
			return sk_err_set(err, EINVAL,
					  "config.json: an annotation has no name");
		if (sk_json_type(value) != SK_JSON_STRING)
			return sk_err_set(err, EINVAL,
					  "config.json: annotation '%s' is not a string",
					  key);
	}
	spec->annotations = sk_json_ref(map);
	return 0;
}

static int read_root(const struct sk_json *config, const char *bundle,
		     struct sk_spec *spec, struct sk_err *err)
{
	struct sk_json *root = NULL;
	const char *path = NULL;
	int r = sk_json_read_object(config, "config.json", "root", &root, err);

	if (r == 0)
		r = sk_json_read_str(root, "root", "path", &path, err);
	if (r == 0)
		r = sk_json_read_bool(root, "root", "readonly", &spec->read_only, err);
	if (r < 0)
		return r;
	if (!path || !path[0])
		return sk_err_set(err, EINVAL, "config.json: 'root.path' is missing");
	spec->rootfs = path[0] == '/' ? strdup(path) : sk_strf("%s/%s", bundle, path);
	return spec->rootfs ? 0 : sk_err_oom(err);
}

/* A mount of "cgroup" shows the container its groups, wherever it is wanted: only the
 * usual place is supported. */
static int take_cgroup_mount(struct sk_spec *spec, struct sk_err *err)
{
	const struct sk_spec_mount *m = &spec->mounts[spec->nr_mounts - 1];

	if (strcmp(m->target, "/sys/fs/cgroup") != 0)
		return sk_err_set(
			err, EOPNOTSUPP,
			"config.json: a cgroup mount on '%s' is not supported yet: only /sys/fs/cgroup",
			m->target);
	spec->cgroup_mount = true;
	spec->cgroup_writable = !(m->attr_set & MOUNT_ATTR_RDONLY);
	free(m->source);
	free(m->target);
	free(m->fstype);
	sk_strv_free(m->data);
	spec->nr_mounts--;
	return 0;
}

static int read_mount(const struct sk_json *object, const char *bundle,
		      struct sk_spec *spec, struct sk_err *err)
{
	static const char *const known[] = {"destination", "type", "source", "options",
					    NULL};
	sk_auto(sk_strv_free) char **options = NULL;
	const char *target = NULL, *type = NULL, *source = NULL;
	sk_autofree char *absolute = NULL;
	struct sk_spec_mount *m;
	int r = sk_config_known(object, "mounts[].", known, err);

	if (r == 0)
		r = sk_json_read_str(object, "mounts[]", "destination", &target, err);
	if (r == 0)
		r = sk_json_read_str(object, "mounts[]", "type", &type, err);
	if (r == 0)
		r = sk_json_read_str(object, "mounts[]", "source", &source, err);
	if (r == 0)
		r = sk_json_read_strv(object, "mounts[]", "options", &options, err);
	if (r < 0)
		return r;
	if (!target)
		return sk_err_set(err, EINVAL,
				  "config.json: 'mounts[].destination' is missing");
	if (sk_str_equal(type, "bind") || sk_str_equal(type, "none"))
		type = NULL;
	m = sk_spec_add_mount(spec, source, target, type, 0);
	if (!m)
		return sk_err_oom(err);
	for (char **option = options; option && *option; option++) {
		r = sk_spec_mount_option(m, *option, err);
		if (r < 0)
			return sk_err_wrap(err, r, "config.json");
	}
	if (!m->fstype && source && source[0] != '/') {
		absolute = sk_strf("%s/%s", bundle, source);
		if (!absolute)
			return sk_err_oom(err);
		free(m->source);
		m->source = sk_steal(&absolute);
	}
	return sk_str_equal(m->fstype, "cgroup") || sk_str_equal(m->fstype, "cgroup2")
		       ? take_cgroup_mount(spec, err)
		       : 0;
}

static int read_mounts(const struct sk_json *config, const char *bundle,
		       struct sk_spec *spec, struct sk_err *err)
{
	struct sk_json *mounts = NULL;
	int r = sk_json_read_array(config, "config.json", "mounts", &mounts, err);

	for (size_t i = 0; r == 0 && i < sk_json_len(mounts); i++)
		r = read_mount(sk_json_at(mounts, i), bundle, spec, err);
	return r;
}

static int read_names(const struct sk_json *config, struct sk_spec *spec,
		      struct sk_err *err)
{
	const char *hostname = NULL, *domainname = NULL;
	int r = sk_json_read_str(config, "config.json", "hostname", &hostname, err);

	if (r == 0)
		r = sk_json_read_str(config, "config.json", "domainname", &domainname,
				     err);
	if (r < 0)
		return r;
	if (hostname && hostname[0] && !(spec->hostname = strdup(hostname)))
		return sk_err_oom(err);
	if (domainname && domainname[0] && !(spec->domainname = strdup(domainname)))
		return sk_err_oom(err);
	return 0;
}

int sk_spec_from_config(const struct sk_json *config, const char *bundle,
			const char *group, struct sk_spec **ret, struct sk_err *err)
{
	static const char *const known[] = {"ociVersion", "root",	 "process",
					    "hostname",	  "domainname",	 "mounts",
					    "linux",	  "annotations", NULL};
	sk_auto(sk_spec_free) struct sk_spec *spec = sk_spec_new();
	int r;

	if (!spec)
		return sk_err_oom(err);
	if (sk_json_type(config) != SK_JSON_OBJECT)
		return sk_err_set(err, EINVAL, "config.json: expected an object, got %s",
				  sk_json_type_name(sk_json_type(config)));
	r = check_version(config, err);
	if (r == 0)
		r = sk_config_known(config, "", known, err);
	if (r == 0)
		r = read_root(config, bundle, spec, err);
	if (r == 0)
		r = sk_config_process(config, spec, err);
	if (r == 0)
		r = read_names(config, spec, err);
	if (r == 0)
		r = read_mounts(config, bundle, spec, err);
	if (r == 0)
		r = sk_config_linux(config, spec, err);
	if (r == 0)
		r = read_annotations(config, spec, err);
	if (r < 0)
		return r;
	if (!spec->cgroup_path)
		spec->cgroup_path = strdup(group);
	if (!spec->cgroup_path)
		return sk_err_oom(err);
	*ret = sk_steal(&spec);
	return 0;
}
