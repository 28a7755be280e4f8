// SPDX-License-Identifier: Apache-2.0
/* oci_update - change the resources of a container that exists
 *
 * The kernel holds the old values, so only what is asked for is written. Device rules that
 * equal those of config.json are left alone: callers send them all back, and others may have
 * added their own to the group in the meantime.
 */
#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "runtime/cgroup/resources.h"
#include "runtime/container/oci_rdt.h"
#include "runtime/container/oci_record.h"
#include "runtime/runtime.h"

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

static int set_rdt(const char *id, const struct sk_json *config,
		   const struct sk_oci_rdt *rdt, struct sk_err *err)
{
	const struct sk_rdt_group group = {
		.name = sk_json_str(sk_json_path(config, "linux.intelRdt.closID"), id),
		.l3_cache = rdt->l3_cache,
		.mem_bandwidth = rdt->mem_bandwidth,
	};
	sk_autoclose int fd = -1;

	if (!(rdt->l3_cache && *rdt->l3_cache) &&
	    !(rdt->mem_bandwidth && *rdt->mem_bandwidth))
		return 0;
	fd = sk_rdt_open(err);
	return fd < 0 ? fd : sk_rdt_set(fd, &group, err);
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
