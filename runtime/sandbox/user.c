// SPDX-License-Identifier: Apache-2.0
/* user - "name", "uid", "name:group" or "uid:gid" resolved in the container's own files
 *
 * The files are hostile: opened beneath the root, regular only, at most 1 MiB, never waited
 * for. A malformed line is passed over.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/parse.h"
#include "lib/str.h"
#include "runtime/sandbox/child.h"

#define MAX_FILE   (1u << 20)
#define MAX_GROUPS 64

static char **read_lines(int root_fd, const char *path)
{
	sk_autoclose int fd =
		sk_fs_open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	sk_autofree char *text = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    sk_fs_read_fd(fd, MAX_FILE, &text, NULL) < 0)
		return NULL;
	return sk_strv_split(text, '\n');
}

static bool parse_id(const char *text, uint32_t *ret)
{
	uint64_t number;

	if (sk_parse_u64(text, 0, UINT32_MAX - 1, &number, NULL) < 0)
		return false;
	*ret = (uint32_t)number;
	return true;
}

/* The fields of the first line whose name is @key. A number is always an id: an image may have
 * a user of the name "1000" who is root (CVE-2026-30892). */
static char **find_line(char **lines, const char *key, size_t min_fields)
{
	uint32_t want = 0, have;
	bool numeric = parse_id(key, &want);

	for (char **line = lines; line && *line; line++) {
		char **fields = sk_strv_split(*line, ':');

		if (sk_strv_len(fields) >= min_fields &&
		    (numeric ? parse_id(fields[2], &have) && have == want
			     : strcmp(fields[0], key) == 0))
			return fields;
		sk_strv_free(fields);
	}
	return NULL;
}

static void add_groups(struct sk_child *c, char **lines, const char *name)
{
	for (char **line = lines; line && *line; line++) {
		sk_auto(sk_strv_free) char **fields = sk_strv_split(*line, ':');
		sk_auto(sk_strv_free) char **members = NULL;
		uint32_t gid;

		if (sk_strv_len(fields) < 4 || !parse_id(fields[2], &gid) ||
		    gid == c->gid)
			continue;
		members = sk_strv_split(fields[3], ',');
		if (sk_strv_has(members, name) && c->nr_groups < MAX_GROUPS)
			c->groups[c->nr_groups++] = gid;
	}
}

static int set_group(struct sk_child *c, const char *group, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **lines = NULL;
	sk_auto(sk_strv_free) char **line = NULL;

	if (parse_id(group, &c->gid))
		return 0;
	lines = read_lines(c->root_fd, "/etc/group");
	line = find_line(lines, group, 3);
	if (!line || !parse_id(line[2], &c->gid))
		return sk_err_set(err, EINVAL,
				  "group '%s' is not in the container's /etc/group",
				  group);
	return 0;
}

static bool has_home(const struct sk_child *c)
{
	for (char **e = c->env; e && *e; e++)
		if (sk_str_starts(*e, "HOME="))
			return true;
	return false;
}

static int set_home(struct sk_child *c, const char *home, struct sk_err *err)
{
	if (has_home(c))
		return 0;
	if (sk_strv_addf(&c->env, "HOME=%s", home[0] == '/' ? home : "/") < 0)
		return sk_err_oom(err);
	return 0;
}

static const char *default_home(const struct sk_child *c)
{
	return c->uid == 0 ? "/root" : "/";
}

/* A number that is no id, such as -1 or 4294967296, is nobody's name either. */
static bool is_bad_number(const char *text)
{
	const char *digits = text + (text[0] == '-' || text[0] == '+');
	uint32_t id;

	return digits[0] && !digits[strspn(digits, "0123456789")] && !parse_id(text, &id);
}

static int resolve(struct sk_child *c, const char *name, const char *group,
		   struct sk_err *err)
{
	sk_auto(sk_strv_free) char **lines = read_lines(c->root_fd, "/etc/passwd");
	sk_auto(sk_strv_free) char **groups = NULL;
	sk_auto(sk_strv_free) char **line = find_line(lines, name, 7);
	bool numeric = parse_id(name, &c->uid);
	int r;

	if (line && (!parse_id(line[2], &c->uid) || !parse_id(line[3], &c->gid)))
		return sk_err_set(
			err, EINVAL,
			"the ids of user '%s' in the container's /etc/passwd are malformed",
			name);
	if (!line && !numeric)
		return sk_err_set(err, EINVAL,
				  "user '%s' is not in the container's /etc/passwd",
				  name);
	if (group) {
		r = set_group(c, group, err);
		if (r < 0)
			return r;
	} else if (line) {
		groups = read_lines(c->root_fd, "/etc/group");
		add_groups(c, groups, line[0]);
	}
	return set_home(c, line ? line[5] : default_home(c), err);
}

/* As runc and crun do it: engines that name a user by number leave it to the runtime. */
static int find_home(struct sk_child *c, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **lines = NULL;
	sk_auto(sk_strv_free) char **line = NULL;
	char number[16];

	if (has_home(c))
		return 0;
	(void)snprintf(number, sizeof(number), "%u", (unsigned int)c->uid);
	lines = read_lines(c->root_fd, "/etc/passwd");
	line = find_line(lines, number, 7);
	return set_home(c, line ? line[5] : default_home(c), err);
}

int sk_child_user(struct sk_child *c, struct sk_err *err)
{
	const struct sk_spec *spec = c->spec;
	sk_autofree char *name = NULL;
	char *group;

	c->env = sk_strv_dup(spec->env);
	c->groups = calloc(MAX_GROUPS + spec->nr_groups, sizeof(*c->groups));
	if (!c->env || !c->groups)
		return sk_err_oom(err);
	if (!spec->user) {
		c->uid = spec->uid;
		c->gid = spec->gid;
		for (size_t i = 0; i < spec->nr_groups; i++)
			c->groups[c->nr_groups++] = spec->groups[i];
		return find_home(c, err);
	}
	name = strdup(spec->user);
	if (!name)
		return sk_err_oom(err);
	group = strchr(name, ':');
	if (group)
		*group++ = '\0';
	if (!name[0] || is_bad_number(name) ||
	    (group && (!group[0] || strchr(group, ':') || is_bad_number(group))))
		return sk_err_set(err, EINVAL,
				  "user '%s' is not of the form USER[:GROUP]",
				  spec->user);
	return resolve(c, name, group, err);
}
