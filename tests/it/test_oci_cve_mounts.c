// SPDX-License-Identifier: Apache-2.0
/* Attacks on the mounts of OCI runtimes, by their numbers: a hostile root file system, a
 * config.json that an engine composed from hostile wishes, a folder exchanged for a link.
 *
 * SKIFF_RACE_CONTAINERS sets how many containers the race is run with (200, of 50 mounts). */
#include "tests/it/mounts.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"

#define RACE_MOUNTS	50
#define RACE_CONTAINERS 200

#define GREP_MOUNT(path)                                                                 \
	"while read -r l; do case $l in *' " path                                        \
	" '*) echo \"$l\";; esac; done < /proc/self/mountinfo"

#define USERNS                                                                           \
	{"linux", "uidMappings",                                                         \
	 "[{\"containerID\":0,\"hostID\":300000,\"size\":65536}]"},                      \
	{                                                                                \
		"linux", "gidMappings",                                                  \
			"[{\"containerID\":0,\"hostID\":300000,\"size\":65536}]"         \
	}

/* A process label written to a file that is none of the kernel's does nothing. */
static void test_cve_2019_16884_nothing_but_a_procfs_comes_upon_proc(void **state)
{
	static const char *const mounts[] = {
		"{\"destination\":\"/proc\",\"source\":\"^/fake\",\"options\":[\"bind\"]}",
		"{\"destination\":\"//proc/.\",\"type\":\"tmpfs\"}",
		"{\"destination\":\"/x/../proc\",\"source\":\"^/fake\",\"options\":[\"rbind\"]}",
	};
	struct it *it = *state;

	it_need_root(it);
	shell(it, "mkdir -p $D/fake/self/attr; touch $D/fake/self/attr/exec");
	for (size_t i = 0; i < SK_ARRAY_SIZE(mounts); i++) {
		run_in(it, 1, "true", CHANGES({"mounts", "+", mounts[i]}));
		it_assert_has(it->err, "only a procfs may be mounted on /proc");
	}
	run_in(it, 0, "test -e /proc/self/status && echo procfs",
	       CHANGES({"mounts", "+",
			"{\"destination\":\"/proc\",\"source\":\"/proc\",\"options\":[\"rbind\"]}"}));
	assert_string_equal(it->out, "procfs\n");
	shell(it, "rm -r $D/fake");
}

static void test_cve_2019_19921_files_of_proc_are_not_replaced(void **state)
{
	static const char *const targets[] = {"/proc/self/attr", "/proc/sys/kernel",
					      "/proc/version", "/into/sys", "/cpu"};
	struct it *it = *state;

	it_need_root(it);
	shell(it, "mkdir $D/folder; echo mine > $D/file");
	for (size_t i = 0; i < SK_ARRAY_SIZE(targets); i++) {
		bool is_file = strstr(targets[i], "version") || strstr(targets[i], "cpu");
		sk_autofree char *mount = sk_strf(
			"{\"destination\":\"%s\",\"source\":\"^/%s\",\"options\":[\"bind\"]}",
			targets[i], is_file ? "file" : "folder");
		sk_autofree char *bundle =
			change_bundle(it, "true", CHANGES({"mounts", "+", mount}));

		shell(it, "ln -s /proc $R/into; ln -s proc/cpuinfo $R/cpu");
		oci_expect(it, 1, "run", "-b", bundle, "m1");
		it_assert_has(it->err,
			      targets[i][1] == 'p'
				      ? "this place in /proc may not be mounted over"
				      : "the mount point leads into /proc");
	}
	run_in(it, 0, "cat /proc/cpuinfo /proc/loadavg",
	       CHANGES({"mounts", "+",
			"{\"destination\":\"/proc/cpuinfo\",\"source\":\"^/file\",\"options\":[\"bind\"]}"},
		       {"mounts", "+",
			"{\"destination\":\"/proc/loadavg\",\"source\":\"^/file\",\"options\":[\"bind\"]}"}));
	assert_string_equal(it->out, "mine\nmine\n");
	shell(it, "rm -r $D/folder $D/file");
}

static void test_cve_2023_27561_proc_and_sys_are_no_links(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = change_bundle(it, "true", NO_CHANGES);

	it_need_root(it);
	shell(it, "mkdir $R/elsewhere; ln -s elsewhere $R/proc");
	oci_expect(it, 1, "run", "-b", bundle, "m1");
	it_assert_has(it->err,
		      "mount 'proc' on '/proc': mount point '/proc' must not be");
	shell(it, "rm $R/proc; ln -s elsewhere $R/sys");
	oci_expect(it, 1, "run", "-b", bundle, "m1");
	it_assert_has(it->err, "mount 'sysfs' on '/sys': mount point '/sys' must not be");
}

static void test_cve_2023_25809_cgroups_outside_are_read_only_in_a_user_namespace(
	void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = change_bundle(
		it, GREP_MOUNT("/groups") "; " GREP_MOUNT("/groups/memory"),
		CHANGES(USERNS,
			{"linux", "namespaces",
			 "[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"user\"},{\"type\":\"uts\"},"
			 "{\"type\":\"ipc\"},{\"type\":\"network\"}]"},
			{"mounts", "+",
			 "{\"destination\":\"/groups\",\"type\":\"cgroup2\",\"options\":[\"rw\"]}"}));
	shell(it, "chmod 755 $D $D/bundle; chown -R 300000:300000 $R");
	oci_expect(it, 0, "run", "-b", bundle, "m1");
	it_assert_has(it->out, "/groups ro");
	assert_null(strstr(it->out, "/groups rw"));
	assert_null(strstr(it->out, "/groups/memory rw"));
}

/* What covers a masked path must be the null device, whatever is called /dev/null. */
static void test_cve_2025_31133_masks_are_the_null_device(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL, *script = NULL;
	sk_auto(sk_strv_free) char **words = NULL;

	it_need_root(it);
	bundle = change_bundle(
		it, "busybox stat -c '%F %t:%T' /secret; cat /secret",
		CHANGES({"linux", "maskedPaths", "[\"/secret\"]"},
			{"", "mounts",
			 "[{\"destination\":\"/proc\",\"type\":\"proc\"},"
			 "{\"destination\":\"/dev\",\"source\":\"^/dev\",\"options\":[\"bind\"]}]"}));
	shell(it, "mkdir $D/dev; ln -s /proc/sys/kernel/core_pattern $D/dev/null; "
		  "echo secret > $R/secret; echo fake > $D/fake");
	oci_expect(it, 0, "run", "-b", bundle, "m1");
	assert_string_equal(it->out, "character special file 1:3\n");
	words = oci_words(it, IT_ARGS("run", "-b", bundle, "m1", NULL));
	script = sk_strv_join(words, " ");
	it_command(it, IT_ARGS("unshare", "-m", "sh", "-c",
			       "mount --bind \"$0/fake\" /dev/null && exec $1", it->dir,
			       script));
	assert_int_equal(it->status, 1);
	it_assert_has(it->err, "'/dev/null' of the host is not the null device");
	shell(it, "rm -r $D/dev $D/fake");
}

/* The terminal is not mounted over what an image's link names. */
static void test_cve_2025_52565_the_console_follows_no_link(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = change_bundle(
		it, "tty; cat /victim",
		CHANGES({"process", "terminal", "true"},
			{"", "mounts",
			 "[{\"destination\":\"/proc\",\"type\":\"proc\"},"
			 "{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"options\":[\"newinstance\",\"ptmxmode=0666\"]}]"}));
	shell(it,
	      "mkdir -p $R/dev/pts; echo kept > $R/victim; ln -s ../victim $R/dev/console");
	oci_expect(it, 1, "run", "-b", bundle, "m1");
	it_assert_has(it->err, "open '/dev/console' of the container: ");
	shell(it, "rm $R/dev/console");
	oci_expect(it, 0, "run", "-b", bundle, "m1");
	it_assert_has(it->out, "kept");
}

/* Settings are written to the kernel's files, not to what the image has in their place. */
static void test_cve_2025_52881_settings_reach_the_kernel(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = change_bundle(
		it, "cat /proc/sys/net/ipv4/ip_forward /real/sys/net/ipv4/ip_forward",
		CHANGES({"linux", "sysctl", "{\"net.ipv4.ip_forward\":\"1\"}"},
			{"", "mounts",
			 "[{\"destination\":\"/real\",\"type\":\"proc\",\"source\":\"proc\"}]"}));
	shell(it,
	      "mkdir -p $R/proc/sys/net/ipv4; echo fake > $R/proc/sys/net/ipv4/ip_forward");
	oci_expect(it, 0, "run", "-b", bundle, "m1");
	assert_string_equal(it->out, "fake\n1\n");
}

/* /dev of an image leads to a volume: nothing may be made or replaced there. */
static void test_cve_2026_41579_dev_is_not_filled_behind_a_link(void **state)
{
	static const char *const links[] = {"/volume", "../../../../../volume",
					    "volume/."};
	struct it *it = *state;

	it_need_root(it);
	shell(it, "mkdir $D/volume; echo kept > $D/volume/ptmx");
	for (size_t i = 0; i < SK_ARRAY_SIZE(links); i++) {
		sk_autofree char *bundle = change_bundle(
			it, "true",
			CHANGES({"", "mounts",
				 "[{\"destination\":\"/volume\",\"source\":\"^/volume\",\"options\":[\"bind\"]}]"}));
		sk_autofree char *link = sk_strf("ln -s %s $R/dev", links[i]);

		shell(it, link);
		oci_expect(it, 1, "run", "-b", bundle, "m1");
		it_assert_has(it->err, "'/dev' must not be, or lie behind, a link");
		shell(it, "test \"$(ls $D/volume)\" = ptmx; grep -q kept $D/volume/ptmx");
	}
	shell(it, "rm -r $D/volume");
}

static void test_cve_2026_47766_devices_are_not_made_behind_a_link(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	shell(it, "mkdir $D/volume");
	bundle = change_bundle(
		it, "true",
		CHANGES({"linux", "devices",
			 "[{\"path\":\"/opt/disk\",\"type\":\"b\",\"major\":7,\"minor\":9}]"},
			{"mounts", "+",
			 "{\"destination\":\"/volume\",\"source\":\"^/volume\",\"options\":[\"bind\"]}"}));
	shell(it, "ln -s volume $R/opt");
	oci_expect(it, 1, "run", "-b", bundle, "m1");
	it_assert_has(it->err, "device '/opt/disk': mount point 'opt' must not be");
	shell(it, "rmdir $D/volume");
}

/* struct race - A thread that exchanges a folder for a link without an end */
struct race {
	int dir_fd;
	atomic_bool is_over;
	atomic_ulong count;
};

static void *exchange(void *arg)
{
	struct race *race = arg;

	while (!atomic_load(&race->is_over)) {
		(void)renameat2(race->dir_fd, "a", race->dir_fd, "b", RENAME_EXCHANGE);
		atomic_fetch_add(&race->count, 1);
	}
	return NULL;
}

static struct sk_json *race_mounts(void)
{
	struct sk_json *mounts = sk_json_new_array();

	for (int i = 0; i < RACE_MOUNTS; i++) {
		struct sk_json *m = sk_json_add(mounts, sk_json_new_object());
		sk_autofree char *target = sk_strf("/a/x%d/y", i % 10);

		sk_json_set_str(m, "destination", target);
		sk_json_set_str(m, "type", i % 2 ? "tmpfs" : "bind");
		sk_json_set_str(m, "source", i % 2 ? "tmpfs" : "/usr");
	}
	return mounts;
}

static unsigned long race_containers(void)
{
	const char *text = getenv("SKIFF_RACE_CONTAINERS");

	return text ? strtoul(text, NULL, 10) : RACE_CONTAINERS;
}

/* Each container either starts, or fails because it met the link; the host's folder stays
 * empty: nothing was made there, so nothing was mounted there. */
static void test_cve_2021_30465_an_exchanged_folder_gains_nothing(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = change_bundle(it, "true", NO_CHANGES), *root = NULL;
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);
	struct race race = {.dir_fd = -1};
	unsigned long nr = race_containers(), started = 0;
	pthread_t thread;

	it_need_root(it);
	sk_json_set(config, "mounts", race_mounts());
	oci_save(bundle, config);
	shell(it, "mkdir -p $D/victim $R/a $R/up; ln -s $D/victim $R/b");
	root = sk_strf("%s/rootfs", bundle);
	race.dir_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(race.dir_fd >= 0);
	assert_int_equal(pthread_create(&thread, NULL, exchange, &race), 0);
	for (unsigned long i = 0; i < nr; i++) {
		oci(it, "run", "-b", bundle, "m1");
		started += it->status == 0;
		if (it->status != 0)
			it_assert_has(it->err, "mount '");
	}
	atomic_store(&race.is_over, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)close(race.dir_fd);
	print_message("%lu containers, %lu mounts each, %lu started, %lu exchanges\n", nr,
		      (unsigned long)RACE_MOUNTS, started, atomic_load(&race.count));
	shell(it, "test -z \"$(ls -A $D/victim)\"; rmdir $D/victim");
	assert_true(started > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_cve_2019_16884_nothing_but_a_procfs_comes_upon_proc),
		IT_TEST(test_cve_2019_19921_files_of_proc_are_not_replaced),
		IT_TEST(test_cve_2023_27561_proc_and_sys_are_no_links),
		IT_TEST(test_cve_2023_25809_cgroups_outside_are_read_only_in_a_user_namespace),
		IT_TEST(test_cve_2025_31133_masks_are_the_null_device),
		IT_TEST(test_cve_2025_52565_the_console_follows_no_link),
		IT_TEST(test_cve_2025_52881_settings_reach_the_kernel),
		IT_TEST(test_cve_2026_41579_dev_is_not_filled_behind_a_link),
		IT_TEST(test_cve_2026_47766_devices_are_not_made_behind_a_link),
		IT_TEST(test_cve_2021_30465_an_exchanged_folder_gains_nothing),
	};

	return it_run_group(tests);
}
