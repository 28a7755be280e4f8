/* SPDX-License-Identifier: Apache-2.0 */
/* tempdir - folders that live as long as a test, for unit tests
 *
 *	cmocka_unit_test_setup_teardown(test_x, tempdir_set_up, tempdir_tear_down)
 *
 * gives a test the folder "tempdir". Fixtures with more in them hold a struct tempdir.
 */
#ifndef SK_TEST_TEMPDIR_H
#define SK_TEST_TEMPDIR_H

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"

/** struct tempdir - An empty folder of mode 0700 below /tmp, by name and descriptor */
struct tempdir {
	char path[sizeof("/tmp/skiff-test-XXXXXX")];
	int fd;
};

/** tempdir - The folder of the test that runs */
static struct tempdir tempdir = {.fd = -1};

/** tempdir_make() - Make one; 0, or -1 with errno */
static inline int tempdir_make(struct tempdir *dir)
{
	*dir = (struct tempdir){.path = "/tmp/skiff-test-XXXXXX", .fd = -1};
	if (!mkdtemp(dir->path))
		return -1;
	dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir->fd < 0 ? -1 : 0;
}

/** tempdir_remove() - Remove it with all that is in it; 0 or -errno */
static inline int tempdir_remove(struct tempdir *dir)
{
	sk_close(&dir->fd);
	return sk_fs_remove_tree(AT_FDCWD, dir->path, NULL);
}

/** tempdir_remove_empty() - Remove it; -1 with errno when something is left in it */
static inline int tempdir_remove_empty(struct tempdir *dir)
{
	sk_close(&dir->fd);
	return rmdir(dir->path);
}

/** tempdir_set_up() - Fixture: make "tempdir" */
static inline int tempdir_set_up(void **state)
{
	(void)state;
	return tempdir_make(&tempdir);
}

/** tempdir_tear_down() - Fixture: remove "tempdir" with all that is in it */
static inline int tempdir_tear_down(void **state)
{
	(void)state;
	return tempdir_remove(&tempdir);
}

/** tempdir_tear_down_empty() - Fixture: remove "tempdir", which the test must have emptied */
static inline int tempdir_tear_down_empty(void **state)
{
	(void)state;
	return tempdir_remove_empty(&tempdir);
}

#endif
