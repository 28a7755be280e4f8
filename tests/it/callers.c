// SPDX-License-Identifier: Apache-2.0
/* callers - the surroundings of one caller, its commands, and what it may not leave */
#include "tests/it/callers.h"

#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"

#define AWAIT_NS  (30 * SK_NS_PER_S)
#define SETTLE_NS (5 * SK_NS_PER_S)
#define POLL_NS	  (10 * SK_NS_PER_MS)

static struct caller caller;
static const char *missing_package;
static struct it_job served;
static bool is_served;

/* ---- The surroundings ---- */

static void fail_setup(const struct it *it, const char *what)
{
	print_error("set up a caller: %s\nstdout: %s\nstderr: %s\n", what,
		    it && it->out ? it->out : "", it && it->err ? it->err : "");
	exit(1);
}

void caller_write_file(const char *name, const char *text)
{
	sk_autofree char *path = sk_strf(CALLER_DIR "/%s", name);
	sk_autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	if (fd < 0 || sk_fs_write_all(fd, text, strlen(text)) < 0)
		fail_msg("write '%s': %s", path, strerror(errno));
}

/* Busybox alone: what the tests ask for in containers, it has. */
static void make_rootfs(struct it *it)
{
	static const char script[] =
		"set -e; umask 022; mkdir -p \"$0\"; cd \"$0\"\n"
		"mkdir -p bin dev etc proc root sys tmp; chmod 1777 tmp\n"
		"cp \"$(command -v busybox)\" bin/busybox\n"
		"chroot . /bin/busybox --install -s /bin\n"
		"echo 'root:x:0:0:root:/root:/bin/sh' > etc/passwd\n"
		"echo 'user:x:1000:1000::/:/bin/sh' >> etc/passwd\n"
		"printf 'root:x:0:\\nuser:x:1000:\\nextra:x:2000:user\\n' > etc/group\n"
		"tar -c --sort=name -f \"$1\" .\n";

	if (it_command(it, IT_ARGS("sh", "-c", script, CALLER_ROOTFS, CALLER_TAR)) != 0)
		fail_setup(it, "root file system");
}

/*
 * Whatever a caller takes from the environment or keeps there is the program's own, and so is
 * the working folder: conmon writes an empty file "oom" to it.
 */
static void set_environment(void)
{
	static const char *const folders[][2] = {
		{"HOME", CALLER_DIR "/home"},
		{"TMPDIR", CALLER_DIR "/tmp"},
	};

	(void)unsetenv("XDG_RUNTIME_DIR");
	(void)unsetenv("XDG_CONFIG_HOME");
	(void)unsetenv("XDG_DATA_HOME");
	for (size_t i = 0; i < SK_ARRAY_SIZE(folders); i++)
		if (mkdir(folders[i][1], 0755) < 0 ||
		    setenv(folders[i][0], folders[i][1], 1) < 0)
			fail_setup(NULL, folders[i][1]);
	if (chdir(CALLER_DIR) < 0)
		fail_setup(NULL, CALLER_DIR);
}

struct caller *caller_begin(void **state, const char *program, const char *package)
{
	const char *runtime = getenv("SKIFF_CALLER_RUNTIME");
	sk_autofree char *path = NULL;
	struct it *it;

	if (it_group_setup(state) != 0)
		return NULL;
	it = *state;
	if (sk_proc_find(program, &path) < 0)
		missing_package = package;
	if (missing_package || !it->world)
		return NULL;
	if (mount("tmpfs", "/run", "tmpfs", 0, "mode=755") < 0 ||
	    mkdir(CALLER_DIR, 0755) < 0 || mkdir("/run/lock", 0755) < 0 ||
	    mkdir("/run/netns", 0755) < 0 ||
	    mount("tmpfs", "/run/netns", "tmpfs", 0, "mode=755") < 0)
		fail_setup(it, strerror(errno));
	set_environment();
	if (it_command(it, IT_ARGS("ip", "link", "set", "lo", "up")) != 0)
		fail_setup(it, "loopback");
	make_rootfs(it);
	caller.runtime =
		runtime ? strdup(runtime) : sk_strf("%s/bin/skiff-oci", it->build);
	caller.group = sk_strf("skiff-callers-%d", getpid());
	return &caller;
}

/*
 * The user and her ranges of ids are in copies of the files of /etc that this mount namespace
 * alone sees. The runtime is copied to where she may read it.
 */
void caller_make_user(struct it *it)
{
	static const char script[] =
		"set -e; cd " CALLER_DIR "; mkdir etc bin; cp \"$0\" bin/runtime\n"
		"for f in passwd group subuid subgid; do\n"
		"	cp /etc/$f etc/; mount --bind etc/$f /etc/$f; done\n"
		"u=" CALLER_USER " i=" CALLER_USER_ID "\n"
		"echo $u:x:$i:$i::$PWD/home:/bin/sh >> etc/passwd\n"
		"echo $u:x:$i: >> etc/group\n"
		"echo $u:700000:65536 | tee -a etc/subuid >> etc/subgid\n"
		"mkdir -p /run/user/$i; chown $i:$i home tmp /run/user/$i\n"
		"chmod 700 /run/user/$i\n";

	if (it_command(it, IT_ARGS("sh", "-c", script, caller.runtime)) != 0)
		fail_setup(it, "user");
	free(caller.runtime);
	caller.runtime = strdup(CALLER_DIR "/bin/runtime");
}

const char *caller_runtime(void)
{
	return caller.runtime;
}

const char *caller_group_name(void)
{
	return caller.group;
}

bool caller_is_stand_in(void)
{
	return getenv("SKIFF_CALLER_RUNTIME") != NULL;
}

/* ---- Commands ---- */

/* The client's own words go before the command, those of run and create after it. */
static char **make_words(const char *const *args)
{
	bool is_run = strcmp(args[0], "run") == 0 || strcmp(args[0], "create") == 0;
	char **words = NULL;
	int r = 0;

	for (char **word = caller.command; word && *word; word++)
		r |= sk_strv_add(&words, *word);
	r |= sk_strv_add(&words, *args++);
	for (char **word = caller.run_words; is_run && word && *word; word++)
		r |= sk_strv_add(&words, *word);
	for (; *args; args++)
		r |= sk_strv_add(&words, *args);
	assert_int_equal(r, 0);
	return words;
}

void caller_start_argv(struct it *it, struct it_job *job, int stdin_fd,
		       const char *const *args)
{
	sk_auto(sk_strv_free) char **words = NULL;

	it_need_root(it);
	if (missing_package) {
		print_message("reason: package %s is not installed\n", missing_package);
		skip();
	}
	words = make_words(args);
	it_spawn(job, stdin_fd, (const char *const *)words);
}

int caller_argv(struct it *it, int stdin_fd, const char *const *args)
{
	struct it_job job;

	caller_start_argv(it, &job, stdin_fd, args);
	return it_finish(it, &job);
}

static int input_pipe(const char *input)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0 ||
	    sk_fs_write_all(ends[1], input, strlen(input)) < 0)
		fail_msg("pipe: %s", strerror(errno));
	(void)close(ends[1]);
	return ends[0];
}

void caller_expect_argv(struct it *it, int status, const char *input,
			const char *const *args, int line)
{
	sk_autoclose int stdin_fd = input ? input_pipe(input) : -1;
	sk_autofree char *words = NULL;

	if (caller_argv(it, stdin_fd, args) == status)
		return;
	words = sk_strv_join((char *const *)args, " ");
	fail_msg("line %d: %s: status %d, expected %d\nstdout: %s\nstderr: %s", line,
		 words, it->status, status, it->out, it->err);
}

void caller_await_argv(struct it *it, const char *part, const char *const *args)
{
	uint64_t deadline = sk_clock_mono() + AWAIT_NS;

	while (caller_argv(it, -1, args) != 0 || !strstr(it->out, part)) {
		if (sk_clock_mono() >= deadline)
			fail_msg("no '%s' in: %s; stderr: %s", part, it->out, it->err);
		sk_clock_sleep_until(sk_clock_mono() + POLL_NS);
	}
}

void caller_prepare(struct it *it, const char *const *args)
{
	if (caller_argv(it, -1, args) != 0)
		fail_setup(it, args[0]);
}

pid_t caller_pid(struct it *it, const char *name)
{
	unsigned long pid = 0;

	caller_expect(it, 0, "inspect", "--format", "{{.State.Pid}}", name);
	pid = strtoul(it->out, NULL, 10);
	if (pid < 2)
		fail_msg("container '%s' has no process", name);
	return (pid_t)pid;
}

/* ---- A daemon ---- */

void caller_serve(struct it *it, const char *const *daemon, const char *const *probe)
{
	uint64_t deadline = sk_clock_mono() + AWAIT_NS;
	sk_auto(sk_strv_free) char **words = NULL;
	int r = 0;

	/* it shall not outlive a test program that is killed */
	r |= sk_strv_add(&words, "setpriv") | sk_strv_add(&words, "--pdeathsig");
	r |= sk_strv_add(&words, "TERM") | sk_strv_add(&words, "--");
	for (const char *const *word = daemon; *word; word++)
		r |= sk_strv_add(&words, *word);
	assert_int_equal(r, 0);
	it_spawn(&served, -1, (const char *const *)words);
	it_keep(&served);
	is_served = true;
	while (caller_argv(it, -1, probe) != 0) {
		if (sk_clock_mono() >= deadline) {
			(void)kill(served.proc.pid, SIGTERM);
			(void)it_finish(it, &served);
			fail_setup(it, daemon[0]);
		}
		sk_clock_sleep_until(sk_clock_mono() + POLL_NS);
	}
}

/* ---- Control groups ---- */

static bool has_controller(const char *list, const char *name, size_t len)
{
	sk_auto(sk_strv_free) char **names = sk_strv_split(list, ',');

	for (char **item = names; item && *item; item++)
		if (strlen(*item) == len && strncmp(*item, name, len) == 0)
			return true;
	return false;
}

/* Path of a file of a process's group; @groups is its /proc/PID/cgroup. */
static char *group_file(const char *groups, bool is_v1, const char *file)
{
	sk_auto(sk_strv_free) char **lines = sk_strv_split(groups, '\n');
	size_t len = strcspn(file, ".");

	for (char **line = lines; line && *line; line++) {
		sk_auto(sk_strv_free) char **parts = sk_strv_split(*line, ':');

		if (!parts || sk_strv_len(parts) < 3)
			continue;
		if (!is_v1 && !*parts[1])
			return sk_strf("/sys/fs/cgroup%s/%s", parts[2], file);
		if (is_v1 && has_controller(parts[1], file, len))
			return sk_strf("/sys/fs/cgroup/%s%s/%s", parts[1], parts[2],
				       file);
	}
	return NULL;
}

void caller_expect_limits(pid_t pid, const struct caller_limit *limits, size_t nr)
{
	bool is_v1 = !sk_fs_exists(AT_FDCWD, "/sys/fs/cgroup/cgroup.controllers");
	sk_autofree char *path = sk_strf("/proc/%d/cgroup", pid), *groups = NULL;

	if (sk_fs_read(AT_FDCWD, path, 65536, &groups, NULL) < 0)
		fail_msg("no process %d", pid);
	for (size_t i = 0; i < nr; i++) {
		const char *wanted = is_v1 ? limits[i].v1_value : limits[i].v2_value;
		sk_autofree char *file =
			group_file(groups, is_v1, is_v1 ? limits[i].v1 : limits[i].v2);
		sk_autofree char *value = NULL;

		if (!file || sk_fs_read(AT_FDCWD, file, 65536, &value, NULL) < 0 ||
		    !value)
			fail_msg("no %s of a process in: %s", limits[i].v1, groups);
		value[strcspn(value, "\n")] = '\0';
		if (strcmp(value, wanted) != 0)
			fail_msg("%s is '%s', not '%s'", file, value, wanted);
	}
}

/* The groups of all hierarchies, in whatever depth, whose name is the caller's, and what is
 * in them: containers' groups, which should have gone, and the one for podman's conmon. */
static int check_groups(bool is_last)
{
	sk_autofree char *pattern =
		sk_strf("/sys/fs/cgroup{,/*,/*/*,/*/*/*,/*/*/*/*,/*/*/*/*/*}/%s/{,*/}",
			caller.group);
	glob_t found = {0};
	int r = 0;

	if (glob(pattern, GLOB_BRACE | GLOB_NOSORT, NULL, &found) != 0)
		return 0;
	/* what is in a folder comes after it */
	for (size_t i = found.gl_pathc; i-- > 0;) {
		char *path = found.gl_pathv[i];
		bool is_top, is_conmon;

		path[strlen(path) - 1] = '\0';
		is_conmon = sk_str_ends(path, "/conmon");
		is_top = sk_str_ends(path, caller.group);
		if (!is_top && !is_conmon) {
			print_error("left behind: cgroup %s\n", path);
			r = -1;
		}
		if (is_last || !(is_top || is_conmon))
			(void)rmdir(path);
	}
	globfree(&found);
	return r;
}

void caller_own_groups(const char *pattern)
{
	glob_t found = {0};

	if (glob(pattern, GLOB_BRACE, NULL, &found) == GLOB_NOMATCH)
		caller.own_groups = pattern;
	globfree(&found);
}

/* The kernel holds a group for a moment after its last process has ended. */
static int remove_own_groups(void)
{
	uint64_t deadline = sk_clock_mono() + SETTLE_NS;
	glob_t found = {0};
	int r = 0;

	if (!caller.own_groups ||
	    glob(caller.own_groups, GLOB_BRACE | GLOB_NOSORT, NULL, &found) != 0)
		return 0;
	/* what is in a folder comes after it */
	for (size_t i = found.gl_pathc; i-- > 0;) {
		while (rmdir(found.gl_pathv[i]) < 0 && errno == EBUSY &&
		       sk_clock_mono() < deadline)
			sk_clock_sleep_until(sk_clock_mono() + POLL_NS);
		if (access(found.gl_pathv[i], F_OK) == 0) {
			print_error("left behind: cgroup %s\n", found.gl_pathv[i]);
			r = -1;
		}
	}
	globfree(&found);
	return r;
}

/* ---- Cases ---- */

static void remove_own_mount(void)
{
	while (caller.mount && umount2(caller.mount, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
}

int caller_setup(void **state)
{
	remove_own_mount();
	return it_setup(state);
}

static int check_pattern(const char *what, const char *pattern)
{
	glob_t found = {0};
	int r = 0;

	if (glob(pattern, GLOB_BRACE, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		print_error("left behind: %s %s\n", what, found.gl_pathv[i]);
		r = -1;
	}
	globfree(&found);
	return r;
}

static void remove_one(struct it *it, const char *const *command, const char *name)
{
	sk_auto(sk_strv_free) char **words = NULL;

	if (!command)
		return;
	for (; *command; command++)
		(void)sk_strv_add(&words, *command);
	(void)sk_strv_add(&words, name);
	(void)caller_argv(it, -1, (const char *const *)words);
}

static int check_containers(struct it *it)
{
	sk_auto(sk_strv_free) char **names = NULL;
	int r = 0;

	if (caller_argv(it, -1, caller.list) != 0) {
		print_error("list of containers: %s\n", it->err);
		return -1;
	}
	names = sk_strv_split(it->out, '\n');
	for (char **name = names; name && *name; name++) {
		if (!**name)
			continue;
		print_error("left behind: container %s\n", *name);
		remove_one(it, caller.stop, *name);
		remove_one(it, caller.remove, *name);
		r = -1;
	}
	return r;
}

static void await_processes(void)
{
	uint64_t deadline = sk_clock_mono() + SETTLE_NS;

	while (it_has_children() && sk_clock_mono() < deadline)
		sk_clock_sleep_until(sk_clock_mono() + POLL_NS);
}

int caller_teardown(void **state)
{
	struct it *it = *state;
	int r = 0;

	if (!caller.list)
		return it_teardown(state);
	r |= check_containers(it);
	if (caller.settle)
		(void)caller_argv(it, -1, caller.settle);
	/* before the rest, as processes of the caller still clean up */
	await_processes();
	remove_own_mount();
	r |= it_teardown(state);
	r |= check_pattern("record", caller.records);
	r |= check_pattern("network namespace", "/run/netns/*");
	r |= check_groups(false);
	return r;
}

/* ---- What cases need ---- */

int caller_terminal(int *ret)
{
	struct winsize size = {.ws_row = 40, .ws_col = 100};
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ||
	    ioctl(master, TIOCSWINSZ, &size) < 0)
		fail_msg("terminal: %s", strerror(errno));
	*ret = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(*ret >= 0);
	return master;
}

void caller_type(int master, const char *text)
{
	if (sk_fs_write_all(master, text, strlen(text)) < 0)
		fail_msg("write to a terminal: %s", strerror(errno));
}

int caller_finish(void **state)
{
	struct it *it = *state;
	int r;

	if (is_served) {
		(void)kill(served.proc.pid, SIGTERM);
		if (it_finish(it, &served) != 0)
			print_error("the daemon ended with status %d\n", it->status);
		await_processes();
		if (it_has_children())
			print_error("left behind: processes of the daemon\n");
	}
	if (caller.group)
		(void)check_groups(true);
	r = remove_own_groups();
	free(caller.runtime);
	free(caller.group);
	sk_strv_free(caller.command);
	sk_strv_free(caller.run_words);
	return it_group_teardown(state) | r;
}
