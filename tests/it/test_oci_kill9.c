// SPDX-License-Identifier: Apache-2.0
/*
 * test_oci_kill9 - kill -9 before any system call of skiff-oci, or of the container's first
 * process before its command: `delete --force` leaves no process, cgroup, mount or file
 *
 * Every 8th point; SKIFF_POINTS=all tries each, SKIFF_POINTS=N every Nth.
 */
#include "tests/it/inject.h"
#include "tests/it/oci.h"

#include <fcntl.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"

#define ID	"it-kill9"
#define FOREVER "[\"sleep\",\"1000\"]"
#define WAIT_NS (10 * SK_NS_PER_S)

struct attack {
	const char *const *args; /* of the command that is killed */
	void (*prepare)(struct it *it, const char *bundle); /* before each; may be NULL */
	const char *bundle;
	unsigned int
		least; /* points that there must be, so that nothing is tried in vain */
};

static void await_no_children(unsigned int nth)
{
	uint64_t deadline = sk_clock_mono() + WAIT_NS;

	while (it_has_children()) {
		if (sk_clock_mono() >= deadline)
			fail_msg("killed at call %u: a process is left", nth);
		sk_clock_sleep_until(sk_clock_mono() + SK_NS_PER_MS);
	}
}

static void mend_and_look(struct it *it, const struct inject *hit)
{
	sk_auto(sk_strv_free) char **names = NULL;
	sk_autofree char *records = sk_strf("%s/oci/containers", it->dir);

	if (oci(it, "delete", "--force", ID) != 0)
		fail_msg("killed at call %u (number %ld of the %s): delete: %s", hit->nth,
			 hit->call, hit->is_main ? "program" : "child", it->err);
	await_no_children(hit->nth);
	(void)sk_fs_list(AT_FDCWD, records, &names);
	if (sk_strv_len(names) || it_find_leftover(it))
		fail_msg("killed at call %u (number %ld of the %s): left behind: %s",
			 hit->nth, hit->call, hit->is_main ? "program" : "child",
			 names && *names ? *names : "see above");
}

static void try_all(struct it *it, const struct attack *attack)
{
	sk_auto(sk_strv_free) char **words = oci_words(it, attack->args);
	sk_autoclose int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct inject hit = {.was_reached = true};
	unsigned int nr = 0;

	for (unsigned int nth = 1; hit.was_reached; nth += inject_step()) {
		if (attack->prepare)
			attack->prepare(it, attack->bundle);
		hit = (struct inject){.nth = nth};
		inject_run(words, null_fd, &hit);
		if (hit.is_hung)
			fail_msg("killed at call %u: the rest hangs", nth);
		mend_and_look(it, &hit);
		nr += hit.was_reached;
	}
	print_message("%s: points tried %u, left behind 0\n", attack->args[0], nr);
	assert_true(nr * inject_step() >= attack->least);
}

static void test_create(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, FOREVER);
	const char *const args[] = {"create", "-b", bundle, ID, NULL};

	it_need_root(it);
	try_all(it, &(struct attack){args, NULL, bundle, 300});
}

/* A process that exists for its id maps alone belongs to no group and to no record. */
static void test_create_with_id_maps_of_a_mount(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, FOREVER);
	sk_autofree char *mount =
		sk_strf("{\"destination\":\"/m\",\"source\":\"%s\",\"options\":["
			"\"bind\",\"idmap=uids=0-1000-1;gids=0-1000-1\"]}",
			it->dir);
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);
	const char *const args[] = {"create", "-b", bundle, ID, NULL};

	it_need_root(it);
	(void)sk_json_add(sk_json_get(config, "mounts"), oci_json(mount));
	oci_save(bundle, config);
	try_all(it, &(struct attack){args, NULL, bundle, 300});
}

static void test_run(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, "[\"true\"]");
	const char *const args[] = {"run", "-b", bundle, ID, NULL};

	it_need_root(it);
	try_all(it, &(struct attack){args, NULL, bundle, 300});
}

static void test_detached_run(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, FOREVER);
	const char *const args[] = {"run", "-d", "-b", bundle, ID, NULL};

	it_need_root(it);
	try_all(it, &(struct attack){args, NULL, bundle, 300});
}

static void create(struct it *it, const char *bundle)
{
	oci_create(it, bundle, ID);
}

static void test_start(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, FOREVER);
	const char *const args[] = {"start", ID, NULL};

	it_need_root(it);
	try_all(it, &(struct attack){args, create, bundle, 40});
}

static void run_detached(struct it *it, const char *bundle)
{
	oci_run_detached(it, bundle, ID);
}

static void test_exec(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, FOREVER);
	const char *const args[] = {"exec", ID, "true", NULL};

	it_need_root(it);
	try_all(it, &(struct attack){args, run_detached, bundle, 100});
}

static void test_kill(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, FOREVER);
	const char *const args[] = {"kill", "--all", ID, "KILL", NULL};

	it_need_root(it);
	try_all(it, &(struct attack){args, run_detached, bundle, 40});
}

static void test_delete(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, FOREVER);
	const char *const args[] = {"delete", "--force", ID, NULL};

	it_need_root(it);
	try_all(it, &(struct attack){args, run_detached, bundle, 60});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OCI_CASE(test_create),
		OCI_CASE(test_run),
		OCI_CASE(test_detached_run),
		OCI_CASE(test_start),
		OCI_CASE(test_exec),
		OCI_CASE(test_kill),
		OCI_CASE(test_delete),
		OCI_CASE(test_create_with_id_maps_of_a_mount),
	};

	return it_run_group(tests);
}
