// SPDX-License-Identifier: Apache-2.0
/* config_resources - "linux.resources" of an OCI config.json
 *
 * Device rules are not written to a group: a container made by skiff has no other nodes than
 * the harmless ones of a fresh /dev. A config that denies all devices is kept by mounting
 * the root with nodev and by refusing CAP_MKNOD without a user namespace.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lib/str.h"
#include "runtime/spec/config_internal.h"

#define MIN_SHARES 2u
#define MAX_SHARES 262144u

static int read_memory(const struct sk_json *resources, struct sk_spec *spec,
		       struct sk_err *err)
{
	static const char *const known[] = {"limit", "swap", NULL};
	int64_t limit = -1, swap = -1;
	struct sk_json *memory = NULL;
	int r = sk_json_read_object(resources, "linux.resources", "memory", &memory, err);

	if (r == 0)
		r = sk_config_known(memory, "linux.resources.memory.", known, err);
	if (r == 0)
		r = sk_json_read_i64(memory, "linux.resources.memory", "limit", -1,
				     INT64_MAX, &limit, err);
	if (r == 0)
		r = sk_json_read_i64(memory, "linux.resources.memory", "swap", -1,
				     INT64_MAX, &swap, err);
	if (r < 0)
		return r;
	if (limit == 0)
		return sk_err_set(err, EINVAL,
				  "config.json: a memory limit must not be 0");
	if (swap > 0 && swap != limit)
		return sk_err_set(
			err, EOPNOTSUPP,
			"config.json: linux.resources.memory.swap other than the limit is not supported yet");
	spec->limits.memory_bytes = limit > 0 ? (uint64_t)limit : 0;
	return 0;
}

static uint64_t weight_of_shares(uint64_t shares)
{
	if (shares < MIN_SHARES)
		shares = MIN_SHARES;
	if (shares > MAX_SHARES)
		shares = MAX_SHARES;
	return 1 + ((shares - MIN_SHARES) * 9999) / (MAX_SHARES - MIN_SHARES);
}

static int read_cpu(const struct sk_json *resources, struct sk_spec *spec,
		    struct sk_err *err)
{
	static const char *const known[] = {"shares", "quota", "period", NULL};
	uint64_t shares = 0, period = 100000;
	int64_t quota = -1;
	struct sk_json *cpu = NULL;
	int r = sk_json_read_object(resources, "linux.resources", "cpu", &cpu, err);

	if (r == 0)
		r = sk_config_known(cpu, "linux.resources.cpu.", known, err);
	if (r == 0)
		r = sk_json_read_u64(cpu, "linux.resources.cpu", "shares", UINT32_MAX,
				     &shares, err);
	if (r == 0)
		r = sk_json_read_u64(cpu, "linux.resources.cpu", "period", 1000000,
				     &period, err);
	if (r == 0)
		r = sk_json_read_i64(cpu, "linux.resources.cpu", "quota", -1,
				     INT64_MAX / 1000, &quota, err);
	if (r < 0)
		return r;
	if (period == 0)
		period = 100000;
	if (shares)
		spec->limits.cpu_weight = weight_of_shares(shares);
	if (quota > 0)
		spec->limits.cpu_milli = (uint64_t)quota * 1000 / period;
	return 0;
}

static int read_pids(const struct sk_json *resources, struct sk_spec *spec,
		     struct sk_err *err)
{
	static const char *const known[] = {"limit", NULL};
	int64_t limit = -1;
	struct sk_json *pids = NULL;
	int r = sk_json_read_object(resources, "linux.resources", "pids", &pids, err);

	if (r == 0)
		r = sk_config_known(pids, "linux.resources.pids.", known, err);
	if (r == 0)
		r = sk_json_read_i64(pids, "linux.resources.pids", "limit", -1, INT64_MAX,
				     &limit, err);
	if (r == 0 && limit > 0)
		spec->limits.pids_max = (uint64_t)limit;
	return r;
}

static bool may_make_nodes(const struct sk_spec *spec)
{
	for (char **name = spec->cap_names[SK_SPEC_CAP_BOUNDING]; name && *name; name++)
		if (strcasecmp(*name, "CAP_MKNOD") == 0)
			return !spec->ns[SK_NS_USER].is_new;
	return false;
}

static int read_devices(const struct sk_json *resources, struct sk_spec *spec,
			struct sk_err *err)
{
	struct sk_json *rules = NULL;
	int r = sk_json_read_array(resources, "linux.resources", "devices", &rules, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sk_json_len(rules); i++)
		if (!sk_json_bool(sk_json_get(sk_json_at(rules, i), "allow"), false))
			spec->rootfs_nodev = true;
	if (spec->rootfs_nodev && may_make_nodes(spec))
		return sk_err_set(
			err, EOPNOTSUPP,
			"config.json: linux.resources.devices together with CAP_MKNOD is not supported yet");
	return 0;
}

int sk_config_resources(const struct sk_json *linux_object, struct sk_spec *spec,
			struct sk_err *err)
{
	static const char *const known[] = {"memory", "cpu", "pids", "devices", NULL};
	struct sk_json *resources = NULL;
	int r = sk_json_read_object(linux_object, "linux", "resources", &resources, err);

	if (r == 0)
		r = sk_config_known(resources, "linux.resources.", known, err);
	if (r == 0)
		r = read_memory(resources, spec, err);
	if (r == 0)
		r = read_cpu(resources, spec, err);
	if (r == 0)
		r = read_pids(resources, spec, err);
	return r < 0 ? r : read_devices(resources, spec, err);
}
