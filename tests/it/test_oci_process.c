// SPDX-License-Identifier: Apache-2.0
/* What config.json may ask for a process and its namespaces, seen from inside the container. */
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/sock.h"
#include "lib/str.h"
#include "tests/it/oci.h"

/* Set "SECTION.KEY" of the bundle's config.json to a JSON text. */
static void set(const char *bundle, const char *section, const char *key,
		const char *text)
{
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);
	struct sk_json *value = NULL;
	struct sk_json *object = section ? sk_json_path(config, section) : config;

	assert_int_equal(sk_json_parse(text, strlen(text), key, &value, NULL), 0);
	sk_json_set(object, key, value);
	oci_save(bundle, config);
}

static char *script(struct it *it, const char *text)
{
	sk_autofree char *args = sk_strf("[\"sh\",\"-c\",\"%s\"]", text);

	it_need_root(it);
	return oci_bundle(it, args);
}

static void test_scheduler_and_priorities_are_set(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle =
		script(it, "cat /proc/self/stat /proc/self/personality");
	char *at;

	set(bundle, "process", "scheduler", "{\"policy\":\"SCHED_BATCH\",\"nice\":5}");
	set(bundle, "process", "ioPriority",
	    "{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":7}");
	set(bundle, "linux", "personality", "{\"domain\":\"LINUX32\"}");
	set(bundle, "linux", "memoryPolicy", "{\"mode\":\"MPOL_BIND\",\"nodes\":\"0\"}");
	oci_expect(it, 0, "run", "-b", bundle, "p1");
	it_assert_has(it->out, "00000008\n");
	/* from field 3 on: 19 is nice, 41 the policy (3 is SCHED_BATCH) */
	at = strchr(it->out, ')');
	assert_non_null(at);
	for (int field = 2; field < 41; field++) {
		at = strchr(at + 1, ' ');
		assert_non_null(at);
		if (field == 18)
			assert_int_equal(strtol(at, NULL, 10), 5);
	}
	assert_int_equal(strtol(at, NULL, 10), 3);
}

static void add_userns(const char *bundle)
{
	static const char map[] = "[{\"containerID\":0,\"hostID\":0,\"size\":65536}]";
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);

	(void)sk_json_add(sk_json_path(config, "linux.namespaces"),
			  oci_json("{\"type\":\"user\"}"));
	oci_save(bundle, config);
	set(bundle, "linux", "uidMappings", map);
	set(bundle, "linux", "gidMappings", map);
}

static void test_limits_are_set_last_and_a_refused_one_is_named(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = script(it, "ulimit -n; ulimit -Hn; umask");

	set(bundle, "process", "rlimits",
	    "[{\"type\":\"RLIMIT_NOFILE\",\"soft\":3,\"hard\":4}]");
	set(bundle, "process.user", "umask", "63");
	oci_expect(it, 0, "run", "-b", bundle, "p1");
	assert_string_equal(it->out, "3\n4\n0077\n");
	set(bundle, "process", "rlimits",
	    "[{\"type\":\"RLIMIT_NOFILE\",\"soft\":3,\"hard\":4611686018427387904}]");
	oci_expect(it, 1, "run", "-b", bundle, "p1");
	it_assert_has(it->err, "set resource limit RLIMIT_NOFILE");
}

/* Root of the machine may raise them, root of the new user namespace may not. */
static void test_limits_are_raised_for_a_user_namespace(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = script(it, "ulimit -Hn; cat /proc/self/oom_score_adj");
	struct rlimit files;
	sk_autofree char *limits = NULL, *want = NULL;
	unsigned long long hard;

	if (prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE) != 1)
		skip();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	hard = files.rlim_max + 7;
	limits =
		sk_strf("[{\"type\":\"RLIMIT_NOFILE\",\"soft\":16,\"hard\":%llu}]", hard);
	want = sk_strf("%llu\n-17\n", hard);
	add_userns(bundle);
	set(bundle, "process", "rlimits", limits);
	set(bundle, "process", "oomScoreAdj", "-17");
	oci_expect(it, 0, "run", "-b", bundle, "p1");
	assert_string_equal(it->out, want);
	assert_string_equal(it->err, "");
}

static void test_capabilities_that_cannot_be_had_are_warnings(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = script(it, "grep Cap /proc/self/status");

	set(bundle, "process", "capabilities",
	    "{\"bounding\":[\"CAP_KILL\",\"CAP_NOPE\"],\"permitted\":[\"CAP_KILL\"],"
	    "\"effective\":[\"CAP_KILL\"],\"ambient\":[\"CAP_KILL\"]}");
	oci_expect(it, 0, "run", "-b", bundle, "p1");
	it_assert_has(it->err, "capability 'CAP_NOPE' is unknown here: ignored");
	it_assert_has(it->out, "CapBnd:\t0000000000000020");
	it_assert_has(it->out, "CapAmb:\t0000000000000000");
	/* CVE-2022-27650: what is not asked for is not inheritable */
	it_assert_has(it->out, "CapInh:\t0000000000000000");
}

static void test_labels_without_their_module_are_refused_by_name(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = script(it, "true");

	it_need_root(it);
	set(bundle, "process", "apparmorProfile", "\"no-such-profile\"");
	oci_expect(it, 1, "run", "-b", bundle, "p1");
	it_assert_has(it->err, "AppArmor profile 'no-such-profile'");
	set(bundle, "process", "apparmorProfile", "\"\"");
	set(bundle, "process", "selinuxLabel", "\"no:such:label\"");
	oci_expect(it, 1, "run", "-b", bundle, "p1");
	it_assert_has(it->err, "SELinux label 'no:such:label'");
}

static void test_a_missing_working_folder_is_made(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = script(it, "pwd");

	set(bundle, "process", "cwd", "\"/some/where\"");
	set(bundle, "root", "readonly", "true");
	oci_expect(it, 0, "run", "-b", bundle, "p1");
	assert_string_equal(it->out, "/some/where\n");
}

static void test_clocks_have_offsets(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = script(it, "cat /proc/self/timens_offsets");
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);
	struct sk_json *ns = sk_json_add(sk_json_path(config, "linux.namespaces"),
					 sk_json_new_object());

	sk_json_set_str(ns, "type", "time");
	oci_save(bundle, config);
	set(bundle, "linux", "timeOffsets",
	    "{\"monotonic\":{\"secs\":50000,\"nanosecs\":7}}");
	oci_expect(it, 0, "run", "-b", bundle, "p1");
	it_assert_has(it->out, "monotonic       50000         7");
}

/* A process in namespaces of its own; killed by the caller. */
static pid_t other_namespaces(const char *const *argv)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		(void)dup2(ready[1], 1);
		(void)close(ready[0]);
		(void)close(ready[1]);
		(void)execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	return pid;
}

static void join(const char *bundle, const char *type, pid_t pid, const char *file)
{
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);
	sk_autofree char *path = sk_strf("/proc/%d/ns/%s", (int)pid, file);
	struct sk_json *list = sk_json_path(config, "linux.namespaces"), *found = NULL;

	for (size_t i = 0; i < sk_json_len(list); i++)
		if (strcmp(sk_json_str(sk_json_get(sk_json_at(list, i), "type"), ""),
			   type) == 0)
			found = sk_json_at(list, i);
	if (!found) {
		found = sk_json_add(list, sk_json_new_object());
		sk_json_set_str(found, "type", type);
	}
	sk_json_set_str(found, "path", path);
	oci_save(bundle, config);
}

static void assert_same_namespace(struct it *it, pid_t pid, const char *file)
{
	sk_autofree char *path = sk_strf("/proc/%d/ns/%s", (int)pid, file);
	sk_autofree char *target = NULL;

	assert_int_equal(sk_fs_readlink(AT_FDCWD, path, &target), 0);
	it_assert_has(it->out, target);
}

static void end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static void test_namespaces_are_joined_by_path(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = script(it, "ls -l /proc/self/ns");
	pid_t pid = other_namespaces(IT_ARGS("unshare", "-n", "-i", "-m", "-C", "sh",
					     "-c", "echo; exec sleep 60"));

	join(bundle, "network", pid, "net");
	join(bundle, "ipc", pid, "ipc");
	join(bundle, "cgroup", pid, "cgroup");
	join(bundle, "mount", pid, "mnt");
	it_command(it,
		   IT_ARGS("sh", "-c", "ln -sf busybox \"$0/rootfs/bin/ls\"", bundle));
	oci_expect(it, 0, "run", "-b", bundle, "p1");
	assert_same_namespace(it, pid, "net");
	assert_same_namespace(it, pid, "ipc");
	assert_same_namespace(it, pid, "cgroup");
	assert_same_namespace(it, pid, "mnt");
	end(pid);
}

static void test_a_user_namespace_is_joined_with_what_it_owns(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle =
		script(it, "ls -l /proc/self/ns; cat /proc/self/uid_map");
	pid_t pid = other_namespaces(
		IT_ARGS("unshare", "--user", "-n", "sh", "-c", "echo; exec sleep 60"));
	sk_autofree char *uids = sk_strf("/proc/%d/uid_map", (int)pid);
	sk_autofree char *gids = sk_strf("/proc/%d/gid_map", (int)pid);

	assert_int_equal(sk_fs_write(AT_FDCWD, uids, "0 0 65536"), 0);
	assert_int_equal(sk_fs_write(AT_FDCWD, gids, "0 0 65536"), 0);
	join(bundle, "user", pid, "user");
	join(bundle, "network", pid, "net");
	it_command(it,
		   IT_ARGS("sh", "-c", "ln -sf busybox \"$0/rootfs/bin/ls\"", bundle));
	oci_expect(it, 0, "run", "-b", bundle, "p1");
	assert_same_namespace(it, pid, "user");
	assert_same_namespace(it, pid, "net");
	end(pid);
}

static void test_a_path_of_another_kind_is_refused(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = script(it, "true");

	join(bundle, "network", getpid(), "uts");
	oci_expect(it, 1, "run", "-b", bundle, "p1");
	it_assert_has(it->err, "is a uts namespace, not a net one");
	oci_assert_nothing(it);
}

static void test_exec_takes_its_own_process(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL, *file = sk_strf("%s/process.json", it->dir);
	static const char process[] =
		"{\"cwd\":\"/\",\"user\":{\"uid\":5,\"gid\":6,\"additionalGids\":[7],\"umask\":23},"
		"\"env\":[\"PATH=/bin\"],\"args\":[\"sh\",\"-c\",\"id -u; id -g; umask; ulimit -n; cat /proc/self/oom_score_adj; "
		"grep Cpus_allowed_list /proc/self/status\"],"
		"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":33,\"hard\":44}],\"oomScoreAdj\":300,"
		"\"execCPUAffinity\":{\"initial\":\"0\",\"final\":\"0\"}}";

	it_need_root(it);
	bundle = oci_bundle(it, "[\"sleep\",\"1000\"]");
	it_command(it,
		   IT_ARGS("sh", "-c",
			   "ln -sf busybox \"$0/rootfs/bin/grep\"; echo \"$1\" > \"$2\"",
			   bundle, process, file));
	oci_run_detached(it, bundle, "p1");
	oci_expect(it, 0, "exec", "--process", file, "p1");
	assert_string_equal(it->out, "5\n6\n0027\n33\n300\nCpus_allowed_list:\t0\n");
	oci_expect(it, 0, "exec", "p1", "sh", "-c",
		   "echo $$ > /dev/null; ls /proc/1/exe > /dev/null; hostname");
	oci_expect(it, 0, "delete", "--force", "p1");
	assert_int_equal(unlink(file), 0);
}

/* A service manager may have set less than the container's group allows. */
static void test_the_callers_cpus_are_not_the_containers(void **state)
{
	static const char *const one_cpu[] = {"taskset", "-c", "0", NULL};
	struct it *it = *state;
	sk_autofree char *bundle =
		script(it, "grep Cpus_allowed_list /proc/self/status; exec sleep 1000");
	sk_autofree char *all = NULL;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip();
	it_command(it,
		   IT_ARGS("sh", "-c", "ln -sf busybox \"$0/rootfs/bin/grep\"", bundle));
	it_command(it, IT_ARGS("grep", "Cpus_allowed_list", "/proc/self/status"));
	all = strdup(it->out);
	oci_run_detached(it, bundle, "p1");
	it->prefix = one_cpu;
	oci_expect(it, 0, "exec", "p1", "grep", "Cpus_allowed_list", "/proc/self/status");
	assert_string_equal(it->out, all);
	it->prefix = NULL;
	oci_expect(it, 0, "delete", "-f", "p1");
	set(bundle, "process", "args",
	    "[\"grep\",\"Cpus_allowed_list\",\"/proc/self/status\"]");
	it->prefix = one_cpu;
	oci_expect(it, 0, "run", "-b", bundle, "p1");
	it->prefix = NULL;
	assert_string_equal(it->out, all);
}

/* Guard: setgroups() of sandbox/credentials.c. */
/* By the container's own list of users, which may hold anything. */
static void test_home_is_the_users_unless_it_is_given(void **state)
{
	static const struct {
		const char *line, *env, *want;
	} cases[] = {
		{"web:x:1234:1234::/srv/web:/bin/sh", "[]", "/srv/web\n"},
		{"web:x:1234:1234::/srv/web:/bin/sh", "[\"HOME=/mine\"]", "/mine\n"},
		{"1234:x:0:0::/root:/bin/sh", "[]", "/\n"},
		{"web:x:1234:1234::not/absolute:/bin/sh", "[]", "/\n"},
		{"web:x:1234", "[]", "/\n"},
	};
	struct it *it = *state;
	sk_autofree char *bundle = script(it, "echo $HOME");

	set(bundle, "process", "user", "{\"uid\":1234,\"gid\":1234}");
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		assert_int_equal(
			it_command(it, IT_ARGS("sh", "-c",
					       "mkdir -p \"$0/rootfs/etc\" && "
					       "echo \"$1\" > \"$0/rootfs/etc/passwd\"",
					       bundle, cases[i].line)),
			0);
		set(bundle, "process", "env", cases[i].env);
		oci_expect(it, 0, "run", "-b", bundle, "p1");
		assert_string_equal(it->out, cases[i].want);
	}
}

static void test_groups_of_the_caller_do_not_come_along(void **state)
{
	static const char *const groups[] = {"setpriv", "--groups=4242,4343", "--", NULL};
	struct it *it = *state;
	sk_autofree char *bundle = script(it, "grep Groups /proc/self/status");

	it_command(it,
		   IT_ARGS("sh", "-c", "ln -sf busybox \"$0/rootfs/bin/grep\"", bundle));
	it->prefix = groups;
	oci_expect(it, 0, "run", "-b", bundle, "p1");
	assert_string_equal(it->out, "Groups:\t \n");
	set(bundle, "process.user", "additionalGids", "[7,8]");
	oci_expect(it, 0, "run", "-b", bundle, "p1");
	it->prefix = NULL;
	assert_string_equal(it->out, "Groups:\t7 8 \n");
}

/* Annotation of `podman run --group-add keep-groups`. */
static void test_groups_of_the_caller_are_kept_on_request(void **state)
{
	static const char *const groups[] = {"setpriv", "--groups=4242,4343", "--", NULL};
	struct it *it = *state;
	sk_autofree char *bundle = script(it, "grep Groups /proc/self/status; sleep 60");
	struct it_job job = {0};

	set(bundle, NULL, "annotations", "{\"run.oci.keep_original_groups\":\"1\"}");
	it->prefix = groups;
	oci_spawn(it, &job, "run", "-b", bundle, "p1");
	it_await_out(&job, "Groups:\t4242 4343 \n");
	oci_expect(it, 0, "exec", "p1", "grep", "Groups", "/proc/self/status");
	assert_string_equal(it->out, "Groups:\t4242 4343 \n");
	it->prefix = NULL;
	oci_expect(it, 0, "kill", "p1", "KILL");
	assert_int_equal(it_finish(it, &job), 137);
	oci_assert_nothing(it);
}

static void test_clocks_of_a_time_namespace_by_path(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = script(it, "cut -d. -f1 /proc/uptime");
	pid_t pid = other_namespaces(IT_ARGS("unshare", "-T", "--boottime=7000000", "sh",
					     "-c", "echo; exec sleep 60"));

	it_command(it,
		   IT_ARGS("sh", "-c", "ln -sf busybox \"$0/rootfs/bin/cut\"", bundle));
	/* before Linux 6.3 a program that is executed does not enter it, only children do */
	join(bundle, "time", pid, "time_for_children");
	oci_expect(it, 0, "run", "-b", bundle, "p1");
	assert_true(strtol(it->out, NULL, 10) >= 7000000);
	end(pid);
}

/* What a service of systemd with Type=notify says reaches the caller's socket. */
static void test_the_notify_socket_is_in_the_container(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = script(it, "ls -l $NOTIFY_SOCKET; exec sleep 1000");
	sk_autofree char *path = sk_strf("%s/notify", it->dir);
	sk_autofree char *word = sk_strf("NOTIFY_SOCKET=%s", path);
	sk_autofree char *inside = NULL;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), sender;
	char text[16] = "";

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(sock, (struct sockaddr *)&address, sizeof(address)), 0);
	it->prefix = (const char *const[]){"env", word, NULL};
	oci_run_detached(it, bundle, "p1");
	it->prefix = NULL;
	inside = sk_strf("/proc/%d/root/run/notify/notify.sock", (int)oci_pid(it, "p1"));
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", inside);
	sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(sendto(sender, "READY=1", 7, 0, (struct sockaddr *)&address,
				sizeof(address)),
			 7);
	assert_int_equal(recv(sock, text, sizeof(text), MSG_DONTWAIT), 7);
	assert_string_equal(text, "READY=1");
	(void)close(sender);
	(void)close(sock);
	oci_expect(it, 0, "delete", "-f", "p1");
	set(bundle, "process", "args",
	    "[\"sh\",\"-c\",\"test -S $NOTIFY_SOCKET && echo $NOTIFY_SOCKET\"]");
	it->prefix = (const char *const[]){"env", word, NULL};
	oci_expect(it, 0, "run", "-b", bundle, "p1");
	it->prefix = NULL;
	assert_string_equal(it->out, "/run/notify/notify.sock\n");
	assert_int_equal(unlink(path), 0);
}

/* Read a terminal's other end until its program is gone. */
static void read_terminal(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len + 1 < size && (n = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
}

static void test_a_terminal_has_its_size_and_its_multiplexer_is_real(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = script(it, "stty size; tty");
	sk_autofree char *path = sk_strf("%s/console", it->dir);
	sk_autoclose int server = sk_sock_listen(path, NULL);
	sk_autoclose int peer = -1, terminal = -1;
	char text[256], tag;

	it_command(it,
		   IT_ARGS("sh", "-c", "ln -sf busybox \"$0/rootfs/bin/stty\"", bundle));
	set(bundle, "process", "terminal", "true");
	set(bundle, "process", "consoleSize", "{\"height\":33,\"width\":111}");
	oci_expect(it, 0, "run", "-d", "-b", bundle, "--console-socket", path, "p1");
	peer = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	assert_true(peer >= 0);
	terminal = sk_sock_recv_fd(peer, &tag);
	assert_true(terminal >= 0);
	read_terminal(terminal, text, sizeof(text));
	assert_string_equal(text, "33 111\r\n/dev/pts/0\r\n");
	oci_expect(it, 0, "delete", "-f", "p1");
	/* CVE-2025-52565: anything else in its place gets no terminal */
	set(bundle, NULL, "mounts",
	    "[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
	    "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"},"
	    "{\"destination\":\"/dev/pts\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"},"
	    "{\"destination\":\"/dev/pts/ptmx\",\"type\":\"bind\",\"source\":\"/dev/zero\","
	    "\"options\":[\"bind\"]}]");
	oci_expect(it, 1, "run", "-d", "-b", bundle, "--console-socket", path, "p1");
	it_assert_has(it->err, "is not a terminal multiplexer");
	oci_assert_nothing(it);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_scheduler_and_priorities_are_set),
		IT_TEST(test_limits_are_set_last_and_a_refused_one_is_named),
		IT_TEST(test_limits_are_raised_for_a_user_namespace),
		IT_TEST(test_capabilities_that_cannot_be_had_are_warnings),
		IT_TEST(test_labels_without_their_module_are_refused_by_name),
		IT_TEST(test_a_missing_working_folder_is_made),
		IT_TEST(test_clocks_have_offsets),
		IT_TEST(test_namespaces_are_joined_by_path),
		IT_TEST(test_a_user_namespace_is_joined_with_what_it_owns),
		IT_TEST(test_a_path_of_another_kind_is_refused),
		IT_TEST(test_exec_takes_its_own_process),
		IT_TEST(test_the_callers_cpus_are_not_the_containers),
		IT_TEST(test_home_is_the_users_unless_it_is_given),
		IT_TEST(test_groups_of_the_caller_do_not_come_along),
		IT_TEST(test_groups_of_the_caller_are_kept_on_request),
		IT_TEST(test_clocks_of_a_time_namespace_by_path),
		IT_TEST(test_a_terminal_has_its_size_and_its_multiplexer_is_real),
		IT_TEST(test_the_notify_socket_is_in_the_container),
	};

	return it_run_group(tests);
}
