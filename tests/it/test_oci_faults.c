// SPDX-License-Identifier: Apache-2.0
/*
 * test_oci_faults - EIO, ENOMEM, ENOSPC or EMFILE from any system call of skiff-oci, or of the
 * container's first process before its command: it fails with an error, or the call did not
 * matter and all is done; never a hang; nothing is left
 *
 * Every 8th point, with the four errors in turn; SKIFF_POINTS=all tries each error at each,
 * SKIFF_POINTS=N every Nth.
 */
#include "tests/it/inject.h"
#include "tests/it/oci.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"

#define ID	"it-fault"
#define FOREVER "[\"sleep\",\"1000\"]"
#define WAIT_NS (10 * SK_NS_PER_S)

static const int errors[] = {EIO, ENOMEM, ENOSPC, EMFILE};

struct attack {
	const char *const *args; /* of the command that is hit */
	void (*prepare)(struct it *it, const char *bundle); /* before each; may be NULL */
	/* Whether what the command promised has been done; it exited with 0 */
	bool (*is_done)(struct it *it, const char *output);
	const char *bundle;
	unsigned int least; /* points that there must be */
};

struct tally {
	unsigned int tried, failed, harmless;
};

static char *read_output(int fd)
{
	char *text = NULL;

	assert_true(lseek(fd, 0, SEEK_SET) == 0);
	assert_int_equal(sk_fs_read_fd(fd, 1u << 20, &text, NULL), 0);
	return text;
}

static void await_no_children(const struct inject *hit)
{
	uint64_t deadline = sk_clock_mono() + WAIT_NS;

	while (it_has_children()) {
		if (sk_clock_mono() >= deadline)
			fail_msg("%s at call %u: a process is left", strerror(hit->error),
				 hit->nth);
		sk_clock_sleep_until(sk_clock_mono() + SK_NS_PER_MS);
	}
}

static void judge(struct it *it, const struct attack *attack, const struct inject *hit,
		  const char *output, struct tally *tally)
{
	sk_autofree char *where =
		sk_strf("%s from call %u (number %ld of the %s)", strerror(hit->error),
			hit->nth, hit->call, hit->is_main ? "program" : "child");

	tally->tried += hit->was_reached;
	if (hit->is_hung)
		fail_msg("%s: hangs", where);
	if (hit->status != 0) {
		tally->failed++;
		if (!*output && !hit->is_startup)
			fail_msg("%s: status %d without a word", where, hit->status);
		return;
	}
	tally->harmless++;
	if (!attack->is_done(it, output))
		fail_msg("%s: status 0, but it is not done: %s", where, output);
}

static void look(struct it *it, const struct inject *hit)
{
	sk_auto(sk_strv_free) char **names = NULL;
	sk_autofree char *records = sk_strf("%s/oci/containers", it->dir);

	oci_expect(it, 0, "delete", "--force", ID);
	await_no_children(hit);
	(void)sk_fs_list(AT_FDCWD, records, &names);
	if (sk_strv_len(names) || it_find_leftover(it))
		fail_msg("%s from call %u (number %ld): left behind: %s",
			 strerror(hit->error), hit->nth, hit->call,
			 names && *names ? *names : "see above");
}

/* Returns whether there is a call with this number. */
static bool try_one(struct it *it, const struct attack *attack, char *const *words,
		    unsigned int nth, int error, struct tally *tally)
{
	sk_autoclose int out_fd = memfd_create("output", MFD_CLOEXEC);
	struct inject hit = {.nth = nth, .error = error};
	sk_autofree char *output = NULL;

	assert_true(out_fd >= 0 && fcntl(out_fd, F_SETFL, O_APPEND) == 0);
	if (attack->prepare)
		attack->prepare(it, attack->bundle);
	inject_run(words, out_fd, &hit);
	output = read_output(out_fd);
	judge(it, attack, &hit, output, tally);
	look(it, &hit);
	return hit.was_reached;
}

static void try_all(struct it *it, const struct attack *attack)
{
	sk_auto(sk_strv_free) char **words = oci_words(it, attack->args);
	unsigned int step = inject_step(), round = 0;
	struct tally tally = {0};
	bool is_more = true;

	if (!inject_can_fail()) {
		print_message("reason: errors are injected on x86-64 only\n");
		skip();
	}
	for (unsigned int nth = 1; is_more; nth += step, round++)
		for (size_t i = 0; is_more && i < SK_ARRAY_SIZE(errors); i++)
			if (step == 1 || i == round % SK_ARRAY_SIZE(errors))
				is_more = try_one(it, attack, words, nth, errors[i],
						  &tally);
	print_message(
		"%s: points tried %u, failed %u, harmless %u, left behind 0, hung 0\n",
		attack->args[0], tally.tried, tally.failed, tally.harmless);
	assert_true(tally.tried * step >= attack->least);
}

static bool is_created(struct it *it, const char *output)
{
	(void)output;
	return oci(it, "state", ID) == 0 && strstr(it->out, "\"created\"");
}

static bool is_running(struct it *it, const char *output)
{
	(void)output;
	return oci(it, "state", ID) == 0 && strstr(it->out, "\"running\"");
}

static bool is_gone(struct it *it, const char *output)
{
	(void)output;
	return oci(it, "state", ID) == 1;
}

static bool has_run(struct it *it, const char *output)
{
	return strstr(output, "ran") && is_gone(it, output);
}

static bool has_printed(struct it *it, const char *output)
{
	(void)it;
	return strstr(output, "ran") != NULL;
}

static bool is_dead(struct it *it, const char *output)
{
	(void)output;
	oci_await_status(it, ID, "stopped");
	return true;
}

static void create(struct it *it, const char *bundle)
{
	oci_create(it, bundle, ID);
}

static void run_detached(struct it *it, const char *bundle)
{
	oci_run_detached(it, bundle, ID);
}

static void test_create(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, FOREVER);
	const char *const args[] = {"create", "-b", bundle, ID, NULL};

	it_need_root(it);
	try_all(it, &(struct attack){args, NULL, is_created, bundle, 300});
}

static void test_run(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, "[\"echo\",\"ran\"]");
	const char *const args[] = {"run", "-b", bundle, ID, NULL};

	it_need_root(it);
	try_all(it, &(struct attack){args, NULL, has_run, bundle, 300});
}

static void test_start(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, FOREVER);
	const char *const args[] = {"start", ID, NULL};

	it_need_root(it);
	try_all(it, &(struct attack){args, create, is_running, bundle, 40});
}

static void test_exec(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, FOREVER);
	const char *const args[] = {"exec", ID, "echo", "ran", NULL};

	it_need_root(it);
	try_all(it, &(struct attack){args, run_detached, has_printed, bundle, 100});
}

static void test_kill(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, FOREVER);
	const char *const args[] = {"kill", ID, "KILL", NULL};

	it_need_root(it);
	try_all(it, &(struct attack){args, run_detached, is_dead, bundle, 40});
}

static void test_delete(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, FOREVER);
	const char *const args[] = {"delete", "--force", ID, NULL};

	it_need_root(it);
	try_all(it, &(struct attack){args, run_detached, is_gone, bundle, 60});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OCI_CASE(test_create), OCI_CASE(test_run),  OCI_CASE(test_start),
		OCI_CASE(test_exec),   OCI_CASE(test_kill), OCI_CASE(test_delete),
	};

	return it_run_group(tests);
}
