// SPDX-License-Identifier: Apache-2.0
/* devices - device rules on cgroup v1, and the choice between v1 and v2 */
#include <fcntl.h>
#include <inttypes.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/cgroup/devices.h"
#include "runtime/cgroup/settings.h"

#define VALUE_MAX 4096
#define ANY	  SK_CGROUP_DEVICE_ANY
#define ALL	  SK_CGROUP_DEVICE_ALL

/* What each container has. Source: OCI runtime-spec, config-linux.md, "Default Devices"; runc and crun have tun too. */
static const struct sk_cgroup_device_rule defaults[] = {
	{true, 'c', ANY, ANY, SK_CGROUP_DEVICE_MKNOD},
	{true, 'b', ANY, ANY, SK_CGROUP_DEVICE_MKNOD},
	{true, 'c', 1, 3, ALL},	    /* null */
	{true, 'c', 1, 5, ALL},	    /* zero */
	{true, 'c', 1, 7, ALL},	    /* full */
	{true, 'c', 1, 8, ALL},	    /* random */
	{true, 'c', 1, 9, ALL},	    /* urandom */
	{true, 'c', 5, 0, ALL},	    /* tty */
	{true, 'c', 5, 1, ALL},	    /* console */
	{true, 'c', 5, 2, ALL},	    /* ptmx */
	{true, 'c', 10, 200, ALL},  /* net/tun */
	{true, 'c', 136, ANY, ALL}, /* pts/N */
};

static bool is_for_all(const struct sk_cgroup_device_rule *rule)
{
	return rule->type == 'a' && rule->major == ANY && rule->minor == ANY &&
	       rule->access == ALL;
}

int sk_cgroup_device_rules(const struct sk_cgroup_resources *res,
			   struct sk_cgroup_device_rule **ret, size_t *ret_nr)
{
	struct sk_cgroup_device_rule *rules;
	size_t first = 0;

	for (size_t i = 0; i < res->nr_devices; i++)
		if (is_for_all(&res->devices[i]))
			first = i;
	rules = calloc(res->nr_devices - first + SK_ARRAY_SIZE(defaults), sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	memcpy(rules, res->devices + first, (res->nr_devices - first) * sizeof(*rules));
	memcpy(rules + res->nr_devices - first, defaults, sizeof(defaults));
	*ret = rules;
	*ret_nr = res->nr_devices - first + SK_ARRAY_SIZE(defaults);
	return 0;
}

static void number(int64_t value, char ret[24])
{
	if (value == ANY)
		(void)snprintf(ret, 24, "*");
	else
		(void)snprintf(ret, 24, "%" PRId64, value);
}

void sk_cgroup_device_line(const struct sk_cgroup_device_rule *rule, char ret[64])
{
	char major[24], minor[24];

	number(rule->major, major);
	number(rule->minor, minor);
	(void)snprintf(ret, 64, "%c %s:%s %s%s%s", rule->type, major, minor,
		       rule->access & SK_CGROUP_DEVICE_READ ? "r" : "",
		       rule->access & SK_CGROUP_DEVICE_WRITE ? "w" : "",
		       rule->access & SK_CGROUP_DEVICE_MKNOD ? "m" : "");
}

/* @fds: of devices.deny and devices.allow, opened when first needed; -1 until then */
static int write_rule(const struct sk_cgroup_hier *hier, int fds[2],
		      const struct sk_cgroup_device_rule *rule, struct sk_err *err)
{
	const char *file = rule->allow ? "devices.allow" : "devices.deny";
	int *fd = &fds[rule->allow];
	char line[64];

	sk_cgroup_device_line(rule, line);
	if (*fd < 0)
		*fd = openat(hier->dirfd, file, O_WRONLY | O_CLOEXEC);
	if (*fd < 0 || write(*fd, line, strlen(line)) < 0)
		return sk_err_errno(err, "write device rule '%s' to '%s/%s'", line,
				    hier->dir, file);
	return 0;
}

/* The kernel takes any rule of type "a" for one of all devices. */
static int write_rules(const struct sk_cgroup_hier *hier, int fds[2],
		       const struct sk_cgroup_device_rule *rules, size_t nr,
		       struct sk_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < nr; i++) {
		struct sk_cgroup_device_rule rule = rules[i];

		if (rule.type != 'a' || is_for_all(&rule)) {
			r = write_rule(hier, fds, &rule, err);
			continue;
		}
		rule.type = 'c';
		r = write_rule(hier, fds, &rule, err);
		rule.type = 'b';
		if (r == 0)
			r = write_rule(hier, fds, &rule, err);
	}
	return r;
}

static int set_v1(const struct sk_cgroup_hier *hier,
		  const struct sk_cgroup_device_rule *rules, size_t nr,
		  struct sk_err *err)
{
	int fds[2] = {-1, -1};
	int r = write_rules(hier, fds, rules, nr, err);

	sk_close(&fds[0]);
	sk_close(&fds[1]);
	return r;
}

static int set_v2(const struct sk_cgroup_hier *hier,
		  const struct sk_cgroup_device_rule *rules, size_t nr, bool replace,
		  struct sk_err *err)
{
	sk_autofree struct bpf_insn *program = NULL;
	int len = sk_cgroup_device_program(rules, nr, &program);
	int r;

	if (len < 0)
		return sk_err_oom(err);
	r = sk_cgroup_device_attach(hier->dirfd, program, len, replace);
	if (r < 0)
		return sk_err_code(err, r,
				   "attach the program of %zu device rules to '%s'", nr,
				   hier->dir);
	return 0;
}

/* Root of the machine: only he has power over devices. */
static bool is_privileged(void)
{
	sk_autofree char *map = NULL;
	unsigned long inside = 1, outside = 1, len = 0;

	if (geteuid() != 0 ||
	    sk_fs_read(AT_FDCWD, "/proc/self/uid_map", VALUE_MAX, &map, NULL) < 0)
		return false;
	return sscanf(map, "%lu %lu %lu", &inside, &outside, &len) == 3 && inside == 0 &&
	       outside == 0 && len == UINT32_MAX;
}

int sk_cgroup_devices_check(const struct sk_cgroup *cg,
			    const struct sk_cgroup_resources *res, struct sk_err *err)
{
	if (res->nr_devices == 0 || cg->nr == 0 || sk_cgroup_find(cg, SK_CGROUP_DEVICES))
		return 0;
	for (unsigned int i = 0; i < cg->nr; i++)
		if (cg->hiers[i].is_v2 && !cg->hiers[i].refused)
			return 0;
	if (!is_privileged())
		return 0;
	return sk_cgroup_explain_missing(cg, SK_CGROUP_DEVICES, "devices", err);
}

int sk_cgroup_set_devices(const struct sk_cgroup *cg,
			  const struct sk_cgroup_resources *res, enum sk_cgroup_when when,
			  struct sk_err *err)
{
	const struct sk_cgroup_hier *v1 = sk_cgroup_find(cg, SK_CGROUP_DEVICES);
	const struct sk_cgroup_hier *v2 = sk_cgroup_v2(cg);
	sk_autofree struct sk_cgroup_device_rule *rules = NULL;
	size_t nr = 0;
	int r = 0;

	if (res->nr_devices == 0)
		return 0;
	if (sk_cgroup_device_rules(res, &rules, &nr) < 0)
		return sk_err_oom(err);
	if (v1)
		r = set_v1(v1, rules, nr, err);
	else if (v2)
		r = set_v2(v2, rules, nr, when == SK_CGROUP_ON_UPDATE, err);
	if ((r == -EPERM || r == -EACCES) && !is_privileged())
		return 0;
	return r;
}
