// SPDX-License-Identifier: Apache-2.0
/* faults - what tests of migration faults share: a lab with a ticking guest, and ways to break it */
#include "tests/it/faults.h"

#include <fcntl.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"

#define DEADLINE_NS (30 * SK_NS_PER_S)
#define NAP_NS	    (50 * SK_NS_PER_MS)

void it_faults_begin(struct it *it, struct it_faults *f)
{
	*f = (struct it_faults){.it = it};
	it_need_root(it);
	it_lab_up(it);
	/* So little that each migration measures it for one second, not for five. */
	it_expect(it, 0, "lab", "load", "--pages-per-s", "300");
	it_lab_host(it, "a", &f->a);
	it_lab_host(it, "b", &f->b);
	f->dir = sk_strf("%s/results", it->dir);
	it_ticker_start(it, &f->ticker);
}

void it_faults_end(struct it_faults *f)
{
	it_ticker_stop(&f->ticker);
	it_expect(f->it, 0, "lab", "down");
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, f->dir, NULL), 0);
	free(f->dir);
}

void it_faults_start(struct it_faults *f, bool back, const char *const *words)
{
	sk_auto(sk_strv_free) char **argv = NULL;
	const char *const head[] = {"migrate",
				    "g1",
				    "--from",
				    back ? f->b.uri : f->a.uri,
				    "--to",
				    back ? f->a.uri : f->b.uri,
				    "--insecure-plaintext",
				    "--dir",
				    f->dir};

	for (size_t i = 0; i < SK_ARRAY_SIZE(head); i++)
		assert_int_equal(sk_strv_add(&argv, head[i]), 0);
	for (; *words; words++)
		assert_int_equal(sk_strv_add(&argv, *words), 0);
	it_start_argv(f->it, &f->job, -1, (const char *const *)argv);
	it_await_err(&f->job, "migrate\n");
}

static char *virsh(struct it_faults *f, const struct it_lab_host *at, const char *verb)
{
	const char *const argv[] = {"virsh", "-q", "-c",     at->uri,
				    "list",  verb, "--name", NULL};

	if (it_command(f->it, argv) != 0)
		return strdup("");
	return strdup(f->it->out);
}

static bool has(struct it_faults *f, const struct it_lab_host *at, const char *verb)
{
	sk_autofree char *names = virsh(f, at, verb);

	return strstr(names, "g1") != NULL;
}

void it_faults_await_copy(struct it_faults *f, const struct it_lab_host *at)
{
	uint64_t deadline = sk_clock_mono() + DEADLINE_NS;

	while (!has(f, at, "--all") && sk_clock_mono() < deadline)
		sk_clock_sleep_until(sk_clock_mono() + NAP_NS);
	assert_true(has(f, at, "--all"));
}

void it_faults_await_running(struct it_faults *f, const struct it_lab_host *at)
{
	uint64_t deadline = sk_clock_mono() + DEADLINE_NS;

	while (!has(f, at, "--state-running") && sk_clock_mono() < deadline)
		sk_clock_sleep_until(sk_clock_mono() + NAP_NS);
	assert_true(has(f, at, "--state-running"));
}

void it_faults_await_daemon(struct it_faults *f, const struct it_lab_host *at)
{
	const char *const argv[] = {"virsh", "-q", "-c", at->uri, "list", NULL};
	uint64_t deadline = sk_clock_mono() + DEADLINE_NS;

	while (it_command(f->it, argv) != 0 && sk_clock_mono() < deadline)
		sk_clock_sleep_until(sk_clock_mono() + NAP_NS);
	assert_int_equal(it_command(f->it, argv), 0);
}

void it_faults_hurt(struct it_faults *f, const char *host, const char *script)
{
	if (script)
		it_lab_sh(f->it, host, script);
	f->hurt_ns = sk_clock_mono();
}

void it_faults_finish(struct it_faults *f, const char *name, int status, double limit_s,
		      const char *says)
{
	int got = it_finish(f->it, &f->job);
	double took = (double)(sk_clock_mono() - f->hurt_ns) / 1e9;

	print_message("%s: %.1f s, status %d: %s\n", name, took, got, f->it->err);
	if (got != status || took > limit_s * it_slowness())
		fail_msg("%s: status %d after %.1f s, not %d within %.1f s", name, got,
			 took, status, limit_s);
	if (says)
		it_assert_has(f->it->err, says);
}

size_t it_faults_copies(struct it_faults *f)
{
	return (size_t)has(f, &f->a, "--state-running") +
	       has(f, &f->b, "--state-running");
}

void it_faults_await_on(struct it_faults *f, const char *host)
{
	const struct it_lab_host *here = *host == 'a' ? &f->a : &f->b,
				 *there = *host == 'a' ? &f->b : &f->a;
	uint64_t deadline = sk_clock_mono() + DEADLINE_NS;

	while ((!has(f, here, "--state-running") || has(f, there, "--all")) &&
	       sk_clock_mono() < deadline) {
		assert_true(it_faults_copies(f) <= 1);
		sk_clock_sleep_until(sk_clock_mono() + NAP_NS);
	}
	assert_true(has(f, here, "--state-running"));
	assert_false(has(f, there, "--all"));
}
