/* SPDX-License-Identifier: Apache-2.0 */
/* unpack_world - the fixture of the unpack tests: a layer, and a neighbourhood that must not change */
#ifndef SK_TEST_UNPACK_WORLD_H
#define SK_TEST_UNPACK_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "images/unpack.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "tests/unit/images/tar.h"
#include "tests/unit/tempdir.h"

/* dir/ holds layer/, which is unpacked into, and what must not change: secret, outside/. */
struct world {
	struct tempdir dir;
	int layer_fd;
	struct sk_str tar;
	struct sk_unpack_opts opts;
	struct sk_unpack_result result;
	struct sk_err err;
};

static inline int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_return_code(tempdir_make(&w->dir), errno);
	assert_int_equal(mkdirat(w->dir.fd, "layer", 0755), 0);
	assert_int_equal(mkdirat(w->dir.fd, "outside", 0755), 0);
	assert_int_equal(sk_fs_replace(w->dir.fd, "secret", "secret", 6, 0644, NULL), 0);
	w->layer_fd = openat(w->dir.fd, "layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w->opts = (struct sk_unpack_opts){.max_bytes = 1 << 20,
					  .max_entries = 1000,
					  .rootless = geteuid() != 0};
	*state = w;
	return 0;
}

static inline int tear_down(void **state)
{
	struct world *w = *state;
	sk_autofree char *secret = NULL;
	sk_auto(sk_strv_free) char **outside = NULL, **all = NULL;

	/* whatever the case was: nothing outside of the layer may have changed */
	assert_int_equal(sk_fs_read(w->dir.fd, "secret", 100, &secret, NULL), 0);
	assert_string_equal(secret, "secret");
	assert_int_equal(sk_fs_list(w->dir.fd, "outside", &outside), 0);
	assert_int_equal(sk_strv_len(outside), 0);
	assert_int_equal(sk_fs_list(w->dir.fd, ".", &all), 0);
	assert_int_equal(sk_strv_len(all), 3);
	sk_close(&w->layer_fd);
	sk_str_finish(&w->tar);
	assert_int_equal(tempdir_remove(&w->dir), 0);
	free(w);
	return 0;
}

static inline int unpack_bytes(struct world *w, const void *bytes, size_t len)
{
	sk_autoclose int fd = memfd_create("archive", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(sk_fs_write_all(fd, bytes, len), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	w->err = SK_ERR_INIT;
	return sk_unpack(fd, w->layer_fd, &w->opts, &w->result, &w->err);
}

static inline int unpack(struct world *w)
{
	tar_end(&w->tar);
	return unpack_bytes(w, w->tar.ptr, w->tar.len);
}

static inline void expect_ok(struct world *w)
{
	int r = unpack(w);

	if (r != 0)
		fail_msg("unpack: %d %s", r, w->err.msg);
}

static inline void expect_refused(struct world *w, int code, const char *text)
{
	int r = unpack(w);

	if (r != -code || !strstr(w->err.msg, text))
		fail_msg("wanted -%d '%s', got %d '%s'", code, text, r, w->err.msg);
}

#define ADD(w, kind, path, ...)                                                          \
	tar_add(&(w)->tar,                                                               \
		&(struct tar_entry){.type = (kind), .name = (path), ##__VA_ARGS__})

static inline void assert_content(struct world *w, const char *path, const char *want)
{
	sk_autofree char *text = NULL;

	assert_int_equal(sk_fs_read(w->layer_fd, path, 1 << 20, &text, NULL), 0);
	assert_string_equal(text, want);
}

static inline struct stat stat_of(struct world *w, const char *path)
{
	struct stat st;

	if (fstatat(w->layer_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		fail_msg("'%s' is not there", path);
	return st;
}

static inline void need_root(void)
{
	if (geteuid() != 0)
		skip(); /* owners, devices and trusted attributes need root */
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
