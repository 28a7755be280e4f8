// SPDX-License-Identifier: Apache-2.0
/* test_slice_file - slice files, ranges of names, and addresses */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/slice/slice.h"

static int load(const char *text, struct sk_slice_def **ret, struct sk_err *err)
{
	char path[] = "/tmp/sk-slice-XXXXXX";
	int fd = mkstemp(path);
	int r;

	assert_true(fd >= 0);
	assert_int_equal(sk_fs_write_all(fd, text, strlen(text)), 0);
	(void)close(fd);
	r = sk_slice_def_load(path, ret, err);
	(void)unlink(path);
	return r;
}

static struct sk_slice_def *load_good(const char *text)
{
	struct sk_slice_def *def = NULL;
	struct sk_err err = SK_ERR_INIT;

	if (load(text, &def, &err) < 0)
		fail_msg("%s", err.msg);
	return def;
}

static void test_all_keys_arrive(void **state)
{
	sk_auto(sk_slice_def_free) struct sk_slice_def *def =
		load_good("name: web\n"
			  "lifetime: 2h\n"
			  "cpu: {share: 300, guarantee: 0.5, cap: 1.5}\n"
			  "memory: 1g\n"
			  "pids: 500\n"
			  "lan: {subnet: 10.0.0.0/24}\n"
			  "labels: [team=a, lab=b]\n"
			  "nodes:\n"
			  "  n1:\n"
			  "    image: \"@busybox\"\n"
			  "    command: [sleep, \"5\"]\n"
			  "    env: [A=1]\n"
			  "    volumes: [\"/a:/b:ro\"]\n"
			  "    cpus: 0.25\n"
			  "    share: 200\n"
			  "    memory: 64m\n"
			  "    pids: 32\n"
			  "    address: 10.0.0.7\n"
			  "    privileged: true\n"
			  "    private_tmp: yes\n"
			  "    init: true\n");
	const struct sk_slice_node *node = &def->nodes[0];

	(void)state;
	assert_string_equal(def->name, "web");
	assert_int_equal(def->lifetime_ns, 7200000000000ull);
	assert_int_equal(def->limits.cpu_weight, 300);
	assert_int_equal(def->limits.cpu_milli, 1500);
	assert_int_equal(def->cpu_guarantee_milli, 500);
	assert_int_equal(def->limits.memory_bytes, 1u << 30);
	assert_int_equal(def->limits.pids_max, 500);
	assert_string_equal(def->lan_subnet, "10.0.0.0/24");
	assert_string_equal(def->labels[1], "lab=b");
	assert_int_equal(def->nr_nodes, 1);
	assert_string_equal(node->name, "n1");
	assert_string_equal(node->image, "@busybox");
	assert_string_equal(node->command[1], "5");
	assert_null(node->command[2]);
	assert_string_equal(node->env[0], "A=1");
	assert_string_equal(node->volumes[0], "/a:/b:ro");
	assert_int_equal(node->limits.cpu_milli, 250);
	assert_int_equal(node->limits.cpu_weight, 200);
	assert_int_equal(node->limits.memory_bytes, 64u << 20);
	assert_int_equal(node->limits.pids_max, 32);
	assert_string_equal(node->address, "10.0.0.7");
	assert_true(node->privileged && node->private_tmp && node->init);
}

static void test_nodes_come_as_map_or_list_with_ranges(void **state)
{
	sk_auto(sk_slice_def_free) struct sk_slice_def *map =
		load_good("name: a\nimage: x\nnodes:\n  n[1-3]:\n  m: {image: y}\n");
	sk_auto(sk_slice_def_free) struct sk_slice_def *list = load_good(
		"name: a\nimage: x\nnodes:\n  - n[08-10]\n  - {name: m, image: y}\n");

	(void)state;
	assert_int_equal(map->nr_nodes, 4);
	assert_string_equal(map->nodes[2].name, "n3");
	assert_string_equal(map->nodes[2].image, "x");
	assert_string_equal(map->nodes[3].image, "y");
	assert_int_equal(list->nr_nodes, 4);
	assert_string_equal(list->nodes[0].name, "n08");
	assert_string_equal(list->nodes[2].name, "n10");
	assert_string_equal(list->nodes[3].image, "y");
}

static void test_a_text_command_is_run_by_the_shell(void **state)
{
	sk_auto(sk_slice_def_free) struct sk_slice_def *def =
		load_good("name: a\nimage: x\nnodes:\n  n: {command: echo hi}\n");

	(void)state;
	assert_string_equal(def->nodes[0].command[0], "/bin/sh");
	assert_string_equal(def->nodes[0].command[1], "-c");
	assert_string_equal(def->nodes[0].command[2], "echo hi");
}

static void test_bad_files_are_refused_with_place_and_reason(void **state)
{
	static const struct {
		const char *text, *message;
		int code;
	} cases[] = {
		{"name: a\nimage: x\nnodse: {n: }\nnodes: [n]\n", ":3:1: ", EINVAL},
		{"name: a\nimage: x\nnodse: {n: }\nnodes: [n]\n", "nodes", EINVAL},
		{"name: a\nnodes: [n]\n", "node 'n' has no image", EINVAL},
		{"image: x\nnodes: [n]\n", "name", EINVAL},
		{"name: a\nimage: x\nnodes: []\n", "has no nodes", EINVAL},
		{"name: a\nimage: x\nnodes: [n, n]\n", "node 'n' is there twice", EEXIST},
		{"name: a\nimage: x\nnodes: [\"n[3-1]\"]\n", ":3:", EINVAL},
		{"name: a\nimage: x\nnodes: [\"n[1-2000]\"]\n", ":3:", EINVAL},
		{"name: ../a\nimage: x\nnodes: [n]\n", "../a", EINVAL},
		{"name: a\nimage: x\nnodes: [\"a/b\"]\n", "a/b", EINVAL},
		{"name: a\nimage: x\nlifetime: 60d\nnodes: [n]\n", "8 weeks", EINVAL},
		{"name: a\nimage: x\ncpu: {guarantee: 2, cap: 1}\nnodes: [n]\n",
		 "the guarantee is above the cap", EINVAL},
		{"name: a\nimage: x\nnodes: {n: {address: 10.0.0.1}}\n", "no lan",
		 EINVAL},
		{"name: a\nimage: x\nlan: {subnet: 10.0.0.1/24}\nnodes: [n]\n",
		 "is an address, not a subnet", EINVAL},
		{"name: a\nimage: x\nlan: {subnet: 10.0.0.0/24}\n"
		 "nodes: {n: {address: 10.0.1.1}}\n",
		 "is not a host of the lan 10.0.0.0/24", EINVAL},
		{"name: a\nimage: x\nlan: {subnet: 10.0.0.0/24}\n"
		 "nodes: {n: {address: 10.0.0.9}, m: {address: 10.0.0.9/24}}\n",
		 "given to two nodes", EADDRINUSE},
		{"name: a\nimage: x\nlan: {subnet: 10.0.0.0/30}\nnodes: [\"n[1-3]\"]\n",
		 "no address left for node 'n3'", ENOSPC},
		{"name: a\nimage: x\nnodes: {n: {memroy: 1m}}\n", "memory", EINVAL},
		{"name: a\nimage: x\nnodes: {n: {volumes: [\"b:/c\"]}}\n",
		 "volume 'b:/c' needs an absolute source", EINVAL},
		{"name: a\nimage: x\nnodes:\n  n: {}\n  m: {address: 1.1.1.1}\n",
		 ":5:6: ", EINVAL},
		{"name: a\nimage: x\nlan: {subnet: 10.0.0.0/24}\n"
		 "nodes:\n  n:\n  m: {address: 10.0.1.1}\n",
		 ":6:6: node 'm': address", EINVAL},
		{"name: a\nimage: x\nlan:\n  subnet: 10.0.0.1/24\nnodes: [n]\n",
		 ":4:11: '10.0.0.1/24' is an address", EINVAL},
		{"name: a\nimage: x\nnodes:\n  - n\n  - n\n", ":5:5: node 'n' is there",
		 EEXIST},
		{"name: a\nimage: x\nmemory: 0\nnodes: [n]\n",
		 ":3:9: 'memory': '0' is nothing: use more, or leave the key out",
		 EINVAL},
		{"name: a\nimage: x\nnodes: {n: {pids: 0}}\n", "'pids': '0' is nothing",
		 EINVAL},
		{"name: a\nimage: x\nlifetime: 0s\nnodes: [n]\n", "'0s' is nothing",
		 EINVAL},
		{"name: a\nimage: x\nnodes: {n: 5}\n", "a node is a map", EINVAL},
		{"name: a\nimage: x\nnodes: {\"n[1-2]\": {address: 10.0.0.1}}\n",
		 "one address for 2 nodes", EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_slice_def *def = NULL;
		struct sk_err err = SK_ERR_INIT;
		int r = load(cases[i].text, &def, &err);

		if (r != -cases[i].code)
			fail_msg("case %zu: %d (%s)", i, r, err.msg);
		if (!strstr(err.msg, cases[i].message) &&
		    !strstr(err.hint, cases[i].message))
			fail_msg("case %zu: '%s' hint '%s' lacks '%s'", i, err.msg,
				 err.hint, cases[i].message);
		assert_null(def);
	}
}

static void test_examples_load(void **state)
{
	static const char *const paths[] = {"runtime/slice/examples/ten.yaml",
					    "runtime/slice/examples/guarantee.yaml"};
	static const size_t nodes[] = {10, 3};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(paths); i++) {
		sk_auto(sk_slice_def_free) struct sk_slice_def *def = NULL;
		struct sk_err err = SK_ERR_INIT;

		if (!sk_fs_exists(AT_FDCWD, paths[i]))
			skip();
		if (sk_slice_def_load(paths[i], &def, &err) < 0)
			fail_msg("%s", err.msg);
		assert_int_equal(def->nr_nodes, nodes[i]);
	}
}

static void test_addresses_fill_gaps_and_stay_over_changes(void **state)
{
	sk_auto(sk_slice_def_free) struct sk_slice_def *old =
		load_good("name: a\nimage: x\nlan: {subnet: 10.0.0.0/24}\n"
			  "nodes: {n1: {address: 10.0.0.2}, n2: , n3: }\n");
	sk_auto(sk_slice_def_free) struct sk_slice_def *new =
		load_good("name: a\nimage: x\nlan: {subnet: 10.0.0.0/24}\n"
			  "nodes: {n0: , n1: {address: 10.0.0.2}, n3: , n4: }\n");
	sk_autofree char *hosts = NULL;

	(void)state;
	assert_int_equal(sk_slice_assign_addresses(old, NULL, NULL), 0);
	assert_string_equal(old->nodes[0].address, "10.0.0.2/24");
	assert_string_equal(old->nodes[1].address, "10.0.0.1/24");
	assert_string_equal(old->nodes[2].address, "10.0.0.3/24");
	assert_int_equal(sk_slice_assign_addresses(new, old, NULL), 0);
	assert_string_equal(sk_slice_def_find(new, "n3")->address, "10.0.0.3/24");
	assert_string_equal(sk_slice_def_find(new, "n0")->address, "10.0.0.1/24");
	assert_string_equal(sk_slice_def_find(new, "n4")->address, "10.0.0.4/24");
	hosts = sk_slice_hosts_text(new);
	assert_non_null(strstr(hosts, "10.0.0.3\tn3\n"));
	assert_non_null(strstr(hosts, "127.0.0.1\tlocalhost\n"));
}

static void test_definitions_survive_json(void **state)
{
	sk_auto(sk_slice_def_free) struct sk_slice_def *def = load_good(
		"name: a\nimage: x\nlifetime: 1h\ncpu: {guarantee: 0.5}\nlabels: [k=v]\n"
		"lan: {subnet: 10.0.0.0/24}\n"
		"nodes: {n1: {command: [a, b], env: [E=1], memory: 1m}, n2: }\n");
	sk_auto(sk_json_free) struct sk_json *json = sk_slice_def_to_json(def);
	sk_auto(sk_slice_def_free) struct sk_slice_def *copy = NULL;
	sk_auto(sk_json_free) struct sk_json *again = NULL;
	sk_autofree char *a = NULL;
	sk_autofree char *b = NULL;

	(void)state;
	assert_int_equal(sk_slice_def_from_json(json, &copy, NULL), 0);
	again = sk_slice_def_to_json(copy);
	a = sk_json_print(json, false);
	b = sk_json_print(again, false);
	assert_string_equal(a, b);
	assert_non_null(strstr(a, "\"cpu_guarantee_milli\":500"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_keys_arrive),
		cmocka_unit_test(test_nodes_come_as_map_or_list_with_ranges),
		cmocka_unit_test(test_a_text_command_is_run_by_the_shell),
		cmocka_unit_test(test_bad_files_are_refused_with_place_and_reason),
		cmocka_unit_test(test_examples_load),
		cmocka_unit_test(test_addresses_fill_gaps_and_stay_over_changes),
		cmocka_unit_test(test_definitions_survive_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
