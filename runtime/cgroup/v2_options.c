// SPDX-License-Identifier: Apache-2.0
/* v2_options - read the mount options of cgroup v2, and put them back */
#include "runtime/cgroup/v2_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "lib/sys.h"

#define MOUNTINFO     "/proc/self/mountinfo"
#define MOUNTINFO_MAX (16u << 20)
#define TYPE	      " - cgroup2 "

/* "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate" */
static int parse_line(const char *line, const char *type, char ***ret, char **ret_point)
{
	sk_auto(sk_strv_free) char **head = sk_strv_split(line, ' ');
	const char *list = strchr(type + strlen(TYPE), ' ');
	sk_auto(sk_strv_free) char **words = sk_strv_split(list ? list + 1 : "", ',');
	sk_auto(sk_strv_free) char **options = NULL;
	sk_autofree char *point = NULL;

	if (!head || !words)
		return -ENOMEM;
	for (char **word = words; *word; word++)
		if (**word && strcmp(*word, "rw") != 0 && strcmp(*word, "ro") != 0 &&
		    sk_strv_add(&options, *word) < 0)
			return -ENOMEM;
	if (ret_point && sk_strv_len(head) > 4) {
		point = strdup(head[4]);
		if (!point)
			return -ENOMEM;
		*ret_point = sk_steal(&point);
	}
	*ret = sk_steal(&options);
	return 0;
}

int sk_cgroup_v2_parse_options(const char *mountinfo, char ***ret, char **ret_point)
{
	sk_auto(sk_strv_free) char **lines = sk_strv_split(mountinfo, '\n');

	if (!lines)
		return -ENOMEM;
	for (char **line = lines; *line; line++) {
		const char *type = strstr(*line, TYPE);

		if (type)
			return parse_line(*line, type, ret, ret_point);
	}
	*ret = NULL;
	if (ret_point)
		*ret_point = NULL;
	return 0;
}

static int read_options(char ***ret, char **ret_point, struct sk_err *err)
{
	sk_autofree char *text = NULL;
	int r = sk_fs_read(AT_FDCWD, MOUNTINFO, MOUNTINFO_MAX, &text, NULL);

	if (r == 0)
		r = sk_cgroup_v2_parse_options(text, ret, ret_point);
	return r < 0 ? sk_err_code(err, r, "read '" MOUNTINFO "'") : 0;
}

int sk_cgroup_v2_options(char ***ret, struct sk_err *err)
{
	return read_options(ret, NULL, err);
}

static bool are_equal(char *const *a, char *const *b)
{
	size_t i = 0;

	for (; a && a[i]; i++)
		if (!b || !b[i] || strcmp(a[i], b[i]) != 0)
			return false;
	return !b || !b[i];
}

int sk_cgroup_v2_put_back(char *const *options, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **now = NULL;
	sk_autofree char *point = NULL;
	sk_autoclose int fd = -1;
	int r = read_options(&now, &point, err);

	if (r < 0 || !point || are_equal(options, now))
		return r;
	fd = sk_sys_fspick(AT_FDCWD, point, FSPICK_CLOEXEC);
	for (; fd >= 0 && r == 0 && options && *options; options++)
		r = sk_sys_fsconfig(fd, FSCONFIG_SET_FLAG, *options, NULL, 0);
	if (fd < 0 || r < 0 ||
	    sk_sys_fsconfig(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return sk_err_errno(err, "put back the mount options of '%s'", point);
	return 0;
}
