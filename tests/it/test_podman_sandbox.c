// SPDX-License-Identifier: Apache-2.0
/* What podman asks of a container's surroundings: limits, privileges, mounts, namespaces. */
#include "tests/it/callers.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"

static void test_limits_are_in_force_from_the_start(void **state)
{
	static const struct caller_limit limits[] = {
		{"memory.limit_in_bytes", "67108864", "memory.max", "67108864"},
		{"memory.soft_limit_in_bytes", "33554432", "memory.low", "33554432"},
		{"pids.max", "33", "pids.max", "33"},
		{"cpu.cfs_quota_us", "50000", "cpu.max", "50000 100000"},
		{"cpu.shares", "512", "cpu.weight", "20"},
		{"cpuset.cpus", "0", "cpuset.cpus", "0"},
	};
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", "--name", "l", "--memory", "64m",
		      "--memory-reservation", "32m", "--pids-limit", "33", "--cpus",
		      "0.5", "--cpu-shares", "512", "--cpuset-cpus", "0", "box", "sleep",
		      "1000");
	caller_expect_limits(caller_pid(it, "l"), limits, SK_ARRAY_SIZE(limits));
	caller_expect(it, 0, "exec", "l", "nproc");
	assert_string_equal(it->out, "1\n");
	caller_expect(it, 0, "rm", "--force", "--time", "0", "l");
}

static void test_update_changes_limits_of_a_running_container(void **state)
{
	static const struct caller_limit limits[] = {
		{"memory.limit_in_bytes", "134217728", "memory.max", "134217728"},
		{"cpu.cfs_quota_us", "150000", "cpu.max", "150000 100000"},
		{"cpu.shares", "256", "cpu.weight", "10"},
		{"pids.max", "33", "pids.max", "33"},
	};
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", "--name", "u", "--memory", "64m",
		      "--pids-limit", "33", "box", "sleep", "1000");
	caller_expect(it, 0, "update", "--memory", "128m", "--memory-swap", "256m",
		      "--cpus", "1.5", "--cpu-shares", "256", "u");
	caller_expect_limits(caller_pid(it, "u"), limits, SK_ARRAY_SIZE(limits));
	caller_expect(it, 0, "rm", "--force", "--time", "0", "u");
}

static void test_too_much_memory_is_killed(void **state)
{
	struct it *it = *state;

	caller_expect(it, 137, "run", "--rm", "--memory", "20m", "--memory-swap", "20m",
		      "box", "tail", "/dev/zero");
}

static void test_user_environment_folder_and_names(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--rm", "--user", "user", "--group-add", "44",
		      "--env", "A=b", "--workdir", "/tmp", "--hostname", "named",
		      "--umask", "0027", "--oom-score-adj", "500", "--ulimit",
		      "nofile=100:200", "--ulimit", "nproc=300:400", "box", "sh", "-c",
		      "id -u; id -g; id -G; echo $A; pwd; hostname; umask;"
		      "cat /proc/self/oom_score_adj; ulimit -n; ulimit -Hn;"
		      "grep -o 'Max processes *300 *400' /proc/self/limits | tr -s ' '");
	assert_string_equal(
		it->out, "1000\n1000\n1000 44 2000\nb\n/tmp\nnamed\n0027\n500\n100\n200\n"
			 "Max processes 300 400\n");
}

static void test_capabilities_and_privileges(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--rm", "--cap-drop", "all", "--cap-add",
		      "chown,kill", "box", "grep", "Cap", "/proc/self/status");
	assert_string_equal(it->out, "CapInh:\t0000000000000000\n"
				     "CapPrm:\t0000000000000021\n"
				     "CapEff:\t0000000000000021\n"
				     "CapBnd:\t0000000000000021\n"
				     "CapAmb:\t0000000000000000\n");
	caller_expect(it, 0, "run", "--rm", "--security-opt", "no-new-privileges", "box",
		      "grep", "NoNewPrivs", "/proc/self/status");
	assert_string_equal(it->out, "NoNewPrivs:\t1\n");
	caller_expect(it, 0, "run", "--rm", "--privileged", "box", "sh", "-c",
		      "mount -t tmpfs x /tmp && grep ' /tmp ' /proc/mounts | cut -c 1-7;"
		      "grep Seccomp: /proc/self/status; test -e /dev/fuse && echo fuse;"
		      "grep -o ' /sys sysfs rw' /proc/mounts");
	assert_string_equal(it->out, "x /tmp \nSeccomp:\t0\nfuse\n /sys sysfs rw\n");
}

static void test_seccomp_profile_is_in_force(void **state)
{
	struct it *it = *state;

	caller_write_file("deny.json",
			  "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
			  "{\"names\":[\"mkdir\",\"mkdirat\"],\"action\":"
			  "\"SCMP_ACT_ERRNO\",\"errnoRet\":1},"
			  "{\"names\":[\"rmdir\"],\"action\":\"SCMP_ACT_ERRNO\","
			  "\"errnoRet\":28}]}");
	caller_expect(it, 1, "run", "--rm", "--security-opt",
		      "seccomp=" CALLER_DIR "/deny.json", "box", "sh", "-c",
		      "mkdir /tmp/a; rmdir /tmp");
	assert_string_equal(
		it->err,
		"mkdir: can't create directory '/tmp/a': Operation not permitted\n"
		"rmdir: '/tmp': No space left on device\n");
	caller_expect(it, 0, "run", "--rm", "box", "grep",
		      "Seccomp:", "/proc/self/status");
	assert_string_equal(it->out, "Seccomp:\t2\n");
	caller_expect(it, 0, "run", "--rm", "--security-opt", "seccomp=unconfined", "box",
		      "grep", "Seccomp:", "/proc/self/status");
	assert_string_equal(it->out, "Seccomp:\t0\n");
}

static void test_volumes_tmpfs_and_read_only_roots(void **state)
{
	struct it *it = *state;

	(void)it_command(it, IT_ARGS("mkdir", "-p", CALLER_DIR "/volume"));
	caller_write_file("volume/file", "text\n");
	caller_expect(
		it, 1, "run", "--rm", "--volume", CALLER_DIR "/volume:/ro:ro", "--volume",
		CALLER_DIR "/volume:/rw", "--volume", "named:/named", "--tmpfs",
		"/t:size=64k,mode=700", "box", "sh", "-c",
		"cat /ro/file; echo > /rw/new; echo > /named/new;"
		"grep -o ' /t tmpfs rw.*size=64k,mode=700' /proc/mounts; touch /ro/x");
	it_assert_has(it->out, "text\n /t tmpfs rw");
	assert_string_equal(it->err, "touch: /ro/x: Read-only file system\n");
	assert_true(sk_fs_exists(AT_FDCWD, CALLER_DIR "/volume/new"));
	caller_expect(it, 0, "volume", "rm", "named");
	caller_expect(it, 1, "run", "--rm", "--read-only", "box", "sh", "-c",
		      "touch /tmp/x && echo tmp; touch /x");
	assert_string_equal(it->out, "tmp\n");
	assert_string_equal(it->err, "touch: /x: Read-only file system\n");
	caller_expect(it, 0, "run", "--rm", "--rootfs", CALLER_ROOTFS, "echo", "root");
	assert_string_equal(it->out, "root\n");
}

static void test_paths_of_the_kernel_are_masked_or_read_only(void **state)
{
	struct it *it = *state;

	caller_expect(it, 1, "run", "--rm", "--security-opt", "mask=/etc/passwd", "box",
		      "sh", "-c",
		      "wc -c < /etc/passwd; ls -A /sys/firmware | wc -l;"
		      "echo 1 > /proc/sys/kernel/panic");
	assert_string_equal(it->out, "0\n0\n");
	it_assert_has(it->err, "/proc/sys/kernel/panic: Read-only file system");
}

static void test_devices_are_there_with_the_rights_given(void **state)
{
	struct it *it = *state;

	caller_expect(
		it, 1, "run", "--rm", "--device", "/dev/fuse:/dev/mine:r", "box", "sh",
		"-c",
		"(exec 3< /dev/mine) && echo read; (exec 3> /dev/mine) && echo write");
	assert_string_equal(it->out, "read\n");
	it_assert_has(it->err, "Operation not permitted");
	caller_expect(it, 1, "run", "--rm", "--cap-add", "mknod", "box", "sh", "-c",
		      "mknod /tmp/fuse c 10 229; (exec 3< /tmp/fuse)");
	it_assert_has(it->err, "Operation not permitted");
}

static void test_a_user_namespace_with_ranges(void **state)
{
	struct it *it = *state;

	(void)it_command(it, IT_ARGS("mkdir", "-p", CALLER_DIR "/volume"));
	caller_expect(
		it, 0, "run", "--rm", "--uidmap", "0:100000:65536", "--gidmap",
		"0:200000:65536", "--volume", CALLER_DIR "/volume:/v:U", "--tmpfs", "/t",
		"box", "sh", "-c",
		"id -u; tr -s ' ' < /proc/self/uid_map; tr -s ' ' < /proc/self/gid_map;"
		"stat -c '%u %g' / /v /t /dev/null; touch /v/made");
	assert_string_equal(it->out, "0\n 0 100000 65536\n 0 200000 65536\n"
				     "0 0\n0 0\n0 0\n65534 65534\n");
	(void)it_command(it, IT_ARGS("stat", "-c", "%u %g", CALLER_DIR "/volume/made"));
	assert_string_equal(it->out, "100000 200000\n");
}

static void test_namespaces_of_another_container_and_of_the_host(void **state)
{
	struct it *it = *state;

	caller_expect(it, 0, "run", "--detach", "--name", "n", "--hostname", "first",
		      "box", "sleep", "1000");
	caller_expect(it, 0, "run", "--rm", "--pid", "container:n", "--network",
		      "container:n", "--ipc", "container:n", "--uts", "container:n",
		      "box", "sh", "-c", "cat /proc/1/comm; hostname");
	it_assert_has(it->out, "sleep\nfirst\n");
	caller_expect(it, 0, "rm", "--force", "--time", "0", "n");
	caller_expect(
		it, 0, "run", "--rm", "--pid", "host", "--ipc", "host", "--uts", "host",
		"--cgroupns", "host", "--network", "host", "box", "sh", "-c",
		"for n in pid ipc uts cgroup net; do readlink /proc/self/ns/$n; done");
	{
		sk_autofree char *inside = sk_steal(&it->out);

		(void)it_command(
			it,
			IT_ARGS("sh", "-c",
				"for n in pid ipc uts cgroup net; do readlink /proc/self/ns/$n; done"));
		assert_string_equal(inside, it->out);
	}
}

static void test_sysctls_and_groups_of_an_own_namespace(void **state)
{
	struct it *it = *state;

	caller_expect(
		it, 0, "run", "--rm", "--sysctl", "net.ipv4.ip_forward=1", "--sysctl",
		"kernel.shm_rmid_forced=1", "--shm-size", "1m", "--cgroupns", "private",
		"box", "sh", "-c",
		"cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shm_rmid_forced;"
		"grep -o ' /dev/shm tmpfs.*size=1024k' /proc/mounts | cut -c 1-9;"
		"cut -d : -f 3 /proc/self/cgroup | sort -u");
	assert_string_equal(it->out, "1\n1\n /dev/shm\n/\n");
}

static void test_without_groups_nothing_is_made(void **state)
{
	struct it *it = *state;
	sk_autofree char *own = NULL;

	if (caller_is_stand_in()) {
		print_message("reason: runc has no way to leave groups alone\n");
		skip();
	}
	assert_int_equal(sk_fs_read(AT_FDCWD, "/proc/self/cgroup", 65536, &own, NULL), 0);
	/* a group's name and none contradict each other, so past the words of run */
	caller_expect(it, 0, "container", "run", "--rm", "--cgroups", "disabled",
		      "--cgroupns", "host", "box", "cat", "/proc/self/cgroup");
	assert_string_equal(it->out, own);
}

static void test_descriptors_are_handed_on_when_asked(void **state)
{
	struct it *it = *state;
	sk_autofree char *command = sk_strf(
		"podman --root %s/store/root --runroot %s/store/run --tmpdir %s/store/tmp run --rm "
		"--cgroup-parent /%s --preserve-fds 1 box sh -c 'cat <&3' 3< %s/volume/file",
		CALLER_DIR, CALLER_DIR, CALLER_DIR, caller_group_name(), CALLER_DIR);

	caller_expect(it, 0, "version");
	(void)it_command(it, IT_ARGS("mkdir", "-p", CALLER_DIR "/volume"));
	caller_write_file("volume/file", "text\n");
	assert_int_equal(it_command(it, IT_ARGS("sh", "-c", command)), 0);
	assert_string_equal(it->out, "text\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALLER_TEST(test_limits_are_in_force_from_the_start),
		CALLER_TEST(test_update_changes_limits_of_a_running_container),
		CALLER_TEST(test_too_much_memory_is_killed),
		CALLER_TEST(test_user_environment_folder_and_names),
		CALLER_TEST(test_capabilities_and_privileges),
		CALLER_TEST(test_seccomp_profile_is_in_force),
		CALLER_TEST(test_volumes_tmpfs_and_read_only_roots),
		CALLER_TEST(test_paths_of_the_kernel_are_masked_or_read_only),
		CALLER_TEST(test_devices_are_there_with_the_rights_given),
		CALLER_TEST(test_a_user_namespace_with_ranges),
		CALLER_TEST(test_namespaces_of_another_container_and_of_the_host),
		CALLER_TEST(test_sysctls_and_groups_of_an_own_namespace),
		CALLER_TEST(test_without_groups_nothing_is_made),
		CALLER_TEST(test_descriptors_are_handed_on_when_asked),
	};

	return caller_run_group(tests, caller_podman_setup);
}
