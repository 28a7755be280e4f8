// SPDX-License-Identifier: Apache-2.0
/* test_initramfs - the archive has what the kernel wants to find; kernels are found and kept */
#include "migrate/guest/initramfs.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/proc.h"
#include "migrate/guest/kernel.h"
#include "tests/unit/tempdir.h"

static void put(const char *name, const char *text)
{
	sk_autoclose int fd = -1;
	sk_autofree char *parent = strdup(name);
	char *slash = strrchr(parent, '/');

	if (slash) {
		*slash = '\0';
		assert_int_equal(sk_fs_mkdirs(tempdir.fd, parent, 0755, NULL), 0);
	}
	fd = openat(tempdir.fd, name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(sk_fs_write_all(fd, text, strlen(text)), 0);
}

static void test_entry_is_as_the_format_says(void **state)
{
	static const char want[] =
		"07070100000000000081ed0000000000000000000000010000000000000002"
		"0000000000000000000000000000000000000005"
		"00000000init\0\0hi\0\0";
	sk_auto(sk_str_finish) struct sk_str archive = SK_STR_INIT;

	(void)state;
	sk_cpio_add(&archive, "init", S_IFREG | 0755, "hi", 2, 0);
	assert_int_equal(archive.len, sizeof(want) - 1);
	assert_memory_equal(archive.ptr, want, sizeof(want) - 1);
}

static void test_archive_ends_with_a_trailer_and_whole_blocks(void **state)
{
	sk_auto(sk_str_finish) struct sk_str archive = SK_STR_INIT;

	(void)state;
	sk_cpio_add(&archive, "dev", S_IFDIR | 0755, NULL, 0, 0);
	sk_cpio_end(&archive);
	assert_int_equal(archive.len % 512, 0);
	assert_non_null(memmem(archive.ptr, archive.len, "TRAILER!!!", 11));
}

/* What cpio itself makes of it; cpio is not needed otherwise. */
static void list_with_cpio(const struct sk_str *archive, char **ret)
{
	const char *const argv[] = {"cpio", "-it", "--quiet", "-F", "a.cpio", NULL};
	struct sk_proc_opts opts = {.has_cwd = true,
				    .cwd_fd = tempdir.fd,
				    .has_stdout = true};
	sk_autoclose int out = -1;
	struct sk_err err = SK_ERR_INIT;
	struct sk_proc cpio;
	int status;

	assert_int_equal(sk_fs_replace(tempdir.fd, "a.cpio", archive->ptr, archive->len,
				       0600, &err),
			 0);
	out = openat(tempdir.fd, "list", O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	opts.stdout_fd = out;
	if (sk_proc_spawn(argv, &opts, &cpio, &err) == -ENOENT)
		skip(); /* no cpio on this machine */
	assert_int_equal(sk_proc_wait(&cpio, 5000, &status, &err), 0);
	assert_int_equal(status, 0);
	assert_int_equal(sk_fs_read(tempdir.fd, "list", 1 << 16, ret, NULL), 0);
}

static void test_build_holds_init_and_the_modules_in_order(void **state)
{
	sk_auto(sk_str_finish) struct sk_str archive = SK_STR_INIT;
	sk_autofree char *init = sk_strf("%s/init-program", tempdir.path), *list = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	put("init-program", "#!");
	put("virtio_net.ko", "net");
	put("virtio_ring.ko", "ring");
	put("unrelated.ko", "not wanted");
	assert_int_equal(sk_initramfs_build(init, tempdir.fd, &archive, &err), 0);
	list_with_cpio(&archive, &list);
	assert_string_equal(list, "dev\nproc\nsys\nmodules\ndev/console\ninit\n"
				  "modules/00-virtio_ring.ko\n"
				  "modules/07-virtio_net.ko\n");
}

static void test_build_unpacks_compressed_modules(void **state)
{
	const char *const argv[] = {"xz", "virtio.ko", NULL};
	struct sk_proc_opts opts = {.has_cwd = true, .cwd_fd = tempdir.fd};
	sk_auto(sk_str_finish) struct sk_str archive = SK_STR_INIT;
	sk_autofree char *init = sk_strf("%s/init-program", tempdir.path);
	struct sk_err err = SK_ERR_INIT;
	struct sk_proc xz;
	int status;

	(void)state;
	put("init-program", "#!");
	put("virtio.ko", "plain text of the module");
	if (sk_proc_spawn(argv, &opts, &xz, &err) == -ENOENT)
		skip(); /* no xz on this machine */
	assert_int_equal(sk_proc_wait(&xz, 5000, &status, &err), 0);
	assert_int_equal(status, 0);
	assert_false(sk_fs_exists(tempdir.fd, "virtio.ko"));
	assert_int_equal(sk_initramfs_build(init, tempdir.fd, &archive, &err), 0);
	assert_non_null(memmem(archive.ptr, archive.len, "plain text of the module", 24));
	assert_non_null(memmem(archive.ptr, archive.len, "modules/01-virtio.ko", 21));
}

static void test_build_without_init_names_the_missing_file(void **state)
{
	sk_auto(sk_str_finish) struct sk_str archive = SK_STR_INIT;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_initramfs_build("/nonexistent/skiff-guest", tempdir.fd,
					    &archive, &err),
			 -ENOENT);
	assert_string_equal(err.msg,
			    "read '/nonexistent/skiff-guest': No such file or directory");
	assert_null(archive.ptr);
}

static void test_find_takes_the_newest_kernel_that_has_modules(void **state)
{
	sk_autofree char *version = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	put("boot/vmlinuz-6.1.0-9-cloud-amd64", "old");
	put("boot/vmlinuz-6.1.0-56-cloud-amd64", "new");
	put("boot/vmlinuz-6.1.0-57-cloud-amd64", "without modules");
	put("boot/vmlinuz-6.2.0-1-amd64", "of another flavour");
	put("lib/modules/6.1.0-9-cloud-amd64/kernel/net/core/failover.ko", "");
	put("usr/lib/modules/6.1.0-56-cloud-amd64/kernel/net/core/failover.ko", "f");
	assert_int_equal(sk_kernel_find(tempdir.fd, &version, &err), 0);
	assert_string_equal(version, "6.1.0-56-cloud-amd64");
}

static void test_find_in_an_empty_root_is_enoent(void **state)
{
	char *version = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_kernel_find(tempdir.fd, &version, &err), -ENOENT);
	assert_string_equal(err.msg, "no cloud kernel is installed");
	assert_null(version);
}

static void test_collect_keeps_kernel_and_needed_modules_only(void **state)
{
	sk_auto(sk_strv_free) char **names = NULL;
	sk_autofree char *all = NULL;
	sk_autoclose int to = -1;
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	put("boot/vmlinuz-6-cloud-amd64", "kernel");
	put("lib/modules/6-cloud-amd64/kernel/net/core/failover.ko", "f");
	put("lib/modules/6-cloud-amd64/kernel/drivers/net/virtio_net.ko.xz", "n");
	put("lib/modules/6-cloud-amd64/kernel/drivers/net/veth.ko", "v");
	to = sk_fs_open_dir(tempdir.fd, "to", 0700, &err);
	assert_true(to >= 0);
	assert_int_equal(sk_kernel_collect(tempdir.fd, "6-cloud-amd64", to, &err), 0);
	assert_int_equal(sk_fs_list(to, ".", &names), 0);
	all = sk_strv_join(names, " ");
	assert_string_equal(all, "failover.ko virtio_net.ko.xz vmlinuz");
}

int main(void)
{
#define IN_FOLDER(test)                                                                  \
	cmocka_unit_test_setup_teardown(test, tempdir_set_up, tempdir_tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entry_is_as_the_format_says),
		cmocka_unit_test(test_archive_ends_with_a_trailer_and_whole_blocks),
		IN_FOLDER(test_build_holds_init_and_the_modules_in_order),
		IN_FOLDER(test_build_unpacks_compressed_modules),
		IN_FOLDER(test_build_without_init_names_the_missing_file),
		IN_FOLDER(test_find_takes_the_newest_kernel_that_has_modules),
		IN_FOLDER(test_find_in_an_empty_root_is_enoent),
		IN_FOLDER(test_collect_keeps_kernel_and_needed_modules_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
