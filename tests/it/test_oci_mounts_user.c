// SPDX-License-Identifier: Apache-2.0
/* Mounts of OCI containers of an ordinary user without subordinate ids: what a user namespace
 * may not have comes from outside, and nothing that is locked there is let go. */
#include "tests/it/mounts.h"

#include <string.h>

#include "lib/str.h"

#define USER "61234"

#define GREP_MOUNT(path)                                                                 \
	"while read -r l; do case $l in *' " path                                        \
	" '*) echo \"$l\";; esac; done < /proc/self/mountinfo"

/* The program is copied to where the user may read it. */
static void run_as_user(struct it *it, int status, const char *script,
			const struct change *changes, int line)
{
	sk_autofree char *dir = sk_strf("%s/user", it->dir);
	sk_autofree char *bundle = sk_strf("%s/bundle", dir);
	sk_autofree char *program = sk_strf("%s/skiff-oci", dir);
	sk_autofree char *root = sk_strf("%s/oci", dir);
	sk_autofree char *make = sk_strf(
		"B=$D/user/bundle; rm -rf $D/user; chmod 755 $D; mkdir -p $B/rootfs/bin; "
		"cp /bin/busybox $B/rootfs/bin; for a in sh cat ls echo; do ln -s busybox $B/rootfs/bin/$a; done; "
		"mkdir -p $B/rootfs/data; echo old > $B/rootfs/data/f; "
		"cp %s/bin/skiff-oci $D/user; chown -R " USER ":" USER " $D/user; "
		"setpriv --reuid " USER " --regid " USER
		" --clear-groups -- $D/user/skiff-oci spec --rootless -b $B",
		it->build);

	shell(it, make);
	change_config(it, bundle, script, changes);
	it_command(it, IT_ARGS("setpriv", "--reuid", USER, "--regid", USER,
			       "--clear-groups", "--reset-env", "--", program, "--root",
			       root, "run", "-b", bundle, "u1"));
	if (it->status != status)
		fail_msg("line %d: status %d, not %d: %s", line, it->status, status,
			 it->err);
}
#define as_user(it, status, script, changes)                                             \
	run_as_user(it, status, script, changes, __LINE__)

static void clean(struct it *it)
{
	shell(it, "rm -rf $D/user");
}

static void test_the_usual_places_are_there(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	as_user(it, 0,
		"echo x > /dev/null && busybox stat -c %t:%T /dev/null /dev/tty; ls -d /proc/1 /sys/kernel /dev/pts/ptmx /dev/shm; "
		"echo /sys/fs/cgroup/*; " GREP_MOUNT("/sys"),
		NO_CHANGES);
	it_assert_has(it->out, "1:3\n5:0\n");
	it_assert_has(it->out, "/proc/1\n");
	it_assert_has(it->out, "/dev/pts/ptmx");
	it_assert_has(it->out, "/sys ro");
	clean(it);
}

/* The host's mount is read-only and noexec: a user namespace may not take that back. */
static void test_locked_attributes_stay(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	shell(it, "mkdir $D/src; mount -t tmpfs -o ro,noexec,noatime src $D/src");
	as_user(it, 0, GREP_MOUNT("/s"),
		CHANGES({"mounts", "+",
			 "{\"destination\":\"/s\",\"source\":\"^/src\",\"options\":"
			 "[\"rbind\",\"rw\",\"exec\",\"dev\",\"relatime\",\"nosuid\"]}"}));
	it_assert_has(it->out, "/s ro,nosuid,noexec,noatime");
	shell(it, "umount $D/src; rmdir $D/src");
	clean(it);
}

static void test_file_systems_binds_and_copies(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	shell(it, "mkdir $D/src; echo outside > $D/src/f");
	as_user(it, 0, "cat /data/f /s/f; echo no > /s/f || echo refused",
		CHANGES({"mounts", "+",
			 "{\"destination\":\"/data\",\"type\":\"tmpfs\",\"options\":[\"tmpcopyup\"]}"},
			{"mounts", "+",
			 "{\"destination\":\"/s\",\"source\":\"^/src\",\"options\":[\"bind\",\"ro\"]}"}));
	it_assert_has(it->out, "old\noutside\nrefused\n");
	shell(it, "rm -r $D/src");
	clean(it);
}

/* With the host's processes in sight its procfs is shown, for an own one is not allowed. */
static void test_proc_of_the_hosts_pid_namespace_is_bound(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	as_user(it, 0, "test -e /proc/self/status && echo procfs",
		CHANGES({"linux", "namespaces",
			 "[{\"type\":\"mount\"},{\"type\":\"user\"},{\"type\":\"uts\"},{\"type\":\"ipc\"}]"}));
	assert_string_equal(it->out, "procfs\n");
	/* where the machine has one, that is bound */
	shell(it, "umount /dev/mqueue 2> /dev/null || :");
	as_user(it, 1, "true",
		CHANGES({"linux", "namespaces",
			 "[{\"type\":\"mount\"},{\"type\":\"user\"},{\"type\":\"uts\"}]"}));
	it_assert_has(it->err,
		      "in a user namespace it takes a new ipc namespace to mount this");
	clean(it);
}

static void test_what_needs_root_says_so(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	shell(it, "mkdir $D/src");
	as_user(it, 1, "true",
		CHANGES({"mounts", "+",
			 "{\"destination\":\"/s\",\"source\":\"^/src\",\"options\":[\"bind\",\"idmap\"]}"}));
	it_assert_has(it->err, "/src' on '/s': only root may show the owners of '");
	as_user(it, 1, "true",
		CHANGES({"linux", "devices",
			 "[{\"path\":\"/dev/mine\",\"type\":\"c\",\"major\":1,\"minor\":3}]"}));
	it_assert_has(it->err,
		      "device '/dev/mine': copy the mount of '/dev/mine': No such file");
	as_user(it, 0, "busybox stat -c %t:%T /dev/full /dev/sub/fifo",
		CHANGES({"linux", "devices",
			 "[{\"path\":\"/dev/full\",\"type\":\"c\",\"major\":1,\"minor\":7},"
			 "{\"path\":\"/dev/sub/fifo\",\"type\":\"p\"}]"}));
	assert_string_equal(it->out, "1:7\n0:0\n");
	shell(it, "rmdir $D/src");
	clean(it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_the_usual_places_are_there),
		IT_TEST(test_locked_attributes_stay),
		IT_TEST(test_file_systems_binds_and_copies),
		IT_TEST(test_proc_of_the_hosts_pid_namespace_is_bound),
		IT_TEST(test_what_needs_root_says_so),
	};

	return it_run_group(tests);
}
