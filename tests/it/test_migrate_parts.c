// SPDX-License-Identifier: Apache-2.0
/* test_migrate_parts - what the client's downtime consists of, in migrations of a lab's guest */
#include <fcntl.h>
#include <math.h>

#include "lib/fs.h"
#include "lib/json.h"
#include "lib/str.h"
#include "tests/it/lab.h"

static const struct sk_json *find_part(const struct sk_json *run, const char *name)
{
	const struct sk_json *parts = sk_json_get(run, "decomposition");

	for (size_t i = 0; i < sk_json_len(parts); i++)
		if (sk_str_equal(sk_json_str(sk_json_get(sk_json_at(parts, i), "part"),
					     NULL),
				 name))
			return sk_json_at(parts, i);
	fail_msg("there is no part '%s'", name);
	return NULL;
}

/* What is known of a part; 0 otherwise. */
static double part(const struct sk_json *run, const char *name)
{
	return sk_json_double(sk_json_get(find_part(run, name), "ms"), 0);
}

static void assert_parts_are_the_whole(const struct sk_json *run)
{
	const struct sk_json *parts = sk_json_get(run, "decomposition");
	double sum = 0;

	assert_true(sk_json_len(parts) > 0);
	for (size_t i = 0; i < sk_json_len(parts); i++) {
		const struct sk_json *one = sk_json_at(parts, i);
		double ms = sk_json_double(sk_json_get(one, "ms"), 0);

		print_message("  %-9s %9.3f ms: %s\n",
			      sk_json_str(sk_json_get(one, "part"), "?"), ms,
			      sk_json_str(sk_json_get(one, "how"), "?"));
		assert_true(ms >= 0);
		sum += ms;
	}
	assert_true(fabs(sum - it_number(run, "downtime_ms.client")) < 1e-5);
}

static void assert_page_shows_parts(const char *dir)
{
	static const char *const wanted[] = {"of the client&#39;s outage", "part-stop",
					     "How it was measured",
					     "its parallelism (TLP)",
					     "Clock offsets of the hosts"};
	sk_autofree char *path = sk_strf("%s/report.html", dir);
	sk_autofree char *page = NULL;

	assert_int_equal(sk_fs_read(AT_FDCWD, path, 16u << 20, &page, NULL), 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(wanted); i++)
		it_assert_has(page, wanted[i]);
}

static struct sk_json *migrate(struct it *it, const char *mode, const char *to)
{
	sk_autofree char *dir = sk_strf("%s/results-%s", it->dir, mode);
	sk_autofree char *file = NULL;
	struct sk_err err = SK_ERR_INIT;
	struct sk_json *run = NULL;

	it_expect(it, 0, "migrate", "g1", "--to", to, "--mode", mode, "--bandwidth",
		  "128mbit", "--dir", dir);
	it_assert_has(it->out, "\n of it      ");
	it_assert_has(it->out, "\n service    iterative, ");
	it_assert_has(it->out, ", parallelism ");
	it_assert_has(it->out, "\n clocks     ");
	file = sk_strf("%s/run.json", dir);
	if (sk_json_load(AT_FDCWD, file, &run, &err) < 0)
		fail_msg("%s", err.msg);
	print_message("%s: client %.0f ms, vCPU %.0f ms\n", mode,
		      it_number(run, "downtime_ms.client"),
		      it_number(run, "downtime_ms.vcpu"));
	it_assert_text(run, "mode.proven", mode);
	assert_parts_are_the_whole(run);
	assert_page_shows_parts(dir);
	/* Whatever the mode, the service was asked, and QEMU told what it sent. */
	assert_true(it_number(run, "service.served") > 1000);
	assert_true(it_number(run, "service.tlp") > 0);
	it_assert_text(run, "service.model", "iterative");
	/* Removed here, as the world looks for leftovers. */
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, dir, NULL), 0);
	return run;
}

/* QEMU is asked between its last byte and its end; when libvirt was faster there is a reason. */
static bool knows_bytes(const struct sk_json *run)
{
	const char *why = sk_json_str(sk_json_path(run, "memory.phases_why"), NULL);

	if (why)
		print_message("  bytes by phase: %s\n", why);
	return !why;
}

static void test_outages_have_their_causes(void **state)
{
	struct it *it = *state;
	sk_auto(sk_json_free) struct sk_json *run = NULL;
	double waits;

	it_need_root(it);
	it_lab_up(it);
	it_expect(it, 0, "lab", "load", "--working-set", "64m", "--pages-per-s", "2000");
	run = migrate(it, "post-copy", "b");
	/* The second monitor was there, and switched on in time. */
	assert_true(it_number(run, "blocktime.ms") > 0);
	assert_true(sk_json_double(sk_json_at(sk_json_path(run, "blocktime.vcpu_ms"), 0),
				   0) > 0);
	waits = part(run, "faults") + part(run, "queue");
	assert_true(part(run, "faults") > 0);
	assert_true(part(run, "queue") > 0);
	/* That, and not the stop, is what clients feel; what the machine's own load adds aside. */
	assert_true(waits > part(run, "stop"));
	assert_true(waits > 0.5 * (it_number(run, "downtime_ms.client") -
				   part(run, "busy") - part(run, "rest")));
	assert_true(part(run, "rest") < 0.5 * it_number(run, "downtime_ms.client"));
	if (knows_bytes(run))
		assert_true(it_number(run, "memory.postcopy_bytes") >
			    it_number(run, "memory.precopy_bytes"));

	sk_json_free(sk_steal(&run));
	run = migrate(it, "stop-and-copy", "a");
	assert_null(sk_json_get(run, "blocktime"));
	assert_true(part(run, "faults") == 0);
	assert_true(part(run, "queue") == 0);
	assert_true(part(run, "stop") + part(run, "announce") >
		    0.8 * (it_number(run, "downtime_ms.client") - part(run, "busy")));
	assert_non_null(sk_json_get(find_part(run, "announce"), "ms"));

	sk_json_free(sk_steal(&run));
	run = migrate(it, "pre-copy", "b");
	assert_true(part(run, "faults") == 0);
	assert_true(part(run, "queue") == 0);
	/* The longest outage may be one before the stop: then all of it is. */
	assert_true(part(run, "stop") > 0 ||
		    fabs(part(run, "before") + part(run, "setup") -
			 it_number(run, "downtime_ms.client")) < 1e-5);
	if (knows_bytes(run)) {
		assert_true(it_number(run, "memory.precopy_bytes") >
			    it_number(run, "memory.downtime_bytes"));
		assert_true(it_number(run, "memory.postcopy_bytes") == 0);
	}
	it_expect(it, 0, "lab", "down");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_outages_have_their_causes),
	};

	return it_run_group(tests);
}
