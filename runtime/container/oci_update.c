// SPDX-License-Identifier: Apache-2.0
/* oci_update - change the resources of a container that exists
 *
 * The kernel holds the old values, so only what is asked for is written. Device rules that
 * equal those of config.json are left alone: callers send them all back, and others may have
 * added their own to the group in the meantime.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/cgroup/resources.h"
#include "runtime/container/oci_record.h"
#include "runtime/runtime.h"

#define RESCTRL "/sys/fs/resctrl"

static void adapt(struct sk_cgroup_resources *res, const struct sk_json *config,
		  const struct sk_json *object)
{
	const char *version = sk_json_str(sk_json_get(config, "ociVersion"), "");
	sk_autofree char *old =
		sk_json_print(sk_json_path(config, "linux.resources.devices"), false);
	sk_autofree char *new = sk_json_print(sk_json_get(object, "devices"), false);

	sk_cgroup_resources_adapt(res, version);
	if (old && new &&strcmp(old, new) == 0)
		res->nr_devices = 0;
}

/* Source: the kernel's Documentation/arch/x86/resctrl.rst; each file system has a schemata file a group. */
static int set_rdt(const char *id, const struct sk_json *config,
		   const struct sk_oci_rdt *rdt, struct sk_err *err)
{
	const char *group =
		sk_json_str(sk_json_path(config, "linux.intelRdt.closID"), id);
	const char *const lines[] = {rdt->l3_cache, rdt->mem_bandwidth};
	sk_autofree char *path = sk_strf(RESCTRL "/%s/schemata", group);

	if (!path)
		return sk_err_oom(err);
	for (size_t i = 0; i < SK_ARRAY_SIZE(lines); i++) {
		sk_autofree char *line =
			lines[i] && *lines[i] ? sk_strf("%s\n", lines[i]) : NULL;
		int r = line ? sk_fs_write(AT_FDCWD, path, line) : 0;

		if (r == -ENOENT)
			return sk_err_set(
				err, ENOTSUP,
				"Intel RDT: '%s' is missing: resctrl is not mounted, or the container has no group there",
				path);
		if (r < 0)
			return sk_err_code(err, r, "Intel RDT: write '%s' to '%s'",
					   lines[i], path);
	}
	return 0;
}

int sk_oci_update(const struct sk_home *home, const char *id,
		  const struct sk_json *object, const struct sk_oci_rdt *rdt,
		  struct sk_err *err)
{
	sk_auto(sk_cgroup_resources_free) struct sk_cgroup_resources *res = NULL;
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	sk_auto(sk_cgroup_free) struct sk_cgroup *cg = NULL;
	int r = sk_cgroup_resources_from_json(object, "resources", &res, err);

	if (r == 0)
		r = sk_oci_find_locked(home, id, &state, err);
	if (r == 0 && strcmp(sk_oci_status(state), "stopped") == 0)
		r = sk_err_set(err, ESRCH, "container '%s' is not running", id);
	if (r == 0)
		r = sk_oci_config(state, &config, err);
	if (r == 0)
		r = sk_cgroup_reopen(sk_json_get(state->doc, "cgroups"), &cg, err);
	if (r < 0)
		return r;
	adapt(res, config, object);
	r = sk_cgroup_set_resources(cg, res, SK_CGROUP_ON_UPDATE, err);
	if (r == 0)
		r = set_rdt(id, config, rdt, err);
	return r < 0 ? sk_err_wrap(err, r, "update container '%s'", id) : 0;
}
