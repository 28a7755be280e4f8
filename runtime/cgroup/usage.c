// SPDX-License-Identifier: Apache-2.0
/* usage - what a group has used, and whether it ran out of memory */
#include <fcntl.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/cgroup/internal.h"

/* v1 writes "no limit" as the largest page count in bytes. */
#define V1_UNLIMITED (1ull << 62)

/* Value of a file that holds one number; "max" is 0. */
static bool read_number(int dirfd, const char *file, uint64_t *ret)
{
	sk_autofree char *text = NULL;
	char *end;

	if (dirfd == -1 || sk_fs_read(dirfd, file, 4096, &text, NULL) < 0)
		return false;
	*ret = strtoull(text, &end, 10);
	if (end == text)
		*ret = 0;
	return true;
}

/* Value of the line "KEY NUMBER" of a file. */
static bool read_key(int dirfd, const char *file, const char *key, uint64_t *ret)
{
	sk_autofree char *text = NULL;
	size_t len = strlen(key);

	if (dirfd == -1 || sk_fs_read(dirfd, file, 65536, &text, NULL) < 0)
		return false;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && line[len] == ' ') {
			*ret = strtoull(line + len, NULL, 10);
			return true;
		}
	}
	return false;
}

static void read_memory(const struct sk_cgroup *cg, struct sk_cgroup_usage *ret)
{
	const struct sk_cgroup_hier *hier = sk_cgroup_find(cg, SK_CGROUP_MEMORY);

	if (!hier)
		return;
	ret->memory_valid =
		read_number(hier->dirfd,
			    hier->is_v2 ? "memory.current" : "memory.usage_in_bytes",
			    &ret->memory_bytes);
	ret->peak_valid =
		read_number(hier->dirfd,
			    hier->is_v2 ? "memory.peak" : "memory.max_usage_in_bytes",
			    &ret->memory_peak_bytes);
}

static void read_cpu(const struct sk_cgroup *cg, struct sk_cgroup_usage *ret)
{
	const struct sk_cgroup_hier *v1 = sk_cgroup_find(cg, SK_CGROUP_CPUACCT);
	uint64_t us;

	if (v1) {
		ret->cpu_valid = read_number(v1->dirfd, "cpuacct.usage", &ret->cpu_ns);
	} else if (read_key(sk_cgroup_v2_fd(cg), "cpu.stat", "usage_usec", &us)) {
		ret->cpu_ns = us * 1000;
		ret->cpu_valid = true;
	}
}

int sk_cgroup_read_usage(const struct sk_cgroup *cg, struct sk_cgroup_usage *ret,
			 struct sk_err *err)
{
	const struct sk_cgroup_hier *pids = sk_cgroup_find(cg, SK_CGROUP_PIDS);
	struct sk_cgroup_usage usage = {0};

	if (pids) {
		usage.pids_valid = read_number(pids->dirfd, "pids.current", &usage.pids);
	} else {
		sk_autofree int *list = NULL;
		unsigned int len = 0;
		int r = sk_cgroup_pids(cg, &list, &len, err);

		if (r < 0)
			return r;
		usage.pids = len;
		usage.pids_valid = true;
	}
	read_memory(cg, &usage);
	read_cpu(cg, &usage);
	*ret = usage;
	return 0;
}

struct sk_json *sk_cgroup_usage_to_json(const struct sk_cgroup *cg)
{
	struct sk_json *json = sk_json_new_object();
	struct sk_cgroup_usage usage = {0};

	if (sk_cgroup_read_usage(cg, &usage, NULL) < 0)
		return json;
	if (usage.cpu_valid)
		sk_json_set_uint(json, "cpu_ns", usage.cpu_ns);
	if (usage.memory_valid)
		sk_json_set_uint(json, "memory_bytes", usage.memory_bytes);
	if (usage.peak_valid)
		sk_json_set_uint(json, "memory_peak_bytes", usage.memory_peak_bytes);
	if (usage.pids_valid)
		sk_json_set_uint(json, "pids", usage.pids);
	return json;
}

/* v1 counts in the group of the victim alone. */
static int add_kills_v1(void *ctx, int parentfd, const char *name)
{
	sk_autofree char *file = sk_strf("%s/memory.oom_control", name);
	uint64_t kills = 0, *sum = ctx;

	if (file && read_key(parentfd, file, "oom_kill", &kills))
		*sum += kills;
	return 0;
}

static void read_limit(int dirfd, bool is_v2, struct sk_cgroup_oom *oom)
{
	(void)read_number(dirfd, is_v2 ? "memory.max" : "memory.limit_in_bytes",
			  &oom->limit_bytes);
	(void)read_number(dirfd, is_v2 ? "memory.peak" : "memory.max_usage_in_bytes",
			  &oom->peak_bytes);
	if (!is_v2 && oom->limit_bytes > V1_UNLIMITED)
		oom->limit_bytes = 0;
}

int sk_cgroup_read_oom(const struct sk_cgroup *cg, struct sk_cgroup_oom *ret,
		       struct sk_err *err)
{
	const struct sk_cgroup_hier *hier = sk_cgroup_find(cg, SK_CGROUP_MEMORY);
	sk_autoclose int own = -1;
	struct sk_cgroup_oom oom = {0};
	int fd = hier ? hier->dirfd : -1, r = 0;

	/* of a group that was reopened to be entered */
	if (hier && fd < 0)
		fd = own = open(hier->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		*ret = oom;
		return 0;
	}
	if (hier->is_v2)
		(void)read_key(fd, "memory.events", "oom_kill", &oom.kills);
	else
		r = sk_cgroup_walk(hier->dir, add_kills_v1, &oom.kills);
	if (r < 0)
		return sk_err_code(err, r, "read the out-of-memory count of '%s'",
				   hier->dir);
	if (oom.kills)
		read_limit(fd, hier->is_v2, &oom);
	*ret = oom;
	return 0;
}
