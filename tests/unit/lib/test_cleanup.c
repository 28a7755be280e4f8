// SPDX-License-Identifier: Apache-2.0
/* test_cleanup - what leaves its scope is released once, and errno is kept */
#include "lib/cleanup.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct thing {
	int value;
};

static int nr_released;

static void thing_free(struct thing *thing)
{
	nr_released += thing ? 1 : 0;
	free(thing);
	errno = EIO;
}
SK_DEFINE_AUTO(struct thing, thing_free)

static void thing_finish(struct thing *thing)
{
	nr_released += thing->value;
	errno = EIO;
}
SK_DEFINE_AUTO_FINISH(struct thing, thing_finish)

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void test_descriptor_is_closed_at_the_end_of_its_scope(void **state)
{
	int number;

	(void)state;
	{
		sk_autoclose int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		assert_true(fd >= 0);
		number = fd;
	}
	assert_false(is_open(number));
}

static void test_stolen_descriptor_stays_open(void **state)
{
	int kept;

	(void)state;
	{
		sk_autoclose int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		kept = sk_steal_fd(&fd);
		assert_int_equal(fd, -1);
	}
	assert_true(is_open(kept));
	sk_close(&kept);
	assert_int_equal(kept, -1);
	sk_close(&kept);
}

static void test_close_of_a_bad_descriptor_keeps_errno(void **state)
{
	int fd = 1000000;

	(void)state;
	errno = ENOENT;
	sk_close(&fd);
	assert_int_equal(errno, ENOENT);
}

static void test_object_is_freed_once(void **state)
{
	(void)state;
	nr_released = 0;
	errno = ENOENT;
	{
		sk_auto(thing_free) struct thing *thing = calloc(1, sizeof(*thing));
		sk_auto(thing_free) struct thing *none = NULL;

		assert_non_null(thing);
		assert_null(none);
		errno = ENOENT;
	}
	assert_int_equal(nr_released, 1);
	assert_int_equal(errno, ENOENT);
}

static void test_stolen_object_is_not_freed(void **state)
{
	struct thing *kept;

	(void)state;
	nr_released = 0;
	{
		sk_auto(thing_free) struct thing *thing = calloc(1, sizeof(*thing));

		kept = sk_steal(&thing);
		assert_null(thing);
	}
	assert_int_equal(nr_released, 0);
	assert_non_null(kept);
	free(kept);
}

static void test_object_in_own_memory_is_finished(void **state)
{
	(void)state;
	nr_released = 0;
	{
		sk_auto(thing_finish) struct thing thing = {.value = 7};

		assert_int_equal(thing.value, 7);
		errno = EAGAIN;
	}
	assert_int_equal(nr_released, 7);
	assert_int_equal(errno, EAGAIN);
}

static void test_files_and_folders_are_closed(void **state)
{
	int file_fd, dir_fd;

	(void)state;
	{
		sk_auto(sk_fclose) FILE *file = fopen("/dev/null", "re");
		sk_auto(sk_closedir) DIR *dir = opendir("/");
		sk_autofree char *memory = malloc(10);

		assert_non_null(file);
		assert_non_null(dir);
		assert_non_null(memory);
		file_fd = fileno(file);
		dir_fd = dirfd(dir);
	}
	assert_false(is_open(file_fd));
	assert_false(is_open(dir_fd));
}

static void test_array_size_counts_elements(void **state)
{
	long values[7] = {0};

	(void)state;
	(void)values;
	assert_int_equal(SK_ARRAY_SIZE(values), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descriptor_is_closed_at_the_end_of_its_scope),
		cmocka_unit_test(test_stolen_descriptor_stays_open),
		cmocka_unit_test(test_close_of_a_bad_descriptor_keeps_errno),
		cmocka_unit_test(test_object_is_freed_once),
		cmocka_unit_test(test_stolen_object_is_not_freed),
		cmocka_unit_test(test_object_in_own_memory_is_finished),
		cmocka_unit_test(test_files_and_folders_are_closed),
		cmocka_unit_test(test_array_size_counts_elements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
