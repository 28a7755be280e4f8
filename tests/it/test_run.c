// SPDX-License-Identifier: Apache-2.0
/* test_run - `skiff run`: exit statuses, isolation, options, terminals */
#include "tests/it/it.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"

#define BOX	   "run", "--rm", "@busybox"
#define SH(script) "run", "--rm", "@busybox", "sh", "-c", script

#define LIST_NAMESPACES                                                                  \
	"for n in pid mnt uts ipc net user cgroup; do readlink /proc/self/ns/$n; done"

/* On an overlay, as in the test VM, / cannot be idmapped. */
static void need_host_image(struct it *it)
{
	if (it_skiff(it, "run", "--rm", "@host", "true") == 0 ||
	    !strstr(it->err, "not possible on its file system"))
		return;
	print_message("reason: this machine's / cannot be idmapped\n");
	skip();
}

/* ---- Exit status ---- */

static void test_exit_status_is_the_commands(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 0, BOX, "true");
	assert_string_equal(it->out, "");
	assert_string_equal(it->err, "");
	it_expect(it, 7, SH("exit 7"));
	assert_string_equal(it->err, "");
}

static void test_stdout_and_stderr_stay_apart(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 0, SH("echo to-out; echo to-err >&2"));
	assert_string_equal(it->out, "to-out\n");
	assert_string_equal(it->err, "to-err\n");
}

static void test_missing_command_is_127(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 127, BOX, "no-such-command");
	it_assert_has(it->err, "no-such-command");
	it_expect(it, 127, BOX, "/no/such/path");
	it_assert_has(it->err, "/no/such/path");
}

static void test_command_that_cannot_be_invoked_is_126(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 126, BOX, "/etc");
	it_assert_has(it->err, "/etc");
	it_expect(it, 126, BOX, "/etc/passwd");
	it_assert_has(it->err, "/etc/passwd");
}

static void test_own_failures_are_125(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 125, "run", "--rm", "@bussybox", "true");
	it_assert_has(it->err, "@busybox");
	it_expect(it, 125, "run", "--no-such-option", "@busybox");
	it_assert_has(it->err, "unknown option");
	it_expect(it, 125, "run");
	it_expect(it, 125, "run", "--rm", "-v", "/no/such/folder:/mnt", "@busybox",
		  "true");
	it_assert_has(it->err, "/no/such/folder");
	it_expect(it, 125, "run", "--rm", "-u", "no-such-user", "@busybox", "true");
	it_assert_has(it->err, "no-such-user");
	it_expect(it, 125, "run", "--rm", "--name", "a/b", "@busybox", "true");
	it_assert_has(it->err, "a/b");
}

static void test_command_killed_by_a_signal_is_128_and_its_number(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 128 + 15, "run", "--rm", "--init", "@busybox", "sh", "-c",
		  "kill -TERM $$");
}

/* ---- Isolation ---- */

static void test_command_is_process_one_of_its_own_namespaces(void **state)
{
	static const char *const kinds[] = {"pid", "mnt",  "uts",   "ipc",
					    "net", "user", "cgroup"};
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 0, SH("echo $$"));
	assert_string_equal(it->out, "1\n");
	it_expect(it, 0, SH(LIST_NAMESPACES));
	for (size_t i = 0; i < SK_ARRAY_SIZE(kinds); i++) {
		sk_autofree char *path = sk_strf("/proc/self/ns/%s", kinds[i]);
		sk_autofree char *own = NULL;

		assert_int_equal(sk_fs_readlink(AT_FDCWD, path, &own), 0);
		it_assert_has(it->out, kinds[i]);
		if (strstr(it->out, own))
			fail_msg("the container shares %s", own);
	}
}

static void test_time_namespace_comes_on_request(void **state)
{
	struct it *it = *state;
	sk_autofree char *own = NULL;

	it_need_root(it);
	assert_int_equal(sk_fs_readlink(AT_FDCWD, "/proc/self/ns/time", &own), 0);
	it_expect(it, 0, SH("readlink /proc/self/ns/time"));
	it_assert_has(it->out, own);
	it_expect(it, 0, "run", "--rm", "--time", "@busybox", "readlink",
		  "/proc/self/ns/time");
	assert_null(strstr(it->out, own));
}

static void test_network_none_has_loopback_alone(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 0, SH("cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' '"));
	assert_string_equal(it->out, "lo\n");
	it_expect(it, 0, SH("ip address show lo"));
	it_assert_has(it->out, "inet 127.0.0.1/8");
	it_assert_has(it->out, "LOOPBACK,UP");
}

static void test_network_host_is_the_callers(void **state)
{
	struct it *it = *state;
	sk_autofree char *own = NULL;

	it_need_root(it);
	assert_int_equal(sk_fs_readlink(AT_FDCWD, "/proc/self/ns/net", &own), 0);
	it_expect(it, 0, "run", "--rm", "--network", "host", "@busybox", "readlink",
		  "/proc/self/ns/net");
	it_assert_has(it->out, own);
}

static void test_privileges_are_dropped(void **state)
{
	struct it *it = *state;
	const char *line;
	unsigned long long caps;

	it_need_root(it);
	it_expect(it, 0, BOX, "cat", "/proc/self/status");
	it_assert_has(it->out, "NoNewPrivs:\t1");
	it_assert_has(it->out, "Seccomp:\t2");
	line = strstr(it->out, "CapBnd:");
	assert_non_null(line);
	caps = strtoull(line + strlen("CapBnd:"), NULL, 16);
	assert_in_range(__builtin_popcountll(caps), 1, 9);
	assert_int_equal(caps & (1ull << 21 /* SYS_ADMIN */), 0);
	assert_int_equal(caps & (1ull << 13 /* NET_RAW */), 0);
	assert_non_null(strstr(it->out, "CapInh:\t0000000000000000"));
}

static void test_mounts_and_kernel_settings_are_out_of_reach(void **state)
{
	static const char *const scripts[] = {
		"mount -t tmpfs none /mnt",
		"umount /proc",
		"echo x > /proc/sys/kernel/hostname",
		"echo b > /proc/sysrq-trigger",
		"mknod /tmp/sda b 8 0",
		"unshare -U true",
		"test -s /proc/kcore",
		"ls /proc/1/root/sys/firmware/* ",
	};
	struct it *it = *state;

	it_need_root(it);
	for (size_t i = 0; i < SK_ARRAY_SIZE(scripts); i++)
		if (it_skiff(it, SH(scripts[i])) == 0)
			fail_msg("'%s' was allowed", scripts[i]);
}

static void test_no_descriptor_is_inherited(void **state)
{
	struct it *it = *state;
	int fd = open("/", O_RDONLY | O_DIRECTORY); /* on purpose without O_CLOEXEC */

	assert_true(fd >= 0);
	it_need_root(it);
	it_expect(it, 0, SH("for f in /proc/self/fd/*; do readlink $f; done; true"));
	(void)close(fd);
	assert_null(strstr(it->out, "\n/\n"));
	assert_null(strstr(it->out, "skiff"));
	assert_null(strstr(it->out, "cgroup"));
}

/* ---- File systems ---- */

static void test_writes_are_the_containers_own(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 0, SH("echo mine > /marker && cat /marker"));
	assert_string_equal(it->out, "mine\n");
	it_expect(it, 1, BOX, "cat", "/marker");
}

static void test_host_image_is_a_disposable_copy_without_homes(void **state)
{
	struct it *it = *state;
	sk_autofree char *text = NULL;
	int has_debian = sk_fs_read(AT_FDCWD, "/etc/os-release", 65536, &text, NULL);

	it_need_root(it);
	assert_int_equal(has_debian, 0);
	need_host_image(it);
	it_expect(it, 0, "run", "--rm", "@host", "cat", "/etc/os-release");
	assert_string_equal(it->out, text);
	it_expect(it, 0, "run", "--rm", "@host", "sh", "-c",
		  "ls -A /root /home; echo gone > /etc/skiff-it-marker");
	assert_false(sk_fs_exists(AT_FDCWD, "/etc/skiff-it-marker"));
	assert_null(strstr(it->out, ".bashrc"));
	(void)it_skiff(it, "run", "--rm", "@host", "cat", "/etc/shadow");
	assert_string_equal(it->out, "");
}

static void test_read_only_refuses_writes_to_the_root(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 1, "run", "--rm", "--read-only", "@busybox", "touch", "/marker");
	it_assert_has(it->err, "Read-only file system");
	it_expect(it, 0, "run", "--rm", "--read-only", "@busybox", "touch", "/dev/shm/x");
}

static void test_volume_keeps_the_callers_ids(void **state)
{
	struct it *it = *state;
	sk_autofree char *folder = sk_strf("%s/volume", it->dir);
	sk_autofree char *file = sk_strf("%s/file", folder);
	sk_autofree char *volume = sk_strf("%s:/data", folder);
	struct stat st;

	it_need_root(it);
	assert_int_equal(mkdir(folder, 0755), 0);
	it_expect(it, 0, "run", "--rm", "-v", volume, "@busybox", "sh", "-c",
		  "echo hello > /data/file && stat -c %u /data");
	assert_string_equal(it->out, "0\n");
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_uid, 0);
	free(volume);
	volume = sk_strf("%s:/data:ro", folder);
	it_expect(it, 1, "run", "--rm", "-v", volume, "@busybox", "touch", "/data/other");
	it_assert_has(it->err, "Read-only file system");
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, folder, NULL), 0);
}

/* ---- Settings of the command ---- */

static void test_variables_are_set_and_handed_on(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	assert_int_equal(setenv("SKIFF_IT_HANDED", "on", 1), 0);
	it_expect(it, 0, "run", "--rm", "-e", "A=b c", "--env", "SKIFF_IT_HANDED",
		  "@busybox", "env");
	it_assert_has(it->out, "A=b c\n");
	it_assert_has(it->out, "SKIFF_IT_HANDED=on\n");
	it_assert_has(it->out, "PATH=");
	it_expect(it, 0, BOX, "env");
	assert_null(strstr(it->out, "SKIFF_IT_HANDED"));
	(void)unsetenv("SKIFF_IT_HANDED");
}

static void test_workdir_user_and_hostname_are_taken(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 0, "run", "--rm", "-w", "/etc", "@busybox", "pwd");
	assert_string_equal(it->out, "/etc\n");
	it_expect(it, 125, "run", "--rm", "-w", "/no/such", "@busybox", "pwd");
	it_assert_has(it->err, "enter working folder '/no/such' in the container: "
			       "No such file or directory\n"
			       "hint: it must be there in the image, or in a volume\n");
	it_expect(it, 0, "run", "--rm", "-u", "1000:1001", "@busybox", "sh", "-c",
		  "id -u; id -g");
	assert_string_equal(it->out, "1000\n1001\n");
	it_expect(it, 0, "run", "--rm", "-u", "1000", "@busybox", "sh", "-c",
		  "grep CapEff /proc/self/status");
	it_assert_has(it->out, "0000000000000000");
	it_expect(it, 0, "run", "--rm", "--hostname", "lighthouse", "@busybox",
		  "hostname");
	assert_string_equal(it->out, "lighthouse\n");
	it_expect(it, 0, "run", "--rm", "--name", "it-named", "@busybox", "hostname");
	assert_string_equal(it->out, "it-named\n");
}

static void test_debug_tells_what_is_done(void **state)
{
	static const char *const lines[] = {
		"skiff: debug: image '@busybox': layers /",
		"skiff: debug: container 'it-told': made its record '/",
		"skiff: debug: container 'it-told': made its groups 'skiff-",
		"skiff: debug: container 'it-told': 'true' runs as process ",
		"skiff: debug: container 'it-told': ended with status 0 and is cleaned up\n",
	};
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 0, "--debug", "run", "--rm", "--name", "it-told", "@busybox",
		  "true");
	assert_string_equal(it->out, "");
	for (size_t i = 0; i < SK_ARRAY_SIZE(lines); i++)
		it_assert_has(it->err, lines[i]);
	it_expect(it, 0, BOX, "true");
	assert_string_equal(it->err, "");
}

static void test_stdin_comes_with_interactive_only(void **state)
{
	struct it *it = *state;
	struct it_job job;
	int pipe_fds[2];

	it_need_root(it);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	it_start(it, &job, pipe_fds[0], "run", "--rm", "-i", "@busybox", "cat");
	assert_int_equal(write(pipe_fds[1], "through\n", 8), 8);
	(void)close(pipe_fds[1]);
	assert_int_equal(it_finish(it, &job), 0);
	assert_string_equal(it->out, "through\n");
	(void)close(pipe_fds[0]);

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	it_start(it, &job, pipe_fds[0], "run", "--rm", "@busybox", "cat");
	assert_int_equal(it_finish(it, &job), 0);
	assert_string_equal(it->out, "");
	(void)close(pipe_fds[0]);
	(void)close(pipe_fds[1]);
}

/* ---- Terminal ---- */

static void test_tty_is_a_terminal_of_the_container(void **state)
{
	struct it *it = *state;
	struct it_job job;
	char name[64];
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int slave;

	it_need_root(it);
	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	assert_int_equal(ptsname_r(master, name, sizeof(name)), 0);
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	it_start(it, &job, slave, "run", "--rm", "-it", "@busybox", "sh", "-c",
		 "test -t 0 && test -t 1 && tty; read line; echo got=$line; exit 3");
	it_await_out(&job, "/dev/pts/0");
	assert_int_equal(write(master, "ahoy\n", 5), 5);
	it_await_out(&job, "got=ahoy");
	assert_int_equal(it_finish(it, &job), 3);
	(void)close(slave);
	(void)close(master);
}

static void test_tty_works_without_a_terminal_outside(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 0, "run", "--rm", "-t", "@busybox", "sh", "-c", "test -t 1 && tty");
	it_assert_has(it->out, "/dev/pts/0");
}

/* ---- The whole ---- */

static void test_without_rm_a_record_stays(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 4, "run", "--name", "it-kept", "@busybox", "sh", "-c", "exit 4");
	it_expect(it, 0, "ps", "--format", "{{.name}}");
	assert_null(strstr(it->out, "it-kept"));
	it_expect(it, 0, "ps", "-a", "--format", "{{.name}} {{.status}} {{.exit_code}}");
	it_assert_has(it->out, "it-kept exited 4");
	it_expect(it, 125, "run", "--rm", "--name", "it-kept", "@busybox", "true");
	it_assert_has(it->err, "it-kept");
	it_expect(it, 0, "rm", "it-kept");
	assert_string_equal(it->out, "it-kept\n");
}

static void test_contradicting_options_are_refused(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 125, "run", "--privileged", "--userns", "auto", "@busybox");
	it_assert_has(it->err, "--privileged needs --userns host");
	it_expect(it, 125, "run", "-d", "-i", "@busybox");
	it_expect(it, 125, "run", "-m", "0", "@busybox");
	it_assert_has(it->err, "must not be 0");
	it_expect(it, 125, "run", "-m", "512", "@busybox");
	it_assert_has(it->err,
		      "within 512 bytes of memory: did you leave out k, m or g?");
}

static void test_privileged_has_all_capabilities(void **state)
{
	struct it *it = *state;

	it_need_root(it);
	it_expect(it, 0, "run", "--rm", "--privileged", "@busybox", "sh", "-c",
		  "mount -t tmpfs none /mnt && grep Seccomp: /proc/self/status");
	it_assert_has(it->out, "Seccomp:\t0");
}

static void test_twenty_at_once_do_not_disturb_each_other(void **state)
{
	struct it *it = *state;
	struct it_job jobs[20];

	it_need_root(it);
	for (size_t i = 0; i < SK_ARRAY_SIZE(jobs); i++) {
		sk_autofree char *script = sk_strf("echo $$; exit %zu", i);

		it_start(it, &jobs[i], -1, "run", "--rm", "@busybox", "sh", "-c", script);
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(jobs); i++) {
		int status = it_finish(it, &jobs[i]);

		if (status != (int)i)
			fail_msg("container %zu: status %d: %s", i, status, it->err);
		assert_string_equal(it->out, "1\n");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_exit_status_is_the_commands),
		IT_TEST(test_stdout_and_stderr_stay_apart),
		IT_TEST(test_missing_command_is_127),
		IT_TEST(test_command_that_cannot_be_invoked_is_126),
		IT_TEST(test_own_failures_are_125),
		IT_TEST(test_command_killed_by_a_signal_is_128_and_its_number),
		IT_TEST(test_command_is_process_one_of_its_own_namespaces),
		IT_TEST(test_time_namespace_comes_on_request),
		IT_TEST(test_network_none_has_loopback_alone),
		IT_TEST(test_network_host_is_the_callers),
		IT_TEST(test_privileges_are_dropped),
		IT_TEST(test_mounts_and_kernel_settings_are_out_of_reach),
		IT_TEST(test_no_descriptor_is_inherited),
		IT_TEST(test_writes_are_the_containers_own),
		IT_TEST(test_host_image_is_a_disposable_copy_without_homes),
		IT_TEST(test_read_only_refuses_writes_to_the_root),
		IT_TEST(test_volume_keeps_the_callers_ids),
		IT_TEST(test_variables_are_set_and_handed_on),
		IT_TEST(test_workdir_user_and_hostname_are_taken),
		IT_TEST(test_debug_tells_what_is_done),
		IT_TEST(test_stdin_comes_with_interactive_only),
		IT_TEST(test_tty_is_a_terminal_of_the_container),
		IT_TEST(test_tty_works_without_a_terminal_outside),
		IT_TEST(test_without_rm_a_record_stays),
		IT_TEST(test_contradicting_options_are_refused),
		IT_TEST(test_privileged_has_all_capabilities),
		IT_TEST(test_twenty_at_once_do_not_disturb_each_other),
	};

	return it_run_group(tests);
}
