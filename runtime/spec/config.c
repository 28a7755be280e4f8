// SPDX-License-Identifier: Apache-2.0
/* config - the spec of an OCI config.json: its top, root and mounts */
#include <errno.h>
#include <linux/mount.h>
#include <string.h>

#include "lib/str.h"
#include "runtime/spec/config_internal.h"

#define VERSION_SUFFIX_CHARS                                                             \
	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-.+"

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
	sk_auto(sk_spec_free) struct sk_spec *spec = sk_spec_new();
	int r;

	if (!spec)
		return sk_err_oom(err);
	spec->is_oci = true;
	if (sk_json_type(config) != SK_JSON_OBJECT)
		return sk_err_set(err, EINVAL, "config.json: expected an object, got %s",
				  sk_json_type_name(sk_json_type(config)));
	r = check_version(config, err);
	if (r == 0)
		r = read_root(config, bundle, spec, err);
	if (r == 0)
		r = sk_config_process(config, spec, err);
	if (r == 0)
		r = read_names(config, spec, err);
	if (r == 0)
		r = sk_config_linux(config, spec, err);
	if (r == 0)
		r = sk_config_mounts(config, bundle, spec, err);
	if (r == 0)
		r = sk_config_hooks(config, spec, err);
	if (r == 0)
		r = sk_config_annotations(config, spec, err);
	if (r < 0)
		return r;
	if (!spec->cgroup_path)
		spec->cgroup_path = strdup(group);
	if (!spec->cgroup_path)
		return sk_err_oom(err);
	*ret = sk_steal(&spec);
	return 0;
}
