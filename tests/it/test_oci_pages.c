// SPDX-License-Identifier: Apache-2.0
/*
 * A container's memory on other ways than at once and into one folder: in several dumps, to a
 * page server, on demand.
 */
#include "tests/it/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/str.h"

#define WAIT_MS	  60000
#define PAGE_PORT "9701"

/* Bytes on the disk of the memory that a folder of images has. */
static long long memory_size(const char *dir)
{
	sk_autofree char *path = sk_strf("%s/pages-1.img", dir);
	struct stat st;

	if (stat(path, &st) < 0)
		fail_msg("'%s' has no memory: %s", dir, strerror(errno));
	return st.st_blocks * 512ll;
}

static void test_each_dump_of_a_chain_has_what_is_new(void **state)
{
	sk_auto(saved_finish) struct saved s = {0};
	struct it *it = *state;
	sk_autofree char *one = sk_strf("%s/one", it->dir);
	sk_autofree char *two = sk_strf("%s/two", it->dir);
	long long first, second;

	saved_init(it, &s, SAVED_COUNTER);
	saved_run(it, &s, "c1");
	assert_int_equal(saved_next(&s), 1);
	oci_expect(it, 0, "checkpoint", "--pre-dump", "--image-path", one, "c1");
	assert_int_equal(saved_next(&s), 2);
	oci_expect(it, 0, "checkpoint", "--pre-dump", "--parent-path", "../one",
		   "--image-path", two, "c1");
	assert_int_equal(saved_next(&s), 3);
	first = memory_size(one);
	second = memory_size(two);
	assert_true(second < first);
	saved_checkpoint(it, &s, "c1", "--parent-path", "../two", "--auto-dedup");
	assert_true(memory_size(s.images) < first);
	/* what was written again is no longer in the older ones */
	assert_true(memory_size(one) + memory_size(two) < first + second);
	oci_expect(it, 0, "delete", "--force", "c1");
	saved_restore(it, &s, "c1", NULL);
	assert_true(saved_next(&s) >= 4);
	oci_expect(it, 0, "delete", "--force", "c1");
}

static void test_memory_goes_to_a_page_server(void **state)
{
	static const char where[] =
		"ls -l \"$0\" \"$1\"; ls \"$0\" | grep -q '^pages-' && "
		"! ls \"$1\" | grep '^pages-'";
	sk_auto(saved_finish) struct saved s = {0};
	struct it *it = *state;
	sk_autofree char *remote = sk_strf("%s/remote", it->dir);

	saved_init(it, &s, SAVED_COUNTER);
	saved_run(it, &s, "c1");
	assert_int_equal(saved_next(&s), 1);
	assert_int_equal(saved_try(it, &s, "c1", "--page-server", "127.0.0.1:" PAGE_PORT),
			 1);
	it_assert_has(it->err, "Can't connect to server 127.0.0.1:" PAGE_PORT);
	oci_assert_status(it, "c1", "running");
	assert_int_equal(mkdir(remote, 0700), 0);
	assert_int_equal(it_command(it, IT_ARGS("criu", "page-server", "--daemon",
						"--address", "127.0.0.1", "--port",
						PAGE_PORT, "--images-dir", remote)),
			 0);
	saved_checkpoint(it, &s, "c1", "--page-server", "127.0.0.1:" PAGE_PORT);
	oci_expect(it, 0, "delete", "--force", "c1");
	if (it_command(it, IT_ARGS("sh", "-c", where, remote, s.images)) != 0)
		fail_msg("the memory is elsewhere: %s", it->out);
	assert_int_equal(it_command(it, IT_ARGS("sh", "-c", "mv \"$0\"/* \"$1\"", remote,
						s.images)),
			 0);
	saved_restore(it, &s, "c1", NULL);
	assert_true(saved_next(&s) >= 2);
	oci_expect(it, 0, "delete", "--force", "c1");
}

/* A checkpoint that serves memory ends when all of it was fetched. */
static int spawn_lazy_checkpoint(struct it *it, const struct saved *s, struct it_job *job)
{
	sk_autofree char *fifo = sk_strf("%s/status", it->dir);
	sk_auto(sk_strv_free) char **words =
		oci_words(it,
			  IT_ARGS("checkpoint", "--image-path", s->images, "--work-path",
				  s->work, "--lazy-pages", "--page-server",
				  "127.0.0.1:" PAGE_PORT, "--status-fd", "3", "c1"));
	sk_autofree char *line = sk_strv_join(words, " ");
	sk_autofree char *script = sk_strf("exec %s 3> %s", line, fifo);
	int fd;

	(void)unlink(fifo);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	it_spawn(job, -1, IT_ARGS("sh", "-c", script));
	return fd;
}

static void spawn_lazy_pages(const struct saved *s, struct it_job *job)
{
	sk_autofree char *sock = sk_strf("%s/lazy-pages.socket", s->work);
	uint64_t end = sk_clock_mono() + WAIT_MS * SK_NS_PER_MS;

	it_spawn(job, -1,
		 IT_ARGS("criu", "lazy-pages", "--page-server", "--address", "127.0.0.1",
			 "--port", PAGE_PORT, "--images-dir", s->images, "--work-dir",
			 s->work));
	while (access(sock, F_OK) < 0) {
		if (sk_clock_mono() > end)
			fail_msg("criu lazy-pages does not listen");
		sk_clock_sleep_until(sk_clock_mono() + 5 * SK_NS_PER_MS);
	}
}

static void test_memory_comes_on_demand(void **state)
{
	sk_auto(saved_finish) struct saved s = {0};
	struct it *it = *state;
	struct it_job checkpoint = {0}, pages = {0};
	sk_autoclose int status = -1;
	char byte = 1;

	saved_init(it, &s, SAVED_COUNTER);
	saved_run(it, &s, "c1");
	assert_int_equal(saved_next(&s), 1);
	saved_drop(&s);
	status = spawn_lazy_checkpoint(it, &s, &checkpoint);
	if (poll(&(struct pollfd){.fd = status, .events = POLLIN}, 1, WAIT_MS) != 1 ||
	    read(status, &byte, 1) != 1) {
		(void)it_finish(it, &checkpoint);
		fail_msg("checkpoint: %s", it->err);
	}
	assert_int_equal(byte, 0);
	spawn_lazy_pages(&s, &pages);
	saved_restore(it, &s, "c2", "--lazy-pages");
	assert_true(saved_next(&s) >= 2);
	assert_int_equal(it_finish(it, &pages), 0);
	assert_int_equal(it_finish(it, &checkpoint), 0);
	oci_await_status(it, "c1", "stopped");
	oci_assert_status(it, "c2", "running");
	oci_expect(it, 0, "delete", "--force", "c1");
	oci_expect(it, 0, "delete", "--force", "c2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SAVED_CASE(test_each_dump_of_a_chain_has_what_is_new),
		SAVED_CASE(test_memory_goes_to_a_page_server),
		SAVED_CASE(test_memory_comes_on_demand),
	};

	return it_run_group(tests);
}
