// SPDX-License-Identifier: Apache-2.0
/* slice - what the tests of slices share */
#include "tests/it/slice.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "lib/sys.h"

#define AWAIT_NS (30 * SK_NS_PER_S)
#define POLL_NS	 (10 * SK_NS_PER_MS)

char *slice_write(const struct it *it, const char *text)
{
	char *path = sk_strf("%s/slice.yaml", it->dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(sk_fs_write_all(fd, text, strlen(text)), 0);
	(void)close(fd);
	return path;
}

void slice_apply(struct it *it, const char *text)
{
	sk_autofree char *path = slice_write(it, text);

	it_expect(it, 0, "slice", "apply", path);
}

struct sk_json *slice_show(struct it *it, const char *name)
{
	struct sk_json *json = NULL;
	struct sk_err err = SK_ERR_INIT;

	it_expect(it, 0, "slice", "show", "--format", "json", name);
	if (sk_json_parse(it->out, strlen(it->out), "show", &json, &err) < 0)
		fail_msg("%s", err.msg);
	return json;
}

struct sk_json *slice_sliver(const struct sk_json *slice, const char *node)
{
	const struct sk_json *slivers = sk_json_get(slice, "slivers");

	for (size_t i = 0; i < sk_json_len(slivers); i++)
		if (strcmp(sk_json_str(sk_json_path(sk_json_at(slivers, i), "name"), ""),
			   node) == 0)
			return sk_json_at(slivers, i);
	fail_msg("no node '%s'", node);
	return NULL;
}

int slice_pid(struct it *it, const char *name, const char *node)
{
	sk_auto(sk_json_free) struct sk_json *slice = slice_show(it, name);
	int pid = (int)sk_json_int(sk_json_get(slice_sliver(slice, node), "pid"), 0);

	assert_true(pid > 0);
	return pid;
}

int slice_await_exit(struct it *it, const char *name, const char *node)
{
	uint64_t deadline = sk_clock_mono() + AWAIT_NS;

	for (;;) {
		sk_auto(sk_json_free) struct sk_json *slice = slice_show(it, name);
		const struct sk_json *code =
			sk_json_get(slice_sliver(slice, node), "exit_code");

		if (code)
			return (int)sk_json_int(code, -1);
		if (sk_clock_mono() > deadline)
			fail_msg("node '%s' does not end", node);
		sk_clock_sleep_until(sk_clock_mono() + POLL_NS);
	}
}

bool slice_has_state(const struct it *it, const char *name)
{
	sk_autofree char *root = sk_strf("%s/slices/%s", it->root, name);
	sk_autofree char *run = sk_strf("%s/slices/%s", it->runroot, name);

	return sk_fs_exists(AT_FDCWD, root) || sk_fs_exists(AT_FDCWD, run);
}

void slice_await_gone(const struct it *it, const char *name)
{
	uint64_t deadline = sk_clock_mono() + AWAIT_NS;

	while (slice_has_state(it, name)) {
		if (sk_clock_mono() > deadline)
			fail_msg("slice '%s' is still there", name);
		sk_clock_sleep_until(sk_clock_mono() + POLL_NS);
	}
}

void slice_kill_supervisor(struct it *it, const char *name)
{
	sk_auto(sk_json_free) struct sk_json *slice = slice_show(it, name);
	int pid = (int)sk_json_int(sk_json_get(slice, "supervisor_pid"), 0);
	struct pollfd end = {.fd = sk_sys_pidfd_open(pid, 0), .events = POLLIN};

	assert_true(pid > 0 && end.fd >= 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(poll(&end, 1, 10000), 1);
	(void)close(end.fd);
}
