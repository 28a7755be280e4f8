// SPDX-License-Identifier: Apache-2.0
/* resources_json - read "linux.resources" of config.json, and what `update` is given */
#include <ctype.h>
#include <inttypes.h>
#include <net/if.h>
#include <string.h>

#include "lib/str.h"
#include "runtime/cgroup/resources.h"

#define AT(member)     offsetof(struct sk_cgroup_resources, member)
#define MAX_DEVICE     INT32_MAX
#define MAX_CPU_PERIOD 1000000
#define MAX_RDMA       UINT32_MAX
#define MAX_DEVICE_RULE                                                                  \
	1000 /* the kernel's programs have at most a million instructions, v1 one file each */

struct field {
	const char *section, *key;
	size_t offset;
	int64_t min, max;
	bool zero_is_unset;
};

/* Sections and members as the spec names them. */
static const struct field numbers[] = {
	{"memory", "limit", AT(memory.limit), -1, INT64_MAX, true},
	{"memory", "reservation", AT(memory.reservation), -1, INT64_MAX, true},
	{"memory", "swap", AT(memory.swap), -1, INT64_MAX, true},
	{"memory", "kernel", AT(memory.kernel), -1, INT64_MAX, true},
	{"memory", "kernelTCP", AT(memory.kernel_tcp), -1, INT64_MAX, true},
	{"memory", "swappiness", AT(memory.swappiness), 0, 200, false},
	{"cpu", "shares", AT(cpu.shares), 0, INT64_MAX, true},
	{"cpu", "quota", AT(cpu.quota), -1, INT64_MAX, true},
	{"cpu", "burst", AT(cpu.burst), 0, INT64_MAX, false},
	{"cpu", "period", AT(cpu.period), 0, MAX_CPU_PERIOD, true},
	{"cpu", "realtimeRuntime", AT(cpu.rt_runtime), -1, INT64_MAX, true},
	{"cpu", "realtimePeriod", AT(cpu.rt_period), 0, INT64_MAX, true},
	{"cpu", "idle", AT(cpu.idle), 0, 1, false},
	{"pids", "limit", AT(pids_limit), -1, INT64_MAX, false},
	{"blockIO", "weight", AT(block_io.weight), 0, 1000, true},
	{"blockIO", "leafWeight", AT(block_io.leaf_weight), 0, 1000, true},
	{"network", "classID", AT(network.class_id), 0, UINT32_MAX, false},
};

static const struct field flags[] = {
	{"memory", "disableOOMKiller", AT(memory.disable_oom_killer), 0, 1, false},
	{"memory", "useHierarchy", AT(memory.use_hierarchy), 0, 1, false},
	{"memory", "checkBeforeUpdate", AT(memory.check_before_update), 0, 1, false},
};

static const struct field texts[] = {
	{"cpu", "cpus", AT(cpu.cpus), 0, 0, true},
	{"cpu", "mems", AT(cpu.mems), 0, 0, true},
};

static const struct {
	const char *key;
	enum sk_cgroup_throttle kind;
} throttles[] = {
	{"throttleReadBpsDevice", SK_CGROUP_READ_BPS},
	{"throttleWriteBpsDevice", SK_CGROUP_WRITE_BPS},
	{"throttleReadIOPSDevice", SK_CGROUP_READ_IOPS},
	{"throttleWriteIOPSDevice", SK_CGROUP_WRITE_IOPS},
};

static void free_named(struct sk_cgroup_named_list *list)
{
	for (size_t i = 0; i < list->nr; i++) {
		free(list->items[i].name);
		free(list->items[i].text);
	}
	free(list->items);
}

void sk_cgroup_resources_free(struct sk_cgroup_resources *res)
{
	if (!res)
		return;
	free(res->cpu.cpus);
	free(res->cpu.mems);
	free(res->block_io.weights.items);
	for (int i = 0; i < SK_CGROUP_THROTTLES; i++)
		free(res->block_io.throttle[i].items);
	free_named(&res->huge_pages);
	free_named(&res->network.priorities);
	free_named(&res->rdma);
	free_named(&res->unified);
	free(res->devices);
	free(res);
}

/* One value of any kind; *ret stays unset when the member is missing or means nothing. */
static int read_number(const struct sk_json *object, const char *where,
		       const struct field *field, struct sk_cgroup_number *ret,
		       struct sk_err *err)
{
	int64_t value = 0;
	int r = sk_json_read_i64(object, where, field->key, field->min, field->max,
				 &value, err);

	if (r < 0 || !sk_json_get(object, field->key) ||
	    (value == 0 && field->zero_is_unset))
		return r;
	*ret = (struct sk_cgroup_number){true, value};
	return 0;
}

static int read_flag(const struct sk_json *object, const char *where,
		     const struct field *field, struct sk_cgroup_number *ret,
		     struct sk_err *err)
{
	bool value = false;
	int r = sk_json_read_bool(object, where, field->key, &value, err);

	if (r == 0 && sk_json_get(object, field->key))
		*ret = (struct sk_cgroup_number){true, value};
	return r;
}

static int read_text(const struct sk_json *object, const char *where,
		     const struct field *field, char **ret, struct sk_err *err)
{
	const char *value = NULL;
	int r = sk_json_read_str(object, where, field->key, &value, err);

	if (r < 0 || !value || !*value)
		return r;
	if (strspn(value, "0123456789,-") != strlen(value))
		return sk_err_set(err, EINVAL, "%s.%s: '%s' is no list like '0-2,4'",
				  where, field->key, value);
	*ret = strdup(value);
	return *ret ? 0 : sk_err_oom(err);
}

/* The section of a field, and its name for errors. */
static int open_section(const struct sk_json *object, const char *where, const char *name,
			struct sk_json **ret, char path[128], struct sk_err *err)
{
	(void)snprintf(path, 128, "%s.%s", where, name);
	*ret = NULL;
	return sk_json_read_object(object, where, name, ret, err);
}

static int read_fields(const struct sk_json *object, const char *where,
		       struct sk_cgroup_resources *res, struct sk_err *err)
{
	struct sk_json *section;
	char path[128];
	int r = 0;

	for (size_t i = 0; r == 0 && i < SK_ARRAY_SIZE(numbers); i++) {
		r = open_section(object, where, numbers[i].section, &section, path, err);
		if (r == 0)
			r = read_number(section, path, &numbers[i],
					(void *)((char *)res + numbers[i].offset), err);
	}
	for (size_t i = 0; r == 0 && i < SK_ARRAY_SIZE(flags); i++) {
		r = open_section(object, where, flags[i].section, &section, path, err);
		if (r == 0)
			r = read_flag(section, path, &flags[i],
				      (void *)((char *)res + flags[i].offset), err);
	}
	for (size_t i = 0; r == 0 && i < SK_ARRAY_SIZE(texts); i++) {
		r = open_section(object, where, texts[i].section, &section, path, err);
		if (r == 0)
			r = read_text(section, path, &texts[i],
				      (void *)((char *)res + texts[i].offset), err);
	}
	return r;
}

static int need(const struct sk_json *object, const char *where, const char *key,
		struct sk_err *err)
{
	return sk_json_get(object, key)
		       ? 0
		       : sk_err_set(err, EINVAL, "%s.%s is missing", where, key);
}

static int read_device_number(const struct sk_json *item, const char *where,
			      bool is_weight, struct sk_cgroup_device_number *ret,
			      struct sk_err *err)
{
	static const struct field rate = {NULL, "rate", 0, 0, INT64_MAX, false};
	static const struct field weight = {NULL, "weight", 0, 0, 1000, true};
	static const struct field leaf = {NULL, "leafWeight", 0, 0, 1000, true};
	uint64_t major = 0, minor = 0;
	int r = need(item, where, "major", err);

	if (r == 0)
		r = need(item, where, "minor", err);
	if (r == 0)
		r = sk_json_read_u64(item, where, "major", MAX_DEVICE, &major, err);
	if (r == 0)
		r = sk_json_read_u64(item, where, "minor", MAX_DEVICE, &minor, err);
	ret->major = (uint32_t)major;
	ret->minor = (uint32_t)minor;
	if (r == 0 && !is_weight) {
		r = need(item, where, "rate", err);
		return r < 0 ? r : read_number(item, where, &rate, &ret->value, err);
	}
	if (r == 0)
		r = read_number(item, where, &weight, &ret->value, err);
	if (r == 0)
		r = read_number(item, where, &leaf, &ret->leaf, err);
	if (r == 0 && !ret->value.is_set && !ret->leaf.is_set)
		return sk_err_set(err, EINVAL, "%s has neither weight nor leafWeight",
				  where);
	return r;
}

static int read_device_numbers(const struct sk_json *section, const char *key,
			       struct sk_cgroup_device_list *ret, struct sk_err *err)
{
	struct sk_json *list = NULL;
	int r = sk_json_read_array(section, "linux.resources.blockIO", key, &list, err);

	if (r < 0 || sk_json_len(list) == 0)
		return r;
	ret->items = calloc(sk_json_len(list), sizeof(*ret->items));
	if (!ret->items)
		return sk_err_oom(err);
	for (size_t i = 0; r == 0 && i < sk_json_len(list); i++, ret->nr++)
		r = read_device_number(sk_json_at(list, i), key,
				       strcmp(key, "weightDevice") == 0, &ret->items[i],
				       err);
	return r;
}

static int read_block_io(const struct sk_json *object, const char *where,
			 struct sk_cgroup_resources *res, struct sk_err *err)
{
	struct sk_json *section;
	char path[128];
	int r = open_section(object, where, "blockIO", &section, path, err);

	if (r == 0)
		r = read_device_numbers(section, "weightDevice", &res->block_io.weights,
					err);
	for (size_t i = 0; r == 0 && i < SK_ARRAY_SIZE(throttles); i++)
		r = read_device_numbers(section, throttles[i].key,
					&res->block_io.throttle[throttles[i].kind], err);
	return r;
}

static struct sk_cgroup_named *add_named(struct sk_cgroup_named_list *list,
					 const char *name)
{
	struct sk_cgroup_named *items =
		realloc(list->items, (list->nr + 1) * sizeof(*items));

	if (!items)
		return NULL;
	list->items = items;
	items[list->nr] = (struct sk_cgroup_named){.name = strdup(name)};
	return items[list->nr].name ? &items[list->nr++] : NULL;
}

/* "2MB", "64KB", "1GB": as in the names of the kernel's files. */
static bool is_page_size(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits < 12 && text[0] != '0' && text[digits] != '\0' &&
	       strchr("KMG", text[digits]) && strcmp(text + digits + 1, "B") == 0;
}

static int read_huge_pages(const struct sk_json *object, const char *where,
			   struct sk_cgroup_resources *res, struct sk_err *err)
{
	static const struct field limit = {NULL, "limit", 0, 0, INT64_MAX, false};
	struct sk_json *list = NULL;
	int r = sk_json_read_array(object, where, "hugepageLimits", &list, err);

	for (size_t i = 0; r == 0 && i < sk_json_len(list); i++) {
		const struct sk_json *item = sk_json_at(list, i);
		struct sk_cgroup_named *named;
		const char *size = "";

		r = sk_json_read_str(item, "hugepageLimits", "pageSize", &size, err);
		if (r == 0)
			r = need(item, "hugepageLimits", "limit", err);
		if (r < 0)
			return r;
		if (!is_page_size(size))
			return sk_err_set(
				err, EINVAL,
				"%s.hugepageLimits: '%s' is no size of a huge page like '2MB'",
				where, size);
		named = add_named(&res->huge_pages, size);
		if (!named)
			return sk_err_oom(err);
		r = read_number(item, "hugepageLimits", &limit, &named->a, err);
	}
	return r;
}

static bool is_word(const char *text)
{
	for (const char *c = text; *c; c++)
		if (isspace((unsigned char)*c) || iscntrl((unsigned char)*c))
			return false;
	return *text != '\0';
}

static int read_priorities(const struct sk_json *object, const char *where,
			   struct sk_cgroup_resources *res, struct sk_err *err)
{
	static const struct field priority = {NULL, "priority", 0, 0, UINT32_MAX, false};
	struct sk_json *section, *list = NULL;
	char path[128];
	int r = open_section(object, where, "network", &section, path, err);

	if (r == 0)
		r = sk_json_read_array(section, path, "priorities", &list, err);
	for (size_t i = 0; r == 0 && i < sk_json_len(list); i++) {
		const struct sk_json *item = sk_json_at(list, i);
		struct sk_cgroup_named *named;
		const char *name = "";

		r = sk_json_read_str(item, "priorities", "name", &name, err);
		if (r == 0)
			r = need(item, "priorities", "priority", err);
		if (r < 0)
			return r;
		if (!is_word(name) || strlen(name) >= IF_NAMESIZE)
			return sk_err_set(err, EINVAL,
					  "%s.priorities: '%s' is no network interface",
					  path, name);
		named = add_named(&res->network.priorities, name);
		if (!named)
			return sk_err_oom(err);
		r = read_number(item, "priorities", &priority, &named->a, err);
	}
	return r;
}

static int read_rdma(const struct sk_json *object, const char *where,
		     struct sk_cgroup_resources *res, struct sk_err *err)
{
	static const struct field handles = {NULL, "hcaHandles", 0, 0, MAX_RDMA, false};
	static const struct field objects = {NULL, "hcaObjects", 0, 0, MAX_RDMA, false};
	const struct sk_json *value;
	struct sk_json *section;
	void *cursor = NULL;
	char path[128];
	const char *key;
	int r = open_section(object, where, "rdma", &section, path, err);

	while (r == 0 && (value = sk_json_each(section, &cursor, &key))) {
		struct sk_cgroup_named *named;

		if (!is_word(key))
			return sk_err_set(err, EINVAL, "%s: '%s' is no device", path,
					  key);
		named = add_named(&res->rdma, key);
		if (!named)
			return sk_err_oom(err);
		r = read_number(value, path, &handles, &named->a, err);
		if (r == 0)
			r = read_number(value, path, &objects, &named->b, err);
		if (r == 0 && !named->a.is_set && !named->b.is_set)
			r = sk_err_set(err, EINVAL,
				       "%s: '%s' has neither hcaHandles nor hcaObjects",
				       path, key);
	}
	return r;
}

/* The name of a file of the group itself, and none that moves or ends processes. */
static int check_file(const char *path, const char *name, struct sk_err *err)
{
	static const char *const refused[] =
		{"cgroup.procs", "cgroup.threads",	   "cgroup.kill", "cgroup.freeze",
		 "cgroup.type",	 "cgroup.subtree_control", NULL};

	if (!is_word(name) || strchr(name, '/') || name[0] == '.' || !strchr(name, '.'))
		return sk_err_set(
			err, EINVAL,
			"%s: '%s' is no file of a cgroup: it is CONTROLLER.NAME", path,
			name);
	for (size_t i = 0; refused[i]; i++)
		if (strcmp(name, refused[i]) == 0)
			return sk_err_set(
				err, EINVAL,
				"%s: '%s' is no limit; the runtime itself writes it",
				path, name);
	return 0;
}

static int read_unified(const struct sk_json *object, const char *where,
			struct sk_cgroup_resources *res, struct sk_err *err)
{
	struct sk_json *section;
	void *cursor = NULL;
	char path[128];
	const char *key;
	int r = open_section(object, where, "unified", &section, path, err);

	while (r == 0 && sk_json_each(section, &cursor, &key)) {
		struct sk_cgroup_named *named;
		const char *text = "";

		r = check_file(path, key, err);
		if (r == 0)
			r = sk_json_read_str(section, path, key, &text, err);
		if (r < 0)
			return r;
		named = add_named(&res->unified, key);
		if (!named || !(named->text = strdup(text)))
			return sk_err_oom(err);
	}
	return r;
}

static int read_access(const char *text, unsigned int *ret, struct sk_err *err)
{
	unsigned int access = 0;

	for (const char *c = text; *c; c++) {
		if (*c == 'r')
			access |= SK_CGROUP_DEVICE_READ;
		else if (*c == 'w')
			access |= SK_CGROUP_DEVICE_WRITE;
		else if (*c == 'm')
			access |= SK_CGROUP_DEVICE_MKNOD;
		else
			return sk_err_set(
				err, EINVAL,
				"linux.resources.devices: access '%s' is not made of r, w and m",
				text);
	}
	*ret = access ? access : SK_CGROUP_DEVICE_ALL;
	return 0;
}

static int read_rule(const struct sk_json *item, struct sk_cgroup_device_rule *ret,
		     struct sk_err *err)
{
	static const char where[] = "linux.resources.devices";
	const char *type = "a", *access = "";
	int r = need(item, where, "allow", err);

	ret->major = SK_CGROUP_DEVICE_ANY;
	ret->minor = SK_CGROUP_DEVICE_ANY;
	if (r == 0)
		r = sk_json_read_bool(item, where, "allow", &ret->allow, err);
	if (r == 0)
		r = sk_json_read_str(item, where, "type", &type, err);
	if (r == 0)
		r = sk_json_read_i64(item, where, "major", -1, MAX_DEVICE, &ret->major,
				     err);
	if (r == 0)
		r = sk_json_read_i64(item, where, "minor", -1, MAX_DEVICE, &ret->minor,
				     err);
	if (r == 0)
		r = sk_json_read_str(item, where, "access", &access, err);
	if (r < 0)
		return r;
	if (type[0] == '\0')
		type = "a";
	/* "u" is an unbuffered character device, as mknod(1) has it */
	if (strlen(type) != 1 || !strchr("abcu", type[0]))
		return sk_err_set(err, EINVAL, "%s: type '%s' is not one of a, b, c, u",
				  where, type);
	ret->type = type[0];
	if (ret->type == 'u')
		ret->type = 'c';
	return read_access(access, &ret->access, err);
}

static int read_rules(const struct sk_json *object, const char *where,
		      struct sk_cgroup_resources *res, struct sk_err *err)
{
	struct sk_json *list = NULL;
	int r = sk_json_read_array(object, where, "devices", &list, err);

	if (r < 0 || sk_json_len(list) == 0)
		return r;
	if (sk_json_len(list) > MAX_DEVICE_RULE)
		return sk_err_set(err, E2BIG, "%s.devices has more than %d rules", where,
				  MAX_DEVICE_RULE);
	res->devices = calloc(sk_json_len(list), sizeof(*res->devices));
	if (!res->devices)
		return sk_err_oom(err);
	for (size_t i = 0; r == 0 && i < sk_json_len(list); i++, res->nr_devices++)
		r = read_rule(sk_json_at(list, i), &res->devices[i], err);
	return r;
}

/* What the spec forbids, and what the kernel would refuse in an order that depends on the old values. */
static int check_values(struct sk_cgroup_resources *res, const char *where,
			struct sk_err *err)
{
	const struct sk_cgroup_number *limit = &res->memory.limit;
	struct sk_cgroup_number *swap = &res->memory.swap;

	if (swap->is_set && swap->value >= 0 && limit->is_set &&
	    (limit->value < 0 || swap->value < limit->value))
		return sk_err_set(
			err, EINVAL,
			"%s.memory: swap (%" PRId64
			") is memory and swap together, so not less than limit (%" PRId64
			")",
			where, swap->value, limit->value);
	if (res->cpu.burst.is_set && res->cpu.quota.is_set && res->cpu.quota.value > 0 &&
	    res->cpu.burst.value > res->cpu.quota.value)
		return sk_err_set(err, EINVAL,
				  "%s.cpu: burst (%" PRId64
				  ") is larger than quota (%" PRId64 ")",
				  where, res->cpu.burst.value, res->cpu.quota.value);
	/* no limit on memory is none on both together */
	if (limit->is_set && limit->value < 0 && !swap->is_set)
		*swap = *limit;
	return 0;
}

void sk_cgroup_resources_adapt(struct sk_cgroup_resources *res, const char *version)
{
	unsigned int major = 1, minor = 0;

	if (res->pids_limit.is_set && res->pids_limit.value == 0 &&
	    (sscanf(version, "%u.%u", &major, &minor) != 2 || (major == 1 && minor < 3)))
		res->pids_limit.value = -1;
}

int sk_cgroup_resources_from_json(const struct sk_json *object, const char *where,
				  struct sk_cgroup_resources **ret, struct sk_err *err)
{
	sk_auto(sk_cgroup_resources_free) struct sk_cgroup_resources *res =
		calloc(1, sizeof(*res));
	int r = res ? read_fields(object, where, res, err) : sk_err_oom(err);

	if (r == 0)
		r = read_block_io(object, where, res, err);
	if (r == 0)
		r = read_huge_pages(object, where, res, err);
	if (r == 0)
		r = read_priorities(object, where, res, err);
	if (r == 0)
		r = read_rdma(object, where, res, err);
	if (r == 0)
		r = read_unified(object, where, res, err);
	if (r == 0)
		r = read_rules(object, where, res, err);
	if (r == 0)
		r = check_values(res, where, err);
	if (r == 0)
		*ret = sk_steal(&res);
	return r;
}
