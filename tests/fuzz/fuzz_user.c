// SPDX-License-Identifier: Apache-2.0
/* The user of a process, resolved in hostile files
 *
 * Input: the user on the first line; /etc/passwd up to a line "--"; /etc/group.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/sandbox/child.h"
#include "tests/fuzz/fuzz.h"

static char root[] = "/dev/shm/skiff-fuzz-XXXXXX"; /* memory: written for each input */
static int root_fd = -1;

static void clean_up(void)
{
	(void)unlinkat(root_fd, "etc/passwd", 0);
	(void)unlinkat(root_fd, "etc/group", 0);
	(void)unlinkat(root_fd, "etc", AT_REMOVEDIR);
	(void)rmdir(root);
}

static void make_root(void)
{
	fuzz_must(mkdtemp(root) != NULL);
	root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fuzz_must(root_fd >= 0 && mkdirat(root_fd, "etc", 0700) == 0);
	fuzz_must(atexit(clean_up) == 0);
}

static void write_file(const char *path, const char *text, size_t len)
{
	sk_autoclose int fd =
		openat(root_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	fuzz_must(fd >= 0 && sk_fs_write_all(fd, text, len) == 0);
}

static char *cut(char *text, const char *mark)
{
	char *at = strstr(text, mark);

	if (!at)
		return text + strlen(text);
	*at = '\0';
	return at + strlen(mark);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sk_autofree char *text = fuzz_text(data, size);
	char *passwd = cut(text, "\n"), *group = cut(passwd, "--\n");
	struct sk_spec spec = {.user = text};
	struct sk_child c = {.spec = &spec};
	struct sk_err err = SK_ERR_INIT;
	uid_t before = 4242;
	int r;

	if (root_fd < 0)
		make_root();
	write_file("etc/passwd", passwd, strlen(passwd));
	write_file("etc/group", group, strlen(group));
	c.root_fd = root_fd;
	c.uid = before;
	r = sk_child_user(&c, &err);
	fuzz_must(r <= 0 && (r == 0) == (err.msg[0] == '\0'));
	if (r == 0) {
		/* -1 means "leave as it is" to setresuid(2): root would stay root */
		fuzz_must(c.uid != (uid_t)-1 && c.gid != (gid_t)-1);
		for (size_t i = 0; i < c.nr_groups; i++)
			fuzz_must(c.groups[i] != (gid_t)-1);
		/* an empty name is nobody's */
		fuzz_must(text[0] && text[0] != ':');
	}
	sk_strv_free(c.env);
	free(c.groups);
	return 0;
}
