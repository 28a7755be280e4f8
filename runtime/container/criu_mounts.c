// SPDX-License-Identifier: Apache-2.0
/* criu_mounts - sort a container's mounts into its own and external ones */
#include "runtime/container/criu_mounts.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/str.h"

/* struct line - What counts of one line of mountinfo; points into the line */
struct line {
	char *device, *root, *target;
};

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw" */
static bool split(char *text, struct line *ret)
{
	char *save = NULL, *fields[5];

	for (size_t i = 0; i < SK_ARRAY_SIZE(fields); i++) {
		fields[i] = strtok_r(i ? NULL : text, " ", &save);
		if (!fields[i])
			return false;
	}
	*ret = (struct line){fields[2], fields[3], fields[4]};
	return true;
}

/* Blanks and backslashes are written as \ooo. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++, to++) {
		*to = *text;
		if (text[0] != '\\' || !text[1] || !text[2] || !text[3])
			continue;
		*to = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
			     (text[3] - '0'));
		text += 3;
	}
	*to = '\0';
}

static bool shows_root(const struct line *lines, size_t nr, const char *device)
{
	for (size_t i = 0; i < nr; i++)
		if (strcmp(lines[i].device, device) == 0 &&
		    strcmp(lines[i].root, "/") == 0)
			return true;
	return false;
}

static int collect(struct line *lines, size_t nr, char ***ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < nr; i++) {
		if (strcmp(lines[i].target, "/") == 0 ||
		    shows_root(lines, nr, lines[i].device))
			continue;
		unescape(lines[i].target);
		r = sk_strv_add(ret, lines[i].target);
	}
	return r;
}

int sk_criu_external_mounts(const char *mountinfo, char ***ret)
{
	sk_auto(sk_strv_free) char **texts = sk_strv_split(mountinfo, '\n');
	sk_auto(sk_strv_free) char **found = NULL;
	sk_autofree struct line *lines = NULL;
	size_t nr = 0;
	int r;

	if (!texts)
		return -ENOMEM;
	lines = calloc(sk_strv_len(texts) + 1, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	for (char **text = texts; *text; text++)
		if (split(*text, &lines[nr]))
			nr++;
	r = collect(lines, nr, &found);
	if (r == 0)
		*ret = sk_steal(&found);
	return r;
}
