/* SPDX-License-Identifier: Apache-2.0 */
/* test_image - images are resolved, built, imported, replaced, listed and removed; stages leave nothing */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "images/builtin.h"
#include "images/images.h"
#include "images/store.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "tests/unit/images/tar.h"
#include "tests/unit/tempdir.h"

struct world {
	struct tempdir dir;
	struct sk_home *home;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	sk_autofree char *root = NULL, *runroot = NULL;

	assert_non_null(w);
	assert_return_code(tempdir_make(&w->dir), errno);
	root = sk_strf("%s/root", w->dir.path);
	runroot = sk_strf("%s/run", w->dir.path);
	assert_int_equal(sk_home_open(root, runroot, &w->home, NULL), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	sk_auto(sk_strv_free) char **staging = NULL;

	/* whatever the case was: nothing half made is left */
	(void)sk_fs_list(w->home->root_fd, "images/staging", &staging);
	assert_int_equal(sk_strv_len(staging), 0);
	sk_home_free(w->home);
	assert_int_equal(tempdir_remove(&w->dir), 0);
	free(w);
	return 0;
}

static int import(struct world *w, const char *name, const char *content,
		  struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str tar = SK_STR_INIT;
	sk_autofree char *path = sk_strf("%s/x.tar", w->dir.path);
	sk_autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	tar_add(&tar, &(struct tar_entry){.type = '0', .name = "f", .content = content});
	tar_end(&tar);
	assert_int_equal(sk_fs_write_all(fd, tar.ptr, tar.len), 0);
	return sk_image_import(w->home, path, name, NULL, NULL, err);
}

static size_t count(struct world *w, const char *folder)
{
	sk_auto(sk_strv_free) char **names = NULL;

	assert_int_equal(sk_fs_list(w->home->root_fd, folder, &names), 0);
	return sk_strv_len(names);
}

static void assert_file(struct world *w, const char *image, const char *want)
{
	sk_auto(sk_image_free) struct sk_image *found = NULL;
	sk_autofree char *path = NULL, *text = NULL;

	assert_int_equal(sk_image_resolve(w->home, image, &found, NULL), 0);
	assert_int_equal(sk_strv_len(found->lowers), 1);
	path = sk_strf("%s/f", found->lowers[0]);
	assert_int_equal(sk_fs_read(AT_FDCWD, path, 100, &text, NULL), 0);
	assert_string_equal(text, want);
}

static void test_host_has_the_root_as_its_layer_and_hides_secrets(void **state)
{
	struct world *w = *state;
	sk_auto(sk_image_free) struct sk_image *image = NULL;

	assert_int_equal(sk_image_resolve(w->home, "@host", &image, NULL), 0);
	assert_string_equal(image->lowers[0], "/");
	assert_null(image->lowers[1]);
	assert_true(sk_strv_has(image->masks, "/root"));
	assert_true(sk_strv_has(image->masks, "/etc/shadow"));
	assert_true(sk_strv_has(image->masks, "/tmp"));
	assert_string_equal(image->id, "host");
	assert_string_equal(image->workdir, "/");
	for (char **m = image->masks; *m; m++)
		assert_int_equal(access(*m, F_OK), 0);
}

static void test_host_of_an_ordinary_user_has_folders_as_read_only_volumes(void **state)
{
	struct world *w = *state;
	sk_auto(sk_store_finish) struct sk_store store = SK_STORE_INIT;
	sk_auto(sk_image_free) struct sk_image *image = calloc(1, sizeof(*image));
	sk_autofree char *bin = NULL, *usr = NULL;
	struct stat st;

	assert_non_null(image);
	assert_int_equal(sk_store_open(w->home, &store, NULL), 0);
	assert_int_equal(sk_builtin_host_rootless(&store, image, NULL), 0);
	assert_true(sk_strv_has(image->volumes, "/usr:/usr:ro"));
	assert_true(sk_strv_has(image->volumes, "/etc:/etc:ro"));
	assert_false(sk_strv_has(image->volumes, "/home:/home:ro"));
	assert_false(sk_strv_has(image->volumes, "/proc:/proc:ro"));
	assert_true(sk_strv_has(image->masks, "/etc/shadow"));
	assert_int_equal(sk_strv_len(image->lowers), 1);
	usr = sk_strf("%s/usr", image->lowers[0]);
	assert_int_equal(lstat(usr, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	bin = sk_strf("%s/bin", image->lowers[0]);
	assert_int_equal(lstat(bin, &st), 0);
}

static void test_masks_are_what_exists_below_the_root(void **state)
{
	struct world *w = *state;
	sk_auto(sk_strv_free) char **masks = NULL;
	sk_autofree char *joined = NULL;
	int fd = w->home->root_fd;

	assert_int_equal(sk_fs_mkdirs(fd, "etc/ssh", 0755, NULL), 0);
	assert_int_equal(sk_fs_mkdirs(fd, "home", 0755, NULL), 0);
	assert_int_equal(mknodat(fd, "etc/shadow", S_IFREG | 0600, 0), 0);
	assert_int_equal(mknodat(fd, "etc/ssh/ssh_host_rsa_key", S_IFREG | 0600, 0), 0);
	assert_int_equal(mknodat(fd, "etc/ssh/ssh_host_rsa_key.pub", S_IFREG | 0644, 0),
			 0);
	assert_int_equal(sk_builtin_host_masks(fd, &masks, NULL), 0);
	joined = sk_strv_join(masks, " ");
	assert_string_equal(joined, "/home /etc/shadow /etc/ssh/ssh_host_rsa_key");
}

static void test_busybox_is_built_once_and_complete(void **state)
{
	struct world *w = *state;
	sk_auto(sk_image_free) struct sk_image *one = NULL, *two = NULL;
	sk_autofree char *sh = NULL, *env = NULL;
	struct sk_err err = SK_ERR_INIT;
	struct stat st;
	ino_t first;

	if (access("/bin/busybox", X_OK) < 0)
		skip(); /* busybox-static is not installed */
	if (sk_image_resolve(w->home, "@busybox", &one, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(stat(one->lowers[0], &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	first = st.st_ino;
	sh = sk_strf("%s/bin/sh", one->lowers[0]);
	assert_int_equal(access(sh, X_OK), 0);
	env = sk_strf("%s/usr/bin/env", one->lowers[0]);
	assert_int_equal(access(env, X_OK), 0);
	assert_string_equal(one->command[0], "/bin/sh");
	assert_int_equal(sk_image_resolve(w->home, "@busybox", &two, NULL), 0);
	assert_string_equal(one->lowers[0], two->lowers[0]);
	assert_int_equal(stat(two->lowers[0], &st), 0);
	assert_int_equal(st.st_ino, first);
}

static void test_builders_at_the_same_time_agree_on_one_layer(void **state)
{
	struct world *w = *state;
	pid_t pids[6];
	int status;

	if (access("/bin/busybox", X_OK) < 0)
		skip(); /* busybox-static is not installed */
	for (size_t i = 0; i < SK_ARRAY_SIZE(pids); i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct sk_image *image = NULL;

			_exit(sk_image_resolve(w->home, "@busybox", &image, NULL) == 0
				      ? 0
				      : 1);
		}
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(pids); i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	assert_int_equal(count(w, "images/layers"), 1);
}

static void test_an_imported_image_is_found_by_its_name(void **state)
{
	struct world *w = *state;
	sk_auto(sk_image_free) struct sk_image *image = NULL;

	assert_int_equal(import(w, "lab/web:latest", "one", NULL), 0);
	assert_file(w, "lab/web", "one");
	assert_file(w, "lab/web:latest", "one");
	assert_int_equal(sk_image_resolve(w->home, "lab/web", &image, NULL), 0);
	assert_int_equal(strlen(image->id), 64);
	assert_string_equal(image->command[0], "/bin/sh");
	assert_string_equal(image->workdir, "/");
	assert_non_null(strstr(image->env[0], "PATH="));
}

static void test_a_missing_image_is_answered_with_the_nearest(void **state)
{
	struct world *w = *state;
	sk_auto(sk_image_free) struct sk_image *image = NULL;
	struct sk_err err = SK_ERR_INIT;

	assert_int_equal(import(w, "debian", "x", NULL), 0);
	assert_int_equal(sk_image_resolve(w->home, "debain", &image, &err), -ENOENT);
	assert_string_equal(err.msg, "there is no image 'debain'");
	assert_string_equal(err.hint, "did you mean 'debian'?");
	assert_int_equal(sk_image_resolve(w->home, "@hots", &image, &err), -ENOENT);
	assert_string_equal(err.hint, "did you mean '@host'?");
	assert_int_equal(sk_image_resolve(w->home, "completely-other", &image, &err),
			 -ENOENT);
	assert_non_null(strstr(err.hint, "skiff import ROOTFS.tar completely-other"));
	assert_null(image);
}

static void test_a_failed_import_leaves_nothing_and_the_old_image(void **state)
{
	struct world *w = *state;
	struct sk_err err = SK_ERR_INIT;
	const struct sk_import_opts tiny = {.max_bytes = 1};
	sk_autofree char *path = sk_strf("%s/x.tar", w->dir.path);

	assert_int_equal(import(w, "web", "good", NULL), 0);
	assert_int_equal(sk_image_import(w->home, path, "web", &tiny, NULL, &err),
			 -EFBIG);
	assert_non_null(strstr(err.msg, "import '"));
	assert_non_null(
		strstr(err.msg, "as 'web': entry 'f': the archive unpacks to more than"));
	assert_file(w, "web", "good");
	assert_int_equal(count(w, "images/layers"), 1);
	assert_int_equal(sk_image_import(w->home, "/nonexistent", "web", NULL, NULL,
					 &err),
			 -ENOENT);
	assert_int_equal(sk_image_import(w->home, w->dir.path, "web", NULL, NULL, &err),
			 -EISDIR);
	assert_non_null(strstr(err.hint, "| skiff import - NAME"));
}

static void test_a_name_is_replaced_and_its_old_layer_goes_with_it(void **state)
{
	struct world *w = *state;

	assert_int_equal(import(w, "web", "one", NULL), 0);
	assert_int_equal(import(w, "web", "two", NULL), 0);
	assert_file(w, "web", "two");
	/* a container may still run on the first */
	assert_int_equal(count(w, "images/layers"), 2);
	assert_int_equal(sk_image_remove(w->home, "web", NULL), 0);
	assert_int_equal(count(w, "images/layers"), 0);
	assert_int_equal(count(w, "images/names"), 0);
}

static void test_a_layer_stays_while_another_name_needs_it(void **state)
{
	struct world *w = *state;
	struct sk_err err = SK_ERR_INIT;

	assert_int_equal(import(w, "one", "same", NULL), 0);
	assert_int_equal(import(w, "two", "same", NULL), 0);
	assert_int_equal(count(w, "images/layers"), 1);
	assert_int_equal(sk_image_remove(w->home, "one", NULL), 0);
	assert_file(w, "two", "same");
	assert_int_equal(sk_image_remove(w->home, "one", &err), -ENOENT);
	assert_string_equal(err.msg, "there is no image 'one'");
	assert_int_equal(sk_image_remove(w->home, "two", NULL), 0);
	assert_int_equal(count(w, "images/layers"), 0);
}

static void test_built_in_images_cannot_be_removed(void **state)
{
	struct world *w = *state;
	struct sk_err err = SK_ERR_INIT;

	assert_int_equal(sk_image_remove(w->home, "@busybox", &err), -EINVAL);
	assert_string_equal(err.msg,
			    "image '@busybox' is built in and cannot be removed");
}

static void test_the_list_has_built_in_and_imported_images(void **state)
{
	struct world *w = *state;
	sk_auto(sk_json_free) struct sk_json *list = NULL;
	const struct sk_json *row;

	assert_int_equal(import(w, "web:2", "12345", NULL), 0);
	assert_int_equal(sk_image_list(w->home, &list, NULL), 0);
	assert_int_equal(sk_json_len(list), 3);
	assert_string_equal(sk_json_str(sk_json_path(sk_json_at(list, 0), "name"), ""),
			    "@host");
	assert_true(sk_json_bool(sk_json_get(sk_json_at(list, 1), "builtin"), false));
	row = sk_json_at(list, 2);
	assert_string_equal(sk_json_str(sk_json_get(row, "name"), ""), "web:2");
	assert_int_equal(sk_json_int(sk_json_get(row, "size_bytes"), -1), 5);
	assert_int_equal(sk_json_int(sk_json_get(row, "layers"), -1), 1);
	assert_false(sk_json_bool(sk_json_get(row, "builtin"), true));
}

/* Kills an importer that waits for more of its archive: the next command cleans up. */
static void test_what_a_killed_import_left_is_removed_by_the_next(void **state)
{
	struct world *w = *state;
	sk_auto(sk_str_finish) struct sk_str tar = SK_STR_INIT;
	int pipes[2], status;
	pid_t pid;

	tar_add(&tar, &(struct tar_entry){.type = '0', .name = "f", .content = "x"});
	assert_int_equal(pipe2(pipes, 0), 0);
	pid = fork();
	if (pid == 0) {
		(void)dup2(pipes[0], STDIN_FILENO);
		(void)close(pipes[0]);
		(void)close(pipes[1]);
		(void)sk_image_import(w->home, "-", "half", NULL, NULL, NULL);
		_exit(1);
	}
	assert_int_equal(close(pipes[0]), 0);
	for (int i = 0; i < 2000; i++)
		assert_int_equal(sk_fs_write_all(pipes[1], tar.ptr, tar.len), 0);
	/* a pipe holds 64 KiB: the importer has read most of 2 MB, so it has a stage */
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(close(pipes[1]), 0);
	assert_int_equal(count(w, "images/staging"), 1);
	assert_int_equal(count(w, "images/names"), 0);
	assert_int_equal(count(w, "images/layers"), 0);
	assert_int_equal(import(w, "web", "x", NULL), 0);
	assert_int_equal(count(w, "images/staging"), 0);
}

static void test_a_record_that_names_a_foreign_folder_is_refused(void **state)
{
	struct world *w = *state;
	sk_auto(sk_image_free) struct sk_image *image = NULL;
	sk_autoclose int names = -1;
	struct sk_err err = SK_ERR_INIT;
	static const char evil[] = "{\"id\":\"x\",\"layers\":[\"../../../etc\"]}";

	assert_int_equal(import(w, "web", "x", NULL), 0);
	names = openat(w->home->root_fd, "images/names",
		       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(sk_fs_replace(names, "web.json", evil, strlen(evil), 0600, NULL),
			 0);
	assert_int_equal(sk_image_resolve(w->home, "web", &image, &err), -EINVAL);
	assert_string_equal(err.msg,
			    "image 'web': its record names a layer '../../../etc'");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_host_has_the_root_as_its_layer_and_hides_secrets),
		CASE(test_host_of_an_ordinary_user_has_folders_as_read_only_volumes),
		CASE(test_masks_are_what_exists_below_the_root),
		CASE(test_busybox_is_built_once_and_complete),
		CASE(test_builders_at_the_same_time_agree_on_one_layer),
		CASE(test_an_imported_image_is_found_by_its_name),
		CASE(test_a_missing_image_is_answered_with_the_nearest),
		CASE(test_a_failed_import_leaves_nothing_and_the_old_image),
		CASE(test_a_name_is_replaced_and_its_old_layer_goes_with_it),
		CASE(test_a_layer_stays_while_another_name_needs_it),
		CASE(test_built_in_images_cannot_be_removed),
		CASE(test_the_list_has_built_in_and_imported_images),
		CASE(test_what_a_killed_import_left_is_removed_by_the_next),
		CASE(test_a_record_that_names_a_foreign_folder_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
