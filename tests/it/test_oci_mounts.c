// SPDX-License-Identifier: Apache-2.0
/* What is mounted in a container, as config.json says: options, types, devices, propagation. */
#include "tests/it/mounts.h"

#include <string.h>
#include <unistd.h>

#include "lib/str.h"

#define GREP_MOUNT(path)                                                                 \
	"while read -r l; do case $l in *' " path                                        \
	" '*) echo \"$l\";; esac; done < /proc/self/mountinfo"

static void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' in: %s", part, text);
}

static void test_attributes_of_a_tmpfs_are_set(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	run_in(it, 0, GREP_MOUNT("/t"),
	       CHANGES({"mounts", "+",
			"{\"destination\":\"/t\",\"type\":\"tmpfs\",\"source\":\"mine\",\"options\":"
			"[\"ro\",\"nosuid\",\"nodev\",\"noexec\",\"noatime\",\"nodiratime\","
			"\"nosymfollow\",\"size=64k\",\"mode=711\",\"sync\",\"silent\"]}"}));
	it_assert_has(it->out, "ro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow");
	it_assert_has(it->out, " - tmpfs mine ");
	it_assert_has(it->out, "sync");
	it_assert_has(it->out, "size=64k,mode=711");
}

static void test_each_later_option_wins(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	run_in(it, 0, GREP_MOUNT("/t"),
	       CHANGES({"mounts", "+",
			"{\"destination\":\"/t\",\"type\":\"tmpfs\",\"options\":"
			"[\"ro\",\"rw\",\"noexec\",\"exec\",\"nosuid\",\"noatime\","
			"\"strictatime\",\"async\",\"nomand\",\"loud\",\"defaults\"]}"}));
	it_assert_has(it->out, " rw,nosuid - tmpfs");
}

static void test_recursive_attributes_reach_what_is_mounted_below(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	shell(it, "mkdir -p $D/src/sub; mount -t tmpfs sub $D/src/sub");
	run_in(it, 0, GREP_MOUNT("/b/sub") "; " GREP_MOUNT("/b"),
	       CHANGES({"mounts", "+",
			"{\"destination\":\"/b\",\"source\":\"^/src\",\"options\":"
			"[\"rbind\",\"rro\",\"rnosuid\",\"rnoexec\",\"rnodev\",\"rnoatime\"]}"}));
	it_assert_has(it->out, "/b/sub ro,nosuid,nodev,noexec,noatime");
	it_assert_has(it->out, "/b ro,nosuid,nodev,noexec,noatime");
	run_in(it, 0, GREP_MOUNT("/b/sub") "; " GREP_MOUNT("/b"),
	       CHANGES({"mounts", "+",
			"{\"destination\":\"/b\",\"source\":\"^/src\",\"options\":"
			"[\"rbind\",\"ro\"]}"}));
	it_assert_has(it->out, "/b/sub rw");
	it_assert_has(it->out, "/b ro");
	run_in(it, 0, "ls /b/sub && " GREP_MOUNT("/b/sub"),
	       CHANGES({"mounts", "+",
			"{\"destination\":\"b\",\"type\":\"bind\",\"source\":\"^/src\"}"}));
	assert_string_equal(it->out, "");
	shell(it, "umount $D/src/sub; rm -r $D/src");
}

static void test_unknown_words_are_errors(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	run_in(it, 1, "true",
	       CHANGES({"mounts", "+",
			"{\"destination\":\"/t\",\"type\":\"tmpfs\",\"source\":\"x\",\"options\":[\"colour\"]}"}));
	it_assert_has(it->err,
		      "mount 'x' on '/t': option 'colour': file system 'tmpfs': ");
	it_assert_has(it->err, "Unknown parameter 'colour'");
	run_in(it, 1, "true",
	       CHANGES({"mounts", "+",
			"{\"destination\":\"/t\",\"source\":\"/tmp\",\"options\":[\"bind\",\"readonly\"]}"}));
	it_assert_has(it->err,
		      "option 'readonly' of the bind mount on '/t' is not known");
	run_in(it, 1, "true",
	       CHANGES({"mounts", "+",
			"{\"destination\":\"/t\",\"source\":\"/tmp\",\"options\":[\"bind\",\"sync\"]}"}));
	it_assert_has(it->err, "option 'sync' belongs to a file system");
	run_in(it, 1, "true",
	       CHANGES({"mounts", "+",
			"{\"destination\":\"/t\",\"source\":\"/no/such\",\"options\":[\"bind\"]}"}));
	it_assert_has(
		it->err,
		"mount '/no/such' on '/t': open the source: No such file or directory");
	run_in(it, 1, "true",
	       CHANGES({"mounts", "+", "{\"destination\":\"/t\",\"type\":\"nofs\"}"}));
	it_assert_has(it->err, "this kernel has no file system 'nofs'");
	run_in(it, 1, "true",
	       CHANGES({"linux", "mountLabel", "\"system_u:object_r:x:s0\""}));
	it_assert_has(it->err, "this kernel runs without SELinux");
}

static void test_files_and_folders_are_bound_and_their_places_made(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	shell(it, "echo hello > $D/file; mkdir $D/folder; echo there > $D/folder/f");
	run_in(it, 0, "cat /new/place/file /deep/er/f /opt2/f",
	       CHANGES({"mounts", "+",
			"{\"destination\":\"/new/place/file\",\"source\":\"^/file\",\"options\":[\"bind\",\"ro\"]}"},
		       {"mounts", "+",
			"{\"destination\":\"/deep/er\",\"source\":\"^/folder\",\"options\":[\"rbind\",\"rprivate\"]}"},
		       {"mounts", "+",
			"{\"destination\":\"/x/../opt2/.\",\"source\":\"../folder\",\"options\":[\"bind\"]}"}));
	assert_string_equal(it->out, "hello\nthere\nthere\n");
	shell(it, "rm -r $D/file $D/folder");
}

/* Images link /etc/resolv.conf to a place that is made at boot. */
static void test_a_dangling_link_is_followed_inside_the_root(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = change_bundle(
		it, "cat /etc/resolv.conf; ls /run/stub/resolv.conf",
		CHANGES({"mounts", "+",
			 "{\"destination\":\"/etc/resolv.conf\",\"source\":\"^/names\",\"options\":[\"bind\"]}"}));
	shell(it, "echo names > $D/names; mkdir $R/etc; "
		  "ln -s ../../../run/stub/resolv.conf $R/etc/resolv.conf");
	oci_expect(it, 0, "run", "-b", bundle, "m1");
	assert_string_equal(it->out, "names\n/run/stub/resolv.conf\n");
	shell(it, "rm $D/names");
}

static void test_links_as_source_and_as_target(void **state)
{
	static const char link[] =
		"{\"destination\":\"/l\",\"source\":\"^/link\",\"options\":[\"bind\",\"%s\"]}";
	struct it *it = *state;
	sk_autofree char *bundle = NULL;
	sk_autofree char *copied = sk_strf(link, "copy-symlink");
	sk_autofree char *unfollowed = sk_strf(link, "src-nofollow\",\"dest-nofollow");

	it_need_root(it);
	shell(it, "echo data > $D/data; ln -s data $D/link");
	run_in(it, 0, "busybox readlink /l", CHANGES({"mounts", "+", copied}));
	assert_string_equal(it->out, "data\n");
	bundle = change_bundle(it, "busybox readlink /l; cat /other",
			       CHANGES({"mounts", "+", unfollowed}));
	shell(it, "echo kept > $R/other; ln -s other $R/l");
	oci_expect(it, 0, "run", "-b", bundle, "m1");
	assert_string_equal(it->out, "data\nkept\n");
	shell(it, "rm $D/data $D/link");
}

static void test_a_tmpfs_starts_with_a_copy(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = change_bundle(
		it,
		"cat /data/sub/file; busybox readlink /data/link; busybox stat -c '%a %u %g %Y' /data /data/sub/file; "
		"echo new > /data/sub/file; echo no > /ro/x; echo $?",
		CHANGES({"mounts", "+",
			 "{\"destination\":\"/data\",\"type\":\"tmpfs\",\"options\":[\"tmpcopyup\"]}"},
			{"mounts", "+",
			 "{\"destination\":\"/ro\",\"type\":\"tmpfs\",\"options\":[\"tmpcopyup\",\"ro\"]}"}));
	shell(it, "mkdir -p $R/data/sub $R/ro; echo old > $R/data/sub/file; "
		  "ln -s /etc/passwd $R/data/link; chown 7:8 $R/data/sub/file; "
		  "chmod 4755 $R/data/sub/file; touch -d @1000 $R/data/sub/file; "
		  "chmod 750 $R/data; touch -d @2000 $R/data");
	oci_expect(it, 0, "run", "-b", bundle, "m1");
	assert_string_equal(it->out,
			    "old\n/etc/passwd\n750 0 0 2000\n4755 7 8 1000\n1\n");
	shell(it, "grep -q old $R/data/sub/file");
}

static void test_what_is_mounted_can_be_remounted(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	run_in(it, 0, GREP_MOUNT("/t"),
	       CHANGES({"mounts", "+",
			"{\"destination\":\"/t\",\"type\":\"tmpfs\",\"options\":[\"size=64k\"]}"},
		       {"mounts", "+",
			"{\"destination\":\"/t\",\"type\":\"tmpfs\",\"options\":[\"remount\",\"size=128k\",\"noexec\"]}"},
		       {"mounts", "+",
			"{\"destination\":\"/t\",\"options\":[\"bind\",\"remount\",\"ro\"]}"}));
	it_assert_has(it->out, "ro,noexec");
	it_assert_has(it->out, "size=128k");
	run_in(it, 1, "true",
	       CHANGES({"mounts", "+",
			"{\"destination\":\"/bin\",\"options\":[\"bind\",\"remount\",\"ro\"]}"}));
	it_assert_has(it->err, "only what is a mount already can be remounted");
}

static void test_an_overlay_with_long_paths_is_mounted(void **state)
{
	struct it *it = *state;
	char lower[300];
	sk_autofree char *value = NULL, *script = NULL;

	it_need_root(it);
	memset(lower, 'x', 200);
	lower[200] = '\0';
	value = sk_strf(
		"{\"destination\":\"/o\",\"type\":\"overlay\",\"source\":\"overlay\",\"options\":"
		"[\"lowerdir=^/a%s:^/b%s\",\"upperdir=^/up\",\"workdir=^/work\",\"nosuid\"]}",
		lower, lower);
	script = sk_strf(
		"mkdir $D/a%s $D/b%s $D/up $D/work; echo a > $D/a%s/a; echo b > $D/b%s/b",
		lower, lower, lower, lower);
	shell(it, script);
	run_in(it, 0, "cat /o/a /o/b; echo w > /o/w; " GREP_MOUNT("/o"),
	       CHANGES({"mounts", "+", value}));
	it_assert_has(it->out, "a\nb\n");
	it_assert_has(it->out, "nosuid");
	shell(it, "grep -q w $D/up/w; rm -r $D/a* $D/b?* $D/up $D/work");
}

static void test_ids_are_shown_through_maps(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	shell(it, "mkdir $D/own; touch $D/own/f; chown 1000:1001 $D/own/f");
	run_in(it, 0, "busybox stat -c '%u %g' /m/f",
	       CHANGES({"mounts", "+",
			"{\"destination\":\"/m\",\"source\":\"^/own\",\"options\":[\"bind\"],"
			"\"uidMappings\":[{\"containerID\":1000,\"hostID\":2000,\"size\":5}],"
			"\"gidMappings\":[{\"containerID\":1001,\"hostID\":2001,\"size\":5}]}"}));
	assert_string_equal(it->out, "2000 2001\n");
	run_in(it, 0, "busybox stat -c '%u %g' /m/f",
	       CHANGES({"mounts", "+",
			"{\"destination\":\"/m\",\"source\":\"^/own\",\"options\":"
			"[\"rbind\",\"ridmap=uids=0-0-10#1000-3000-1;gids=1001-3001-1\"]}"}));
	assert_string_equal(it->out, "3000 3001\n");
	run_in(it, 1, "true",
	       CHANGES({"mounts", "+",
			"{\"destination\":\"/m\",\"source\":\"^/own\",\"options\":[\"bind\",\"idmap\"]}"}));
	it_assert_has(it->err,
		      "an idmapped mount needs id maps of its own, or a user namespace");
	run_in(it, 1, "true",
	       CHANGES({"mounts", "+",
			"{\"destination\":\"/m\",\"type\":\"tmpfs\",\"options\":[\"idmap=uids=0-1-1;gids=0-1-1\"]}"}));
	it_assert_has(it->err, "is for bind mounts");
	shell(it, "rm -r $D/own");
}

#define USERNS                                                                           \
	{"linux.namespaces", "+", "{\"type\":\"user\"}"},                                \
		{"linux", "uidMappings",                                                 \
		 "[{\"containerID\":0,\"hostID\":300000,\"size\":65536}]"},              \
	{                                                                                \
		"linux", "gidMappings",                                                  \
			"[{\"containerID\":0,\"hostID\":300000,\"size\":65536}]"         \
	}

static void open_up(struct it *it)
{
	shell(it, "chmod 755 $D $D/bundle; chown -R 300000:300000 $R");
}

/* User 0 of the container cannot reach the source; its runtime can. */
static void test_sources_in_private_folders_are_bound_in_a_user_namespace(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = change_bundle(
		it,
		"cat /s/f; busybox stat -c '%u' /s/f /i/f /j/f; echo x > /dev/null && echo null; "
		"busybox stat -c %t:%T /dev/zero",
		CHANGES(USERNS,
			{"mounts", "+",
			 "{\"destination\":\"/s\",\"source\":\"^/secret/in\",\"options\":[\"rbind\"]}"},
			{"mounts", "+",
			 "{\"destination\":\"/i\",\"source\":\"^/secret/in\",\"options\":[\"bind\",\"idmap\"]}"},
			{"mounts", "+",
			 "{\"destination\":\"/j\",\"source\":\"^/secret/in\",\"options\":"
			 "[\"bind\",\"idmap=uids=@0-7-1;gids=@0-7-1\"]}"}));
	open_up(it);
	shell(it,
	      "mkdir -p $D/secret/in; echo inside > $D/secret/in/f; chmod 700 $D/secret");
	oci_expect(it, 0, "run", "-b", bundle, "m1");
	assert_string_equal(it->out, "inside\n65534\n0\n7\nnull\n1:5\n");
	shell(it, "rm -r $D/secret");
}

static void test_devices_are_made_as_listed(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	run_in(it, 0,
	       "busybox stat -c '%F %t:%T %a %u %g' /dev/sub/mine /dev/blk /opt/fifo; ls /dev/core; busybox readlink /dev/ptmx",
	       CHANGES({"linux", "devices",
			"[{\"path\":\"/dev/sub/mine\",\"type\":\"u\",\"major\":1,\"minor\":5,\"fileMode\":416,\"uid\":5,\"gid\":6},"
			"{\"path\":\"/dev/blk\",\"type\":\"b\",\"major\":7,\"minor\":200},"
			"{\"path\":\"/opt/fifo\",\"type\":\"p\",\"fileMode\":384}]"}));
	it_assert_has(it->out, "character special file 1:5 640 5 6\n"
			       "block special file 7:c8 666 0 0\nfifo 0:0 600 0 0\n");
	it_assert_has(it->out, "pts/ptmx\n");
	run_in(it, 1, "true",
	       CHANGES({"linux", "devices", "[{\"path\":\"/dev/x\",\"type\":\"c\"}]"}));
	it_assert_has(it->err, "device '/dev/x': 'major' or 'minor' is missing");
}

static void test_a_file_in_the_way_of_a_device_is_an_error(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = change_bundle(
		it, "true",
		CHANGES({"linux", "devices",
			 "[{\"path\":\"/opt/zero\",\"type\":\"c\",\"major\":1,\"minor\":5}]"}));
	shell(it, "mkdir $R/opt; echo text > $R/opt/zero");
	oci_expect(it, 1, "run", "-b", bundle, "m1");
	it_assert_has(it->err, "'/opt/zero' is there already, and is not this device");
	shell(it, "rm $R/opt/zero; mknod $R/opt/zero c 1 5");
	oci_expect(it, 0, "run", "-b", bundle, "m1");
}

/* Without a mount on /dev the usual devices are made in the root's own folder. */
static void test_the_usual_devices_are_there_without_a_mount_on_dev(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	run_in(it, 0,
	       "busybox stat -c '%F %t:%T' /dev/null /dev/urandom; echo x > /dev/null; busybox head -c 2 /dev/zero | busybox wc -c",
	       CHANGES({"", "mounts",
			"[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}]"}));
	assert_string_equal(
		it->out, "character special file 1:3\ncharacter special file 1:9\n2\n");
}

static void test_masked_and_read_only_paths(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = change_bundle(
		it,
		"cat /file; ls /folder; busybox stat -c %t:%T /file; echo x > /ro/f; echo $?; cat /ro/f",
		CHANGES({"linux", "maskedPaths",
			 "[\"/file\",\"/folder\",\"/folder2\",\"/missing\",\"/file/below\"]"},
			{"linux", "readonlyPaths", "[\"/ro\",\"/missing\"]"},
			{"", "mounts",
			 "[{\"destination\":\"/dev\",\"type\":\"tmpfs\"}]"}));
	shell(it, "echo secret > $R/file; mkdir $R/folder $R/folder2 $R/ro; "
		  "touch $R/folder/f $R/folder2/f; echo kept > $R/ro/f");
	oci_expect(it, 0, "run", "-b", bundle, "m1");
	assert_string_equal(it->out, "1:3\n1\nkept\n");
}

static void test_cgroups_are_shown_anywhere(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	run_in(it, 0,
	       "echo /groups/*; test -e /groups/memory/memory.limit_in_bytes -o -e /groups/memory.max && echo memory; "
	       "busybox mkdir /groups/x 2>/dev/null || echo read-only; test -d /also -a -e /also/cgroup.procs && echo v2",
	       CHANGES({"mounts", "+",
			"{\"destination\":\"/groups\",\"type\":\"cgroup\",\"source\":\"cgroup\",\"options\":[\"ro\",\"nosuid\"]}"},
		       {"mounts", "+",
			"{\"destination\":\"/also\",\"type\":\"cgroup2\",\"options\":[\"ro\"]}"}));
	it_assert_has(it->out, "memory\nread-only\nv2\n");
	/* in the host's cgroup namespace the groups of v1 are still its own */
	run_in(it, 0, "ls -d /sys/fs/cgroup/* && echo ok",
	       CHANGES({"linux", "namespaces",
			"[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"uts\"}]"}));
	it_assert_has(it->out, "ok\n");
}

static void test_a_mount_on_the_root_takes_its_place(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	shell(it, "mkdir -p $D/other/bin; cp /bin/busybox $D/other/bin; "
		  "ln -s busybox $D/other/bin/sh; echo other > $D/other/mark");
	run_in(it, 0, "busybox cat /mark; test -d /proc/self && echo proc",
	       CHANGES({"", "mounts",
			"[{\"destination\":\"/\",\"source\":\"^/other\",\"options\":[\"bind\"]},"
			"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}]"}));
	assert_string_equal(it->out, "other\nproc\n");
	shell(it, "rm -r $D/other");
}

static void test_propagation_of_mounts_and_root(void **state)
{
	static const struct {
		const char *word, *has;
	} cases[] = {{"shared", "shared:"},
		     {"rshared", "shared:"},
		     {"slave", " - "},
		     {"private", " - "},
		     {"unbindable", "unbindable"},
		     {"runbindable", "unbindable"}};
	struct it *it = *state;

	it_need_root(it);
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_autofree char *mount = sk_strf(
			"{\"destination\":\"/t\",\"type\":\"tmpfs\",\"options\":[\"%s\"]}",
			cases[i].word);
		sk_autofree char *word = sk_strf("\"%s\"", cases[i].word);

		run_in(it, 0, GREP_MOUNT("/t"), CHANGES({"mounts", "+", mount}));
		it_assert_has(it->out, cases[i].has);
		run_in(it, 0, GREP_MOUNT("/"),
		       CHANGES({"linux", "rootfsPropagation", word}));
		it_assert_has(it->out, cases[i].has);
		if (cases[i].has[0] == ' ')
			assert_lacks(it->out, "shared:");
	}
	run_in(it, 1, "true", CHANGES({"linux", "rootfsPropagation", "\"public\""}));
	it_assert_has(it->err, "linux.rootfsPropagation 'public' is not shared");
}

/* A slave sees what is mounted outside later; what is mounted inside stays inside. */
static void test_a_slave_hears_of_mounts_outside(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	shell(it,
	      "mkdir -p $D/src/sub; mount -t tmpfs src $D/src; mount --make-shared $D/src; mkdir $D/src/sub");
	bundle = change_bundle(
		it,
		"echo ready; while ! test -e /s/sub/late; do sleep 0.05; done; echo seen",
		CHANGES({"linux", "rootfsPropagation", "\"rslave\""},
			{"mounts", "+",
			 "{\"destination\":\"/s\",\"source\":\"^/src\",\"options\":[\"rbind\",\"rslave\"]}"}));
	{
		struct it_job job;

		oci_spawn(it, &job, "run", "-b", bundle, "m1");
		it_await_out(&job, "ready");
		shell(it, "mount -t tmpfs sub $D/src/sub; touch $D/src/sub/late");
		assert_int_equal(it_finish(it, &job), 0);
		it_assert_has(it->out, "seen");
	}
	shell(it, "umount $D/src/sub $D/src; rmdir $D/src/sub $D/src || rmdir $D/src");
}

/* Also with propagation: neither mounts of the container nor their end is seen outside. */
static void test_nothing_is_seen_outside(void **state)
{
	static const char *const words[] = {"\"rshared\"", "\"shared\"", "\"rslave\"",
					    "\"rprivate\""};
	struct it *it = *state;
	sk_autofree char *before = NULL;

	it_need_root(it);
	shell(it, "cat /proc/self/mountinfo");
	before = strdup(it->out);
	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++) {
		run_in(it, 0, "cat /proc/self/mountinfo",
		       CHANGES({"linux", "rootfsPropagation", words[i]}));
		shell(it, "cat /proc/self/mountinfo");
		assert_string_equal(it->out, before);
	}
}

/* A user namespace may mount a procfs as long as it sees one without masks: there must be
 * none left outside of the root either. */
static void test_without_pivot_root_the_procfs_outside_is_gone(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = change_bundle(
		it,
		"echo /bin/s*; busybox mkdir /mnt; "
		"busybox unshare -U -r -m -p -f busybox mount -t proc proc /mnt || echo refused",
		NO_CHANGES);
	oci_expect(it, 0, "run", "--no-pivot", "-b", bundle, "m1");
	assert_string_equal(it->out, "/bin/sh /bin/sleep\nrefused\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_attributes_of_a_tmpfs_are_set),
		IT_TEST(test_each_later_option_wins),
		IT_TEST(test_recursive_attributes_reach_what_is_mounted_below),
		IT_TEST(test_unknown_words_are_errors),
		IT_TEST(test_files_and_folders_are_bound_and_their_places_made),
		IT_TEST(test_a_dangling_link_is_followed_inside_the_root),
		IT_TEST(test_links_as_source_and_as_target),
		IT_TEST(test_a_tmpfs_starts_with_a_copy),
		IT_TEST(test_what_is_mounted_can_be_remounted),
		IT_TEST(test_an_overlay_with_long_paths_is_mounted),
		IT_TEST(test_ids_are_shown_through_maps),
		IT_TEST(test_sources_in_private_folders_are_bound_in_a_user_namespace),
		IT_TEST(test_devices_are_made_as_listed),
		IT_TEST(test_a_file_in_the_way_of_a_device_is_an_error),
		IT_TEST(test_the_usual_devices_are_there_without_a_mount_on_dev),
		IT_TEST(test_masked_and_read_only_paths),
		IT_TEST(test_cgroups_are_shown_anywhere),
		IT_TEST(test_a_mount_on_the_root_takes_its_place),
		IT_TEST(test_propagation_of_mounts_and_root),
		IT_TEST(test_a_slave_hears_of_mounts_outside),
		IT_TEST(test_nothing_is_seen_outside),
		IT_TEST(test_without_pivot_root_the_procfs_outside_is_gone),
	};

	return it_run_group(tests);
}
