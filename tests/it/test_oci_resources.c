// SPDX-License-Identifier: Apache-2.0
/* Resources of skiff-oci's containers: from config.json, changed by update, told by events. */
#include "tests/it/oci.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"

#define ROOT "/sys/fs/cgroup"
#define KMSG "mknod /dev/k c 1 11 && : > /dev/k && echo opened"
#define RULE_KMSG                                                                        \
	"{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":11,\"access\":\"w\"}"
#define RULE_NOTHING "{\"allow\":false,\"access\":\"rwm\"}"

/* A bundle with linux.resources and the capability to make nodes; the groups are not mounted. */
static char *make_bundle(struct it *it, const char *args, const char *resources)
{
	char *bundle = oci_bundle(it, args);
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);
	struct sk_json *linux_object = sk_json_get(config, "linux");
	struct sk_json *caps = sk_json_path(config, "process.capabilities");
	static const char *const sets[] = {"bounding", "effective", "permitted"};
	struct sk_json *value = NULL;

	for (size_t i = 0; i < SK_ARRAY_SIZE(sets); i++)
		(void)sk_json_add(sk_json_get(caps, sets[i]),
				  sk_json_new_str("CAP_MKNOD"));
	assert_int_equal(sk_json_parse(resources, strlen(resources), "resources", &value,
				       NULL),
			 0);
	sk_json_set(linux_object, "resources", value);
	oci_save(bundle, config);
	return bundle;
}

/* The container's group in the v1 hierarchy of a controller, or the v2 one for NULL; NULL without. */
static char *group_folder(struct it *it, const char *id, const char *controller)
{
	sk_autofree char *path = sk_strf("/proc/%d/cgroup", (int)oci_pid(it, id));
	sk_autofree char *key = sk_strf(":%s:", controller ? controller : "");
	sk_autofree char *text = NULL;
	char *at;

	assert_int_equal(sk_fs_read(AT_FDCWD, path, 65536, &text, NULL), 0);
	at = strstr(text, key);
	if (!at)
		return NULL;
	at += strlen(key);
	at[strcspn(at, "\n")] = '\0';
	if (controller)
		return sk_strf(ROOT "/%s%s", controller, at);
	return sk_strf("%s%s",
		       sk_fs_exists(AT_FDCWD, ROOT "/cgroup.procs") ? ROOT
								    : ROOT "/unified",
		       at);
}

static char *read_limit(struct it *it, const char *id, const char *controller,
			const char *v1, const char *v2)
{
	sk_autofree char *dir = group_folder(it, id, controller);
	const char *file = dir ? v1 : v2;
	sk_autofree char *path = NULL;
	char *text = NULL;

	if (!dir)
		dir = group_folder(it, id, NULL);
	path = sk_strf("%s/%s", dir, file);
	if (sk_fs_read(AT_FDCWD, path, 4096, &text, NULL) < 0)
		fail_msg("cannot read '%s'", path);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void assert_limit(struct it *it, const char *controller, const char *v1,
			 const char *v2, const char *v1_value, const char *v2_value)
{
	sk_autofree char *dir = group_folder(it, "c1", controller);
	sk_autofree char *text = read_limit(it, "c1", controller, v1, v2);

	assert_string_equal(text, dir ? v1_value : v2_value);
}

static void test_limits_of_the_config_are_set(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = make_bundle(
		it, "[\"sleep\",\"1000\"]",
		"{\"memory\":{\"limit\":33554432,\"swap\":67108864},\"pids\":{\"limit\":32},"
		"\"cpu\":{\"shares\":1024,\"quota\":50000,\"period\":100000,\"cpus\":\"0\"}}");
	oci_run_detached(it, bundle, "c1");
	assert_limit(it, "memory", "memory.limit_in_bytes", "memory.max", "33554432",
		     "33554432");
	assert_limit(it, "memory", "memory.memsw.limit_in_bytes", "memory.swap.max",
		     "67108864", "33554432");
	assert_limit(it, "pids", "pids.max", "pids.max", "32", "32");
	assert_limit(it, "cpu", "cpu.shares", "cpu.weight", "1024", "100");
	assert_limit(it, "cpu", "cpu.cfs_quota_us", "cpu.max", "50000", "50000 100000");
	assert_limit(it, "cpuset", "cpuset.cpus", "cpuset.cpus", "0", "0");
	oci_expect(it, 0, "delete", "-f", "c1");
}

static void test_a_limit_that_cannot_be_set_is_named_and_nothing_is_left(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = make_bundle(
		it, "[\"sleep\",\"1000\"]",
		"{\"hugepageLimits\":[{\"pageSize\":\"3MB\",\"limit\":3145728}]}");
	oci_expect(it, 1, "create", "-b", bundle, "c1");
	it_assert_has(it->err, "cannot limit huge pages: ");
	it_assert_has(it->err, "hugetlb"); /* the controller, or the file of this size */
	oci_assert_nothing(it);
}

static void test_unified_is_set_on_v2_and_refused_elsewhere(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL, *text = NULL;

	it_need_root(it);
	bundle = make_bundle(it, "[\"sleep\",\"1000\"]",
			     "{\"unified\":{\"memory.high\":\"33554432\"}}");
	if (sk_fs_exists(AT_FDCWD, ROOT "/memory")) {
		oci_expect(it, 1, "create", "-b", bundle, "c1");
		it_assert_has(
			it->err,
			"the cgroup controller 'memory' is on cgroup v1 here, which has no such limit");
		oci_assert_nothing(it);
		return;
	}
	oci_run_detached(it, bundle, "c1");
	text = read_limit(it, "c1", "memory", "", "memory.high");
	assert_string_equal(text, "33554432");
	oci_expect(it, 0, "delete", "-f", "c1");
}

static void test_a_denied_device_cannot_be_opened_an_allowed_one_can(void **state)
{
	struct it *it = *state;
	static const struct {
		const char *rules, *out;
		int status;
	} cases[] = {
		{RULE_NOTHING, "", 1},
		{RULE_NOTHING "," RULE_KMSG, "opened\n", 0},
		{RULE_KMSG "," RULE_NOTHING, "", 1}, /* the order counts */
	};

	it_need_root(it);
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_autofree char *resources =
			sk_strf("{\"devices\":[%s]}", cases[i].rules);
		sk_autofree char *bundle =
			make_bundle(it, "[\"sh\",\"-c\",\"" KMSG "\"]", resources);

		oci_expect(it, cases[i].status, "run", "-b", bundle, "c1");
		assert_string_equal(it->out, cases[i].out);
	}
}

/* `update -r -` with this text as its stdin */
static void update_from_stdin(struct it *it, const char *json)
{
	sk_autofree char *text = sk_strf("printf %%s '%s' | \"$0\" \"$@\"", json);
	sk_auto(sk_strv_free) char **words =
		oci_words(it, IT_ARGS("update", "-r", "-", "c1"));
	sk_auto(sk_strv_free) char **shell = NULL;

	assert_int_equal(sk_strv_add(&shell, "sh") | sk_strv_add(&shell, "-c") |
				 sk_strv_add(&shell, text),
			 0);
	for (char **word = words; *word; word++)
		assert_int_equal(sk_strv_add(&shell, *word), 0);
	if (it_command(it, (const char *const *)shell) != 0)
		fail_msg("update: %s", it->err);
}

static void test_update_changes_what_is_named_and_nothing_else(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = make_bundle(it, "[\"sleep\",\"1000\"]",
			     "{\"memory\":{\"limit\":33554432},\"pids\":{\"limit\":32}}");
	oci_run_detached(it, bundle, "c1");
	oci_expect(it, 0, "update", "--memory", "64m", "--cpu-quota", "20000",
		   "--cpu-period", "50000", "--cpu-share", "512", "--cpuset-cpus", "0",
		   "c1");
	assert_limit(it, "memory", "memory.limit_in_bytes", "memory.max", "67108864",
		     "67108864");
	assert_limit(it, "pids", "pids.max", "pids.max", "32", "32");
	assert_limit(it, "cpu", "cpu.shares", "cpu.weight", "512", "59");
	oci_expect(it, 0, "update", "--pids-limit", "-1", "--cpu-quota", "-1", "c1");
	assert_limit(it, "pids", "pids.max", "pids.max", "max", "max");
	assert_limit(it, "cpu", "cpu.cfs_quota_us", "cpu.max", "-1", "max 50000");
	assert_limit(it, "memory", "memory.limit_in_bytes", "memory.max", "67108864",
		     "67108864");
	update_from_stdin(it, "{\"pids\":{\"limit\":17},\"memory\":{\"limit\":0}}");
	assert_limit(it, "pids", "pids.max", "pids.max", "17", "17");
	assert_limit(it, "memory", "memory.limit_in_bytes", "memory.max", "67108864",
		     "67108864");
	oci_expect(it, 0, "delete", "-f", "c1");
}

static void test_update_says_what_is_wrong(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	oci_expect(it, 1, "update", "--memory", "64m", "c1");
	it_assert_has(it->err, "container 'c1' does not exist");
	bundle = make_bundle(it, "[\"true\"]", "{}");
	oci_run_detached(it, bundle, "c1");
	oci_expect(it, 2, "update", "--memory", "lots", "c1");
	it_assert_has(it->err, "--memory: 'lots' is not a size");
	oci_await_status(it, "c1", "stopped");
	oci_expect(it, 1, "update", "--memory", "64m", "c1");
	it_assert_has(it->err, "container 'c1' is not running");
	oci_expect(it, 0, "delete", "c1");
}

static void test_update_replaces_device_rules(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = make_bundle(it, "[\"sh\",\"-c\",\"mknod /dev/k c 1 11; sleep 1000\"]",
			     "{\"devices\":[" RULE_NOTHING "]}");
	oci_run_detached(it, bundle, "c1");
	oci_expect(it, 1, "exec", "c1", "sh", "-c",
		   "until [ -e /dev/k ]; do :; done; : > /dev/k");
	update_from_stdin(it, "{\"devices\":[" RULE_NOTHING "," RULE_KMSG "]}");
	oci_expect(it, 0, "exec", "c1", "sh", "-c", ": > /dev/k");
	update_from_stdin(it, "{\"devices\":[" RULE_NOTHING "]}");
	/* the same as in config.json: nothing is touched */
	oci_expect(it, 0, "exec", "c1", "sh", "-c", ": > /dev/k");
	update_from_stdin(it, "{\"devices\":[" RULE_KMSG "," RULE_NOTHING "]}");
	oci_expect(it, 1, "exec", "c1", "sh", "-c", ": > /dev/k");
	oci_expect(it, 0, "delete", "-f", "c1");
}

static struct sk_json *line_of(const char *text, size_t index)
{
	sk_auto(sk_strv_free) char **lines = sk_strv_split(text, '\n');
	struct sk_json *line = NULL;

	assert_true(sk_strv_len(lines) > index);
	if (sk_json_parse(lines[index], strlen(lines[index]), "event", &line, NULL) < 0)
		fail_msg("no event: '%s'", lines[index]);
	return line;
}

static void test_figures_of_two_containers_are_told_at_once(void **state)
{
	struct it *it = *state;
	static const char *const ids[] = {"c1", "c2"};
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = make_bundle(it, "[\"sleep\",\"1000\"]",
			     "{\"memory\":{\"limit\":33554432}}");
	oci_run_detached(it, bundle, "c1");
	oci_run_detached(it, bundle, "c2");
	oci_expect(it, 0, "events", "--stats");
	for (size_t i = 0; i < 2; i++) {
		sk_auto(sk_json_free) struct sk_json *event = line_of(it->out, i);

		assert_string_equal(sk_json_str(sk_json_get(event, "type"), ""), "stats");
		assert_string_equal(sk_json_str(sk_json_get(event, "id"), ""), ids[i]);
		assert_int_equal(sk_json_int(sk_json_path(event,
							  "data.memory.usage.limit"),
					     0),
				 33554432);
		assert_int_equal(sk_json_int(sk_json_path(event, "data.pids.current"), 0),
				 1);
	}
	oci_expect(it, 0, "events", "--stats", "c2");
	assert_null(strstr(it->out, "\"c1\""));
	oci_expect(it, 1, "events", "--stats", "c2", "c3");
	it_assert_has(it->err, "container 'c3' does not exist");
	oci_expect(it, 0, "delete", "-f", "c1");
	oci_expect(it, 0, "delete", "-f", "c2");
}

static void test_events_tell_want_of_memory_and_end_with_the_container(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;
	struct it_job job;

	it_need_root(it);
	bundle = make_bundle(it, "[\"sh\",\"-c\",\"sh -c 'tail /dev/zero'; sleep 1000\"]",
			     "{\"memory\":{\"limit\":16777216,\"swap\":16777216}}");
	oci_create(it, bundle, "c1");
	oci_spawn(it, &job, "events", "--interval", "50ms", "c1");
	it_await_out(&job, "\"stats\"");
	oci_expect(it, 0, "start", "c1");
	it_await_out(&job, "{\"type\":\"oom\",\"id\":\"c1\"}");
	oci_expect(it, 0, "kill", "c1", "KILL");
	assert_int_equal(it_finish(it, &job), 0);
	oci_expect(it, 0, "delete", "-f", "c1");
}

/* skiff-oci as an ordinary user, with this linux.resources in a rootless config */
static int run_as_user(struct it *it, const char *resources)
{
	static const char script[] =
		"set -e; rm -rf \"$0/user\"; mkdir \"$0/user\"; chmod 711 \"$0\"; cd \"$0/user\"; "
		"cp -r \"$4/rootfs\" .; chown -R 65534:65534 .; "
		"user='setpriv --reuid 65534 --regid 65534 --clear-groups'; "
		"$user \"$1\" spec --rootless; "
		"sed -i -e 's/\"terminal\": *true/\"terminal\": false/' "
		"-e \"s/\\\"resources\\\": *{ *}/\\\"resources\\\": $2/\" "
		"-e 's/\"sh\"/\"id\"/' config.json; grep -q \"$3\" config.json; "
		"exec $user \"$1\" --root \"$0/user/s\" run c1";
	sk_autofree char *program = sk_strf("%s/bin/skiff-oci", it->build);
	sk_autofree char *bundle = oci_bundle(it, "[\"true\"]");
	const char *key = strchr(resources, '"') + 1;
	sk_autofree char *word = strndup(key, strcspn(key, "\""));

	return it_command(it, IT_ARGS("sh", "-c", script, it->dir, program, resources,
				      word, bundle));
}

static void test_an_ordinary_user_is_told_which_limit_cannot_be_set(void **state)
{
	struct it *it = *state;

	it_need_root(it); /* to become another user */
	if (run_as_user(it, "{\"devices\":[" RULE_NOTHING "]}") != 0)
		fail_msg("device rules: %s", it->err);
	it_assert_has(it->out, "uid=0");
	assert_int_equal(run_as_user(it, "{\"memory\":{\"limit\":33554432}}"), 1);
	it_assert_has(it->err, "cannot limit memory: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_limits_of_the_config_are_set),
		IT_TEST(test_a_limit_that_cannot_be_set_is_named_and_nothing_is_left),
		IT_TEST(test_unified_is_set_on_v2_and_refused_elsewhere),
		IT_TEST(test_a_denied_device_cannot_be_opened_an_allowed_one_can),
		IT_TEST(test_update_changes_what_is_named_and_nothing_else),
		IT_TEST(test_update_says_what_is_wrong),
		IT_TEST(test_update_replaces_device_rules),
		IT_TEST(test_figures_of_two_containers_are_told_at_once),
		IT_TEST(test_events_tell_want_of_memory_and_end_with_the_container),
		IT_TEST(test_an_ordinary_user_is_told_which_limit_cannot_be_set),
	};

	return it_run_group(tests);
}
