// SPDX-License-Identifier: Apache-2.0
/* oci - drive skiff-oci as an engine does, on a real bundle */
#include "tests/it/oci.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"

#define WAIT_NS (10 * SK_NS_PER_S)
#define POLL_NS (2 * SK_NS_PER_MS)

char **oci_words(const struct it *it, const char *const *args)
{
	char **words = NULL;
	int r = 0;

	for (const char *const *word = it->prefix; word && *word; word++)
		r |= sk_strv_add(&words, *word);
	r |= sk_strv_addf(&words, "%s/bin/skiff-oci", it->build);
	r |= sk_strv_add(&words, "--root") | sk_strv_addf(&words, "%s/oci", it->dir);
	for (; *args; args++)
		r |= sk_strv_add(&words, *args);
	assert_int_equal(r, 0);
	return words;
}

int oci_argv(struct it *it, const char *const *args)
{
	sk_auto(sk_strv_free) char **words = oci_words(it, args);

	return it_command(it, (const char *const *)words);
}

void oci_expect_argv(struct it *it, int status, const char *const *args, int line)
{
	sk_autofree char *words = sk_strv_join((char *const *)args, " ");

	if (oci_argv(it, args) != status)
		fail_msg(
			"line %d: skiff-oci %s: status %d, not %d; stdout: %s; stderr: %s",
			line, words, it->status, status, it->out, it->err);
}

void oci_assert_exit(const struct it *it, int status, int line)
{
	if (it->status != status)
		fail_msg("line %d: status %d, not %d; stdout: %s; stderr: %s", line,
			 it->status, status, it->out, it->err);
}

void oci_spawn_argv(struct it *it, struct it_job *job, const char *const *args)
{
	sk_auto(sk_strv_free) char **words = oci_words(it, args);

	it_spawn(job, -1, (const char *const *)words);
}

/* A container keeps what create inherited as stdio, so not the test's own files. */
static void make(struct it *it, const char *const *args)
{
	sk_auto(sk_strv_free) char **words = oci_words(it, args);
	sk_auto(sk_strv_free) char **shell = NULL;
	int r = sk_strv_add(&shell, "sh") | sk_strv_add(&shell, "-c") |
		sk_strv_add(&shell, "exec \"$@\" <&- >/dev/null 2>\"$0\"") |
		sk_strv_addf(&shell, "%s/err", it->dir);

	for (char **word = words; *word; word++)
		r |= sk_strv_add(&shell, *word);
	assert_int_equal(r, 0);
	if (it_command(it, (const char *const *)shell) == 0)
		return;
	(void)it_command(it, IT_ARGS("cat", shell[3]));
	fail_msg("create: %s", it->out);
}

void oci_create(struct it *it, const char *bundle, const char *id)
{
	make(it, IT_ARGS("create", "--bundle", bundle, id));
}

void oci_run_detached(struct it *it, const char *bundle, const char *id)
{
	make(it, IT_ARGS("run", "--detach", "--bundle", bundle, id));
}

static int open_bundle(const char *bundle)
{
	int fd = open(bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

struct sk_json *oci_config(const char *bundle)
{
	sk_autoclose int fd = open_bundle(bundle);
	struct sk_json *config = NULL;
	struct sk_err err = SK_ERR_INIT;

	if (sk_json_load(fd, "config.json", &config, &err) < 0)
		fail_msg("%s", err.msg);
	return config;
}

void oci_save(const char *bundle, const struct sk_json *config)
{
	sk_autoclose int fd = open_bundle(bundle);
	sk_autofree char *text = sk_json_print(config, true);

	assert_non_null(text);
	assert_int_equal(sk_fs_replace_volatile(fd, "config.json", text, strlen(text),
						0644, NULL),
			 0);
}

struct sk_json *oci_json(const char *text)
{
	struct sk_json *value = NULL;
	struct sk_err err = SK_ERR_INIT;

	if (sk_json_parse(text, strlen(text), "test", &value, &err) < 0)
		fail_msg("%s", err.msg);
	return value;
}

char *oci_bundle(struct it *it, const char *args)
{
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	sk_autofree char *path = sk_strf("%s/bundle", it->dir);

	it_command(
		it,
		IT_ARGS("sh", "-c",
			"rm -rf \"$0\" && mkdir -p \"$0/rootfs/bin\" && "
			"cp /bin/busybox \"$0/rootfs/bin/\" && "
			"for a in sh id sleep hostname kill cat echo true ls ps tty env pwd "
			"grep cut mkdir; "
			"do ln -s busybox \"$0/rootfs/bin/$a\"; done",
			path));
	assert_int_equal(it->status, 0);
	oci_expect(it, 0, "spec", "-b", path);
	config = oci_config(path);
	sk_json_set(sk_json_get(config, "process"), "args", oci_json(args));
	sk_json_set_bool(sk_json_get(config, "process"), "terminal", false);
	oci_save(path, config);
	return sk_steal(&path);
}

static struct sk_json *read_state(struct it *it, const char *id)
{
	struct sk_json *state = NULL;

	oci_expect(it, 0, "state", id);
	assert_int_equal(sk_json_parse(it->out, strlen(it->out), "state", &state, NULL),
			 0);
	assert_string_equal(sk_json_str(sk_json_get(state, "id"), ""), id);
	return state;
}

void oci_assert_status(struct it *it, const char *id, const char *status)
{
	sk_auto(sk_json_free) struct sk_json *state = read_state(it, id);

	assert_string_equal(sk_json_str(sk_json_get(state, "status"), ""), status);
}

void oci_await_status(struct it *it, const char *id, const char *status)
{
	uint64_t deadline = sk_clock_mono() + WAIT_NS;

	for (;;) {
		sk_auto(sk_json_free) struct sk_json *state = read_state(it, id);

		if (sk_str_equal(sk_json_str(sk_json_get(state, "status"), ""), status))
			return;
		if (sk_clock_mono() >= deadline)
			fail_msg("'%s' is not %s: %s", id, status, it->out);
		sk_clock_sleep_until(sk_clock_mono() + POLL_NS);
	}
}

void oci_assert_nothing(struct it *it)
{
	oci_expect(it, 0, "list", "-q");
	assert_string_equal(it->out, "");
}

int oci_teardown(void **state)
{
	struct it *it = *state;

	if (geteuid() == 0)
		(void)oci(it, "delete", "--force", "--regex", ".*");
	return it_teardown(state);
}

pid_t oci_pid(struct it *it, const char *id)
{
	sk_auto(sk_json_free) struct sk_json *state = read_state(it, id);

	return (pid_t)sk_json_int(sk_json_get(state, "pid"), 0);
}
