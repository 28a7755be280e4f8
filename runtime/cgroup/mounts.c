// SPDX-License-Identifier: Apache-2.0
/* mounts - which cgroup hierarchies are mounted, and where the caller's own group is in them
 *
 * Theory of operation
 *
 * 1. /proc/self/mountinfo names each mounted hierarchy with its root, /proc/self/cgroup the
 *    caller's group in each; the group's folder is the mount point plus what the group's
 *    path has more than the mount's root. Nothing is assumed about /sys/fs/cgroup.
 * 2. A controller is in one hierarchy at a time, so each is used where it is: v1, v2, or
 *    some here and some there (hybrid).
 * 3. cgroup v2 forbids processes in a group whose children have controllers ("no internal
 *    processes"), but for the machine's root group. The caller is in its own group, so its
 *    children cannot have any. skiff does not move processes that are not its own: it makes
 *    its groups beside the caller's, below the group above, which has handed on all that
 *    the caller's group has. Where that group is out of sight or not the caller's (no
 *    delegation), the controllers are marked as blocked, and a limit that needs them fails.
 */
#include <ctype.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/cgroup/internal.h"

#define MOUNTINFO_MAX (16u << 20)

static const struct {
	unsigned int bit;
	const char *name;
} controllers[] = {
	{SK_CGROUP_MEMORY, "memory"},	  {SK_CGROUP_CPU, "cpu"},
	{SK_CGROUP_CPUACCT, "cpuacct"},	  {SK_CGROUP_PIDS, "pids"},
	{SK_CGROUP_FREEZER, "freezer"},	  {SK_CGROUP_CPUSET, "cpuset"},
	{SK_CGROUP_BLKIO, "blkio"},	  {SK_CGROUP_IO, "io"},
	{SK_CGROUP_DEVICES, "devices"},	  {SK_CGROUP_NET_CLS, "net_cls"},
	{SK_CGROUP_NET_PRIO, "net_prio"}, {SK_CGROUP_PERF_EVENT, "perf_event"},
	{SK_CGROUP_HUGETLB, "hugetlb"},	  {SK_CGROUP_RDMA, "rdma"},
	{SK_CGROUP_MISC, "misc"},	  {SK_CGROUP_NAMED, "systemd"},
};

void sk_cgroup_hier_finish(struct sk_cgroup_hier *hier)
{
	free(sk_steal(&hier->mount));
	free(sk_steal(&hier->base));
	free(sk_steal(&hier->dir));
	sk_close(&hier->dirfd);
	sk_close(&hier->enter_fd);
}

const char *sk_cgroup_controller_name(unsigned int bit)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(controllers); i++)
		if (controllers[i].bit == bit)
			return controllers[i].name;
	return "?";
}

unsigned int sk_cgroup_controller_bits(const char *list)
{
	unsigned int bits = 0;

	while (*list) {
		size_t len;

		list += strncmp(list, "name=", 5) == 0 ? 5 : 0;
		len = strcspn(list, ", \n");

		for (size_t i = 0; i < SK_ARRAY_SIZE(controllers); i++)
			if (strlen(controllers[i].name) == len &&
			    memcmp(controllers[i].name, list, len) == 0)
				bits |= controllers[i].bit;
		list += len;
		list += strspn(list, ", \n");
	}
	return bits;
}

/* mountinfo writes blanks and backslashes as \ooo. */
static void unescape_octal(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && isdigit(from[1]) && isdigit(from[2]) &&
		    isdigit(from[3])) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 |
				     (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

struct mount_line {
	char *root, *point, *type, *options;
};

/* "31 23 0:28 ROOT POINT rw,relatime OPTIONAL... - TYPE SOURCE OPTIONS"; cut in place */
static bool split_mount_line(char *line, struct mount_line *ret)
{
	char *save = NULL;
	char *field = strtok_r(line, " ", &save);

	for (unsigned int i = 0; field; i++, field = strtok_r(NULL, " ", &save)) {
		if (i == 3)
			ret->root = field;
		else if (i == 4)
			ret->point = field;
		else if (i > 5 && strcmp(field, "-") == 0)
			break;
	}
	ret->type = strtok_r(NULL, " ", &save);
	if (!field || !ret->type || !strtok_r(NULL, " ", &save))
		return false;
	ret->options = strtok_r(NULL, " \n", &save);
	if (!ret->options)
		return false;
	unescape_octal(ret->root);
	unescape_octal(ret->point);
	return true;
}

/* Line "ID:LIST:PATH" of /proc/self/cgroup; v2 is the line with an empty list. */
static char *own_group(const char *self, bool is_v2, unsigned int bits)
{
	for (const char *line = self; *line;) {
		size_t len = strcspn(line, "\n");
		const char *list = memchr(line, ':', len);
		const char *path = list ? strchr(list + 1, ':') : NULL;

		if (path && path < line + len) {
			sk_autofree char *names =
				strndup(list + 1, (size_t)(path - list - 1));

			if (!names)
				return NULL;
			if (is_v2 ? !*names
				  : (sk_cgroup_controller_bits(names) & bits) != 0)
				return strndup(path + 1, len - (size_t)(path + 1 - line));
		}
		line += len;
		line += *line == '\n';
	}
	return NULL;
}

/* The folder of group @own in a mount that shows the hierarchy from @root on. */
static char *group_folder(const struct mount_line *mount, const char *own)
{
	const char *rest = own;

	if (strcmp(mount->root, "/") != 0) {
		rest = sk_str_starts(own, mount->root);
		if (!rest || (*rest && *rest != '/'))
			return NULL;
	}
	if (sk_str_starts(rest, "/.."))
		return NULL;
	return sk_strf("%s%s", mount->point, strcmp(rest, "/") == 0 ? "" : rest);
}

static int add_hier(const struct mount_line *mount, const char *self, unsigned int wanted,
		    struct sk_cgroup_hier *hiers, unsigned int *nr)
{
	bool is_v2 = strcmp(mount->type, "cgroup2") == 0;
	unsigned int bits = is_v2 ? 0 : sk_cgroup_controller_bits(mount->options);
	struct sk_cgroup_hier *hier = &hiers[*nr];
	sk_autofree char *own = NULL;

	if (*nr == SK_CGROUP_MAX_HIERS || (!is_v2 && !(bits & wanted)))
		return 0;
	for (unsigned int i = 0; i < *nr; i++)
		if (is_v2 ? hiers[i].is_v2 : (hiers[i].controllers & bits) != 0)
			return 0;
	if (self) {
		own = own_group(self, is_v2, bits);
		if (!own)
			return 0;
	}
	*hier = (struct sk_cgroup_hier){.is_v2 = is_v2,
					.controllers = bits,
					.dirfd = -1,
					.enter_fd = -1};
	hier->base = own ? group_folder(mount, own) : strdup(mount->point);
	if (!hier->base)
		return 0;
	hier->mount = strdup(mount->point);
	(void)snprintf(hier->name, sizeof(hier->name), "%s", "unified");
	if (!is_v2) {
		size_t len = 0;

		for (size_t i = 0; i < SK_ARRAY_SIZE(controllers); i++)
			if (bits & controllers[i].bit)
				len += (size_t)snprintf(hier->name + len,
							sizeof(hier->name) - len, "%s%s",
							len ? "," : "",
							controllers[i].name);
	}
	(*nr)++;
	return hier->mount ? 0 : -ENOMEM;
}

/* v2 counts CPU time and freezes in each group: v1's hierarchies for that alone cost only
 * time. Who wants more than the core has callers that read v1's figures. */
static void drop_redundant(struct sk_cgroup_hier *hiers, unsigned int *nr,
			   unsigned int wanted)
{
	bool has_v2 = false;

	if (wanted & ~SK_CGROUP_CORE)
		return;
	for (unsigned int i = 0; i < *nr; i++)
		has_v2 = has_v2 || hiers[i].is_v2;
	for (unsigned int i = 0; has_v2 && i < *nr;) {
		if (hiers[i].is_v2 ||
		    (hiers[i].controllers &
		     ~(unsigned int)(SK_CGROUP_CPUACCT | SK_CGROUP_FREEZER)) != 0) {
			i++;
			continue;
		}
		sk_cgroup_hier_finish(&hiers[i]);
		(*nr)--;
		memmove(&hiers[i], &hiers[i + 1], (*nr - i) * sizeof(hiers[i]));
	}
}

int sk_cgroup_parse_mounts(const char *mountinfo, const char *self, unsigned int wanted,
			   struct sk_cgroup_hier ret[SK_CGROUP_MAX_HIERS],
			   unsigned int *ret_nr)
{
	sk_auto(sk_strv_free) char **lines = NULL;
	unsigned int nr = 0;

	lines = sk_strv_split(mountinfo, '\n');
	if (!lines)
		return -ENOMEM;
	for (char **line = lines; *line; line++) {
		struct mount_line mount = {0};
		int r;

		if (!strstr(*line, " - cgroup") || !split_mount_line(*line, &mount))
			continue;
		if (strcmp(mount.type, "cgroup") != 0 &&
		    strcmp(mount.type, "cgroup2") != 0)
			continue;
		r = add_hier(&mount, self, wanted, ret, &nr);
		if (r < 0) {
			while (nr > 0)
				sk_cgroup_hier_finish(&ret[--nr]);
			return r;
		}
	}
	drop_redundant(ret, &nr, wanted);
	*ret_nr = nr;
	return 0;
}

static unsigned int read_bits(const char *dir, const char *file)
{
	sk_autofree char *path = sk_strf("%s/%s", dir, file);
	sk_autofree char *text = NULL;

	if (!path || sk_fs_read(AT_FDCWD, path, 4096, &text, NULL) < 0)
		return 0;
	return sk_cgroup_controller_bits(text);
}

static bool can_use(const char *dir, const char *file, int mode)
{
	sk_autofree char *path = sk_strf("%s/%s", dir, file);

	return path && faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0;
}

/* Step 3 of the theory of operation. The machine's root group has no cgroup.type. */
static int choose_v2_base(struct sk_cgroup_hier *hier, unsigned int wanted)
{
	sk_autofree char *above = NULL;
	unsigned int bits = read_bits(hier->base, "cgroup.controllers") & wanted;
	char *slash;

	hier->controllers = bits;
	hier->withheld = read_bits(hier->mount, "cgroup.controllers") & wanted & ~bits;
	if (bits == 0 || !can_use(hier->base, "cgroup.type", F_OK) ||
	    (read_bits(hier->base, "cgroup.subtree_control") & bits) == bits)
		return 0;
	hier->controllers = 0;
	hier->blocked = bits;
	if (strcmp(hier->base, hier->mount) == 0)
		return 0;
	above = strdup(hier->base);
	if (!above)
		return -ENOMEM;
	slash = strrchr(above, '/');
	*slash = '\0';
	if (!can_use(above, ".", W_OK) || !can_use(above, "cgroup.procs", W_OK))
		return 0;
	free(hier->base);
	hier->base = sk_steal(&above);
	hier->controllers = bits;
	hier->blocked = 0;
	return 0;
}

/* From the mount point: what stands in the way is found out by handing on. */
static void take_v2_mount(struct sk_cgroup_hier *hier, unsigned int wanted)
{
	hier->controllers = read_bits(hier->base, "cgroup.controllers") & wanted;
}

int sk_cgroup_detect(unsigned int wanted, bool from_mount,
		     struct sk_cgroup_hier ret[SK_CGROUP_MAX_HIERS], unsigned int *ret_nr,
		     struct sk_err *err)
{
	sk_autofree char *mountinfo = NULL;
	sk_autofree char *self = NULL;
	int r;

	*ret_nr = 0;
	r = sk_fs_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &mountinfo, NULL);
	if (r < 0)
		return sk_err_code(err, r, "read '/proc/self/mountinfo'");
	if (!from_mount)
		r = sk_fs_read(AT_FDCWD, "/proc/self/cgroup", MOUNTINFO_MAX, &self, NULL);
	if (r < 0)
		return sk_err_code(err, r, "read '/proc/self/cgroup'");
	r = sk_cgroup_parse_mounts(mountinfo, self, wanted, ret, ret_nr);
	if (r < 0)
		return sk_err_oom(err);
	for (unsigned int i = 0; i < *ret_nr; i++) {
		if (ret[i].is_v2 && from_mount)
			take_v2_mount(&ret[i], wanted);
		else if (ret[i].is_v2 && choose_v2_base(&ret[i], wanted) < 0)
			return sk_err_oom(err);
	}
	return 0;
}

enum sk_cgroup_mode sk_cgroup_mode(void)
{
	struct sk_cgroup_hier hiers[SK_CGROUP_MAX_HIERS];
	unsigned int nr = 0;
	bool has_v1 = false, has_v2 = false;

	(void)sk_cgroup_detect(SK_CGROUP_CORE, false, hiers, &nr, NULL);
	while (nr > 0) {
		nr--;
		if (hiers[nr].is_v2)
			has_v2 = true;
		else
			has_v1 = true;
		sk_cgroup_hier_finish(&hiers[nr]);
	}
	if (has_v1)
		return has_v2 ? SK_CGROUP_HYBRID : SK_CGROUP_V1;
	return has_v2 ? SK_CGROUP_V2 : SK_CGROUP_NONE;
}

const char *sk_cgroup_mode_name(enum sk_cgroup_mode mode)
{
	switch (mode) {
	case SK_CGROUP_V1:
		return "v1";
	case SK_CGROUP_HYBRID:
		return "hybrid";
	case SK_CGROUP_V2:
		return "v2";
	case SK_CGROUP_NONE:
		break;
	}
	return "none";
}
