// SPDX-License-Identifier: Apache-2.0
/* test_migrate_killed - kill -9 at many moments of a pre-copy: the next command mends */
#include <signal.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "tests/it/faults.h"

#define MOMENTS 12
#define STEP_NS (300 * SK_NS_PER_MS)

/* Where the guest is by the next command, which also tells. */
static bool is_on_a(struct it_faults *f)
{
	sk_auto(sk_json_free) struct sk_json *status = NULL;
	struct sk_json *guests;

	it_expect(f->it, 0, "lab", "status", "--format", "json");
	status = it_json(f->it);
	guests = sk_json_get(status, "guests");
	assert_int_equal(sk_json_len(guests), 1);
	return strcmp(sk_json_str(sk_json_path(sk_json_at(guests, 0), "host"), ""),
		      "a") == 0;
}

static void test_kill_at_any_moment_leaves_one_guest_and_the_next_command_tells(
	void **state)
{
	static struct it_faults f; /* of a case that failed the thread still uses it */
	bool on_a = true;
	int moved = 0;

	it_faults_begin(*state, &f);
	for (unsigned int i = 0; i < MOMENTS; i++) {
		bool was_on_a = on_a;

		it_faults_start(&f, !on_a, IT_ARGS("--bandwidth", "512mbit"));
		/* The moment itself is what is varied: there is no event to wait for. */
		sk_clock_sleep_until(sk_clock_mono() + i * STEP_NS);
		assert_int_equal(kill(f.job.proc.pid, SIGKILL), 0);
		(void)it_finish(f.it, &f.job);
		on_a = is_on_a(&f);
		moved += on_a != was_on_a;
		if (f.it->err[0])
			it_assert_has(f.it->err, "guest 'g1'");
		it_faults_await_on(&f, on_a ? "a" : "b");
		(void)it_ticker_await(&f.ticker, 5);
		it_expect(f.it, 0, "migrate", "status", "--format", "json");
		assert_string_equal(f.it->out, "[]\n");
	}
	print_message("killed %d times: %d moved all the same\n", MOMENTS, moved);
	it_faults_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_kill_at_any_moment_leaves_one_guest_and_the_next_command_tells),
	};

	return it_run_group(tests);
}
