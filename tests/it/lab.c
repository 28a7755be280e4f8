// SPDX-License-Identifier: Apache-2.0
/* lab - what tests of labs and migrations share */
#include "tests/it/lab.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"

#define DEADLINE_NS (30 * SK_NS_PER_S)
#define PATIENCE_NS (10 * SK_NS_PER_MS)

void it_lab_up(struct it *it)
{
	/* Static, as a failure leaves this function and the prefix in place. */
	static bool has_kernel;
	static char net[64];
	static const char *const prefix[] = {"nsenter", net, "--", NULL};

	(void)snprintf(net, sizeof(net), "--net=/proc/%d/ns/net", (int)getppid());
	if (!has_kernel)
		it->prefix = prefix;
	it_expect(it, 0, "lab", "up", "--format", "json");
	it->prefix = NULL;
	has_kernel = true;
}

struct sk_json *it_json(const struct it *it)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_json *json = NULL;

	if (sk_json_parse(it->out, strlen(it->out), "stdout", &json, &err) < 0)
		fail_msg("%s in: %s", err.msg, it->out);
	return json;
}

double it_number(const struct sk_json *json, const char *path)
{
	return sk_json_double(sk_json_path(json, path), NAN);
}

void it_assert_text(const struct sk_json *json, const char *path, const char *wanted)
{
	assert_string_equal(sk_json_str(sk_json_path(json, path), "(none)"), wanted);
}

void it_lab_host(struct it *it, const char *name, struct it_lab_host *ret)
{
	sk_auto(sk_json_free) struct sk_json *status = NULL;
	const struct sk_json *hosts;

	it_expect(it, 0, "lab", "status", "--format", "json");
	status = it_json(it);
	hosts = sk_json_get(status, "hosts");
	for (size_t i = 0; i < sk_json_len(hosts); i++) {
		const struct sk_json *host = sk_json_at(hosts, i);

		if (strcmp(sk_json_str(sk_json_get(host, "name"), ""), name) != 0 ||
		    !sk_json_get(host, "pid"))
			continue;
		ret->pid = (pid_t)sk_json_int(sk_json_get(host, "pid"), 0);
		(void)snprintf(ret->uri, sizeof(ret->uri), "%s",
			       sk_json_str(sk_json_get(host, "uri"), ""));
		return;
	}
	fail_msg("host '%s' is not up: %s", name, it->out);
}

void it_lab_sh(struct it *it, const char *host, const char *script)
{
	it_expect(it, 0, "slice", "exec", "lab-default", host, "--", "sh", "-ec", script);
}

void it_lab_guest_on(struct it *it, const char *host)
{
	sk_auto(sk_json_free) struct sk_json *status = NULL;
	struct sk_json *guests;

	it_expect(it, 0, "lab", "status", "--format", "json");
	status = it_json(it);
	guests = sk_json_get(status, "guests");
	assert_int_equal(sk_json_len(guests), 1);
	it_assert_text(sk_json_at(guests, 0), "name", "g1");
	it_assert_text(sk_json_at(guests, 0), "host", host);
	it_assert_text(sk_json_at(guests, 0), "state", "running");
	assert_true(sk_json_bool(sk_json_get(sk_json_at(guests, 0), "answering"), false));
}

void it_await_err(struct it_job *job, const char *part)
{
	uint64_t deadline = sk_clock_mono() + DEADLINE_NS;
	char text[4096];

	do {
		ssize_t n = pread(job->err_fd, text, sizeof(text) - 1, 0);

		text[n > 0 ? n : 0] = 0;
		if (strstr(text, part))
			return;
		sk_clock_sleep_until(sk_clock_mono() + PATIENCE_NS);
	} while (sk_clock_mono() < deadline);
	fail_msg("no '%s' in: %s", part, text);
}
