/* SPDX-License-Identifier: Apache-2.0 */
/* test_images - images are imported, run, listed and removed as a user would */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "tests/it/it.h"

/* A root file system with busybox and a word in /word, as DIR/NAME.tar; its path is heap. */
static char *make_tar(struct it *it, const char *name, const char *word)
{
	static const char script[] =
		"set -e; d=$1/$2; mkdir -p $d/bin $d/tmp\n"
		"cp /bin/busybox $d/bin/; ln -sf busybox $d/bin/sh\n"
		"echo \"$3\" > $d/word; tar -C $d -czf $1/$2.tar .; rm -r $d";

	it_command(it, IT_ARGS("sh", "-c", script, "sh", it->dir, name, word));
	if (it->status != 0)
		fail_msg("make a tar: %s", it->err);
	return sk_strf("%s/%s.tar", it->dir, name);
}

static void test_an_imported_tarball_runs(void **state)
{
	struct it *it = *state;
	sk_autofree char *tar = make_tar(it, "one", "imported");

	it_expect(it, 0, "import", tar, "lab/one:1");
	it_assert_has(it->out, "lab/one:1");
	it_expect(it, 0, "run", "--rm", "lab/one:1", "/bin/busybox", "cat", "/word");
	assert_string_equal(it->out, "imported\n");
	it_expect(it, 0, "images", "--format", "{{.name}} {{.builtin}}");
	it_assert_has(it->out, "lab/one:1 false");
	it_assert_has(it->out, "@host true");
	it_expect(it, 0, "rmi", "lab/one:1");
	assert_string_equal(it->out, "lab/one:1\n");
	it_expect(it, 0, "images", "-q");
	assert_null(strstr(it->out, "lab/one"));
	assert_int_equal(unlink(tar), 0);
}

static void test_an_image_comes_through_a_pipe(void **state)
{
	struct it *it = *state;
	sk_autofree char *tar = make_tar(it, "piped", "x");
	sk_autoclose int fd = open(tar, O_RDONLY | O_CLOEXEC);
	struct it_job job;

	it_start(it, &job, fd, "import", "-", "piped", "--format", "json");
	it_finish(it, &job);
	assert_int_equal(it->status, 0);
	it_assert_has(it->out, "\"name\": \"piped\"");
	it_assert_has(it->out, "\"entries\": ");
	it_expect(it, 0, "rmi", "piped");
	assert_int_equal(unlink(tar), 0);
}

static void test_an_image_in_use_is_not_removed(void **state)
{
	struct it *it = *state;
	sk_autofree char *tar = make_tar(it, "used", "x");

	it_expect(it, 0, "import", tar, "used");
	it_expect(it, 0, "run", "-d", "--name", "holder", "used", "/bin/busybox", "sleep",
		  "600");
	it_expect(it, 2, "rmi", "used:latest");
	it_assert_has(it->err, "image 'used:latest' is in use by container 'holder'");
	it_assert_has(it->err, "hint: skiff rm --force holder");
	it_expect(it, 0, "rm", "--force", "holder");
	it_expect(it, 0, "rmi", "used");
	assert_int_equal(unlink(tar), 0);
}

static void test_what_cannot_be_imported_leaves_nothing(void **state)
{
	struct it *it = *state;

	it_expect(it, 1, "import", "/nonexistent.tar", "x");
	it_assert_has(it->err, "open '/nonexistent.tar': No such file or directory");
	it_expect(it, 1, "import", "/etc/passwd", "x");
	it_assert_has(it->err, "skiff: import '/etc/passwd' as 'x': read the archive: ");
	it_expect(it, 1, "import", "/etc/passwd", "../x");
	it_assert_has(it->err, "'../x' is not an image name");
	it_expect(it, 2, "import", "/etc/passwd");
	it_expect(it, 1, "rmi", "x", "@host");
	it_assert_has(it->err, "there is no image 'x'");
	it_assert_has(it->err, "image '@host' is built in and cannot be removed");
}

static void test_a_limit_stops_an_import(void **state)
{
	struct it *it = *state;
	sk_autofree char *tar = make_tar(it, "big", "x");

	it_expect(it, 1, "import", "--max-size", "100k", tar, "big");
	it_assert_has(it->err, "the archive unpacks to more than 100 KiB\n"
			       "hint: --max-size sets the limit\n");
	it_expect(it, 1, "import", "--max-entries", "2", tar, "big");
	it_assert_has(it->err, "the archive has more than 2 entries\n"
			       "hint: --max-entries sets the limit\n");
	assert_int_equal(unlink(tar), 0);
}

static void test_host_hides_secrets_and_can_be_written_to(void **state)
{
	struct it *it = *state;

	it_expect(it, 0, "run", "--rm", "@host", "--", "sh", "-c",
		  "cat /etc/shadow; ls -A /root; ls -A /home; ls -A /tmp;"
		  "touch /tmp/a /root/a /run/a && echo fine");
	assert_string_equal(it->out, "fine\n");
}

static void test_host_works_for_an_ordinary_user(void **state)
{
	static const char script[] =
		"d=$(mktemp -d) && chown 65534:65534 $d && cd / || exit 99\n"
		"setpriv --reuid 65534 --regid 65534 --clear-groups \"$0\" --root $d/root --runroot $d/run "
		"run --rm @host -- sh -c 'test -x /usr/bin/env; touch /tmp/a && echo fine'\n"
		"r=$?; rm -rf $d; exit $r";
	struct it *it = *state;
	sk_autofree char *skiff = sk_strf("%s/bin/skiff", it->build);

	it_need_root(it);
	it_command(it, IT_ARGS("sh", "-c", script, skiff));
	if (it->status != 0)
		fail_msg("status %d: %s", it->status, it->err);
	it_assert_has(it->out, "fine\n");
}

static void test_two_builders_of_busybox_both_run(void **state)
{
	struct it *it = *state;
	struct it_job one, two;

	it_start(it, &one, -1, "run", "--rm", "@busybox", "echo", "one");
	it_start(it, &two, -1, "run", "--rm", "@busybox", "echo", "two");
	it_finish(it, &one);
	assert_int_equal(it->status, 0);
	assert_string_equal(it->out, "one\n");
	it_finish(it, &two);
	assert_int_equal(it->status, 0);
	assert_string_equal(it->out, "two\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_two_builders_of_busybox_both_run),
		IT_TEST(test_an_imported_tarball_runs),
		IT_TEST(test_an_image_comes_through_a_pipe),
		IT_TEST(test_an_image_in_use_is_not_removed),
		IT_TEST(test_what_cannot_be_imported_leaves_nothing),
		IT_TEST(test_a_limit_stops_an_import),
		IT_TEST(test_host_hides_secrets_and_can_be_written_to),
		IT_TEST(test_host_works_for_an_ordinary_user),
	};

	return it_run_group(tests);
}
