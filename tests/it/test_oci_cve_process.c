// SPDX-License-Identifier: Apache-2.0
/* Attacks from inside a container on the runtime's own processes, while they enter it.
 *
 * The attacker is code of the test in the namespaces of a container that sleeps. Each test
 * names its guard, without which it fails (that was tried by hand).
 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "tests/it/oci.h"

#define SLEEP	  "[\"sleep\",\"1000\"]"
#define MAX_FILES 64
#define PATIENCE  (30 * SK_NS_PER_S)

/* Shared by the test and the attacker. */
struct attack {
	volatile bool is_ready, stop;
	volatile unsigned int seen;	/* programs of the runtime that could be opened */
	volatile unsigned int writable; /* of which could be opened to be written */
	volatile unsigned int reached;	/* descriptors of a process before its exec */
	struct stat busybox;		/* the container's own program */
	int files[MAX_FILES];
	unsigned int nr_files;
	pid_t first;
};

typedef void attack_fn(struct attack *attack, int proc_fd);

/* Each process but the attacker itself and the container's first. */
static void each_process(struct attack *attack, attack_fn *fn)
{
	DIR *proc = opendir("/proc");

	for (struct dirent *e = proc ? readdir(proc) : NULL; e; e = readdir(proc)) {
		int pid = (int)strtol(e->d_name, NULL, 10), fd;

		if (pid <= 1 || pid == getpid())
			continue;
		fd = openat(dirfd(proc), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		fn(attack, fd);
		(void)close(fd);
	}
	if (proc)
		(void)closedir(proc);
}

static void __attribute__((noreturn))
attack_from(struct attack *attack, pid_t target, attack_fn *fn)
{
	int pidfd = sk_sys_pidfd_open(target, 0);
	pid_t pid;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pidfd < 0 || setns(pidfd, CLONE_NEWNS | CLONE_NEWPID) < 0)
		_exit(1);
	/* a container without a user namespace of its own is in the attacker's already */
	(void)setns(pidfd, CLONE_NEWUSER);
	pid = fork();
	if (pid != 0) {
		(void)waitpid(pid, NULL, 0);
		_exit(0);
	}
	attack->is_ready = true;
	while (!attack->stop)
		each_process(attack, fn);
	_exit(0);
}

static struct attack *start(struct it *it, const char *bundle, const char *id,
			    attack_fn *fn)
{
	struct attack *attack = mmap(NULL, sizeof(*attack), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sk_autofree char *busybox = sk_strf("%s/rootfs/bin/busybox", bundle);
	uint64_t deadline = sk_clock_mono() + PATIENCE;
	pid_t target = oci_pid(it, id);

	assert_ptr_not_equal(attack, MAP_FAILED);
	assert_int_equal(stat(busybox, &attack->busybox), 0);
	attack->first = fork();
	if (attack->first == 0)
		attack_from(attack, target, fn);
	while (!attack->is_ready && sk_clock_mono() < deadline)
		sk_clock_sleep_until(sk_clock_mono() + SK_NS_PER_MS);
	assert_true(attack->is_ready);
	return attack;
}

static void stop(struct attack *attack)
{
	attack->stop = true;
	/* the fixture may have taken it already, with other orphans */
	(void)waitpid(attack->first, NULL, 0);
}

static bool is_busybox(const struct attack *attack, int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 || (st.st_dev == attack->busybox.st_dev &&
				      st.st_ino == attack->busybox.st_ino);
}

/* The file cannot be written while it is executed: each is held, and tried again later. */
static void overwrite(struct attack *attack, int proc_fd)
{
	int fd = openat(proc_fd, "exe", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && is_busybox(attack, fd)) {
		(void)close(fd);
	} else if (fd >= 0) {
		unsigned int slot = attack->nr_files++ % MAX_FILES;

		attack->seen++;
		if (attack->nr_files > MAX_FILES)
			(void)close(attack->files[slot]);
		attack->files[slot] = fd;
	}
	for (unsigned int i = 0; i < attack->nr_files && i < MAX_FILES; i++) {
		sk_autofree char *path = sk_strf("/proc/self/fd/%d", attack->files[i]);
		int out = open(path, O_WRONLY | O_CLOEXEC);

		if (out < 0)
			continue;
		attack->writable++;
		(void)!pwrite(out, "PWNED", 5, 0);
		(void)close(out);
	}
}

static char *digest(struct it *it, const char *folder)
{
	assert_int_equal(it_command(it, IT_ARGS("sh", "-c",
						"cd \"$0\" && find . -type f | sort | "
						"xargs sha256sum",
						folder)),
			 0);
	return sk_steal(&it->out);
}

static void set(const char *bundle, const char *section, const char *key,
		const char *text)
{
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);
	struct sk_json *value = NULL;

	assert_int_equal(sk_json_parse(text, strlen(text), key, &value, NULL), 0);
	sk_json_set(sk_json_path(config, section), key, value);
	oci_save(bundle, config);
}

/* The container may do what is needed to open and write the file, were there a way. */
static void grant(const char *bundle)
{
	static const char *const sets[] = {"bounding", "permitted", "effective"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(sets); i++)
		set(bundle, "process.capabilities", sets[i],
		    "[\"CAP_DAC_OVERRIDE\",\"CAP_SYS_PTRACE\",\"CAP_SYS_ADMIN\"]");
}

/* A copy of the programs, which the attack may ruin. */
static char *copy_programs(struct it *it)
{
	sk_autofree char *folder = sk_strf("%s/copy", it->dir);

	it_command(it, IT_ARGS("sh", "-ec",
			       "rm -rf \"$1\"; mkdir -p \"$1/bin\" \"$1/libexec\"\n"
			       "cp \"$0/bin/skiff-oci\" \"$1/bin/\"\n"
			       "cp -r \"$0/libexec/skiff\" \"$1/libexec/\"",
			       it->build, folder));
	assert_int_equal(it->status, 0);
	return sk_steal(&folder);
}

/* A container in the same pid namespace whose program is the runtime itself. */
static void make_second(const char *bundle, pid_t first)
{
	sk_autofree char *list = sk_strf(
		"[{\"type\":\"mount\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"network\"},"
		"{\"type\":\"pid\",\"path\":\"/proc/%d/ns/pid\"}]",
		(int)first);

	set(bundle, "linux", "namespaces", list);
	set(bundle, "process", "args", "[\"/proc/self/exe\",\"--version\"]");
}

/* The copy's skiff-oci */
static void run_copy(struct it *it, const char *copy, const char *const *args)
{
	sk_auto(sk_strv_free) char **words = NULL;
	/* by a shell: a program that was ruined is no end of the test */
	int r = sk_strv_add(&words, "sh") | sk_strv_add(&words, "-c") |
		sk_strv_add(&words, "\"$0\" \"$@\"") |
		sk_strv_addf(&words, "%s/bin/skiff-oci", copy) |
		sk_strv_add(&words, "--root") | sk_strv_addf(&words, "%s/oci", it->dir);

	for (; *args; args++)
		r |= sk_strv_add(&words, *args);
	assert_int_equal(r, 0);
	(void)it_command(it, (const char *const *)words);
}

/* Guard: the program runs from a place that nobody can write to (sk_oci_protect_self(), and
 * before the C library starts, cli/oci/x86_64/entry.c). */
static void test_cve_2019_5736_the_runtime_cannot_be_overwritten(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL, *copy = NULL, *before = NULL, *after = NULL;
	uint64_t deadline = sk_clock_mono() + PATIENCE;
	struct attack *attack;

	it_need_root(it);
	copy = copy_programs(it);
	before = digest(it, copy);
	bundle = oci_bundle(it, SLEEP);
	grant(bundle);
	oci_run_detached(it, bundle, "a1");
	attack = start(it, bundle, "a1", overwrite);
	make_second(bundle, oci_pid(it, "a1"));
	for (int i = 0; i < 15 || (!attack->seen && sk_clock_mono() < deadline); i++) {
		run_copy(it, copy, IT_ARGS("exec", "a1", "/proc/self/exe", "--version"));
		run_copy(it, copy, IT_ARGS("run", "-b", bundle, "a2"));
	}
	stop(attack);
	after = digest(it, copy);
	oci_expect(it, 0, "delete", "-f", "a1");
	oci_argv(it, IT_ARGS("delete", "-f", "a2"));
	assert_int_not_equal(attack->seen, 0);
	assert_int_equal(attack->writable, 0);
	assert_string_equal(before, after);
	(void)munmap(attack, sizeof(*attack));
}

/* What is open in the runtime's process is the host's. The program is looked at last: then
 * it was still the runtime when the list could be opened. */
static void reach(struct attack *attack, int proc_fd)
{
	int list = openat(proc_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char program[PATH_MAX] = "";

	if (list < 0)
		return;
	if (readlinkat(proc_fd, "exe", program, sizeof(program) - 1) > 0 &&
	    !strstr(program, "busybox"))
		attack->reached++;
	(void)close(list);
}

/* A container in a user namespace, and an attacker in there that looks at each new process. */
static struct attack *start_in_userns(struct it *it, const char *bundle)
{
	grant(bundle);
	set(bundle, "linux", "namespaces",
	    "[{\"type\":\"mount\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"network\"},"
	    "{\"type\":\"pid\"},{\"type\":\"user\"}]");
	set(bundle, "linux", "uidMappings",
	    "[{\"containerID\":0,\"hostID\":0,\"size\":65536}]");
	set(bundle, "linux", "gidMappings",
	    "[{\"containerID\":0,\"hostID\":0,\"size\":65536}]");
	oci_run_detached(it, bundle, "a1");
	return start(it, bundle, "a1", reach);
}

/* Guard: PR_SET_DUMPABLE 0 before a process is seen in the container (sandbox/join.c). */
static void test_cve_2016_9962_a_process_that_enters_cannot_be_reached(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;
	struct attack *attack;

	it_need_root(it);
	bundle = oci_bundle(it, SLEEP);
	attack = start_in_userns(it, bundle);
	for (int i = 0; i < 40; i++)
		oci_expect(it, 0, "exec", "a1", "true");
	stop(attack);
	oci_expect(it, 0, "delete", "-f", "a1");
	assert_int_equal(attack->reached, 0);
	(void)munmap(attack, sizeof(*attack));
}

/* The first process of a further container of a pod is seen by the others from its start.
 * Guard: the same (sandbox/enter.c). */
static void test_cve_2016_9962_a_pods_further_container_cannot_be_reached(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL, *list = NULL;
	struct attack *attack;
	pid_t first;

	it_need_root(it);
	bundle = oci_bundle(it, SLEEP);
	attack = start_in_userns(it, bundle);
	first = oci_pid(it, "a1");
	list = sk_strf("[{\"type\":\"mount\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},"
		       "{\"type\":\"network\",\"path\":\"/proc/%d/ns/net\"},"
		       "{\"type\":\"pid\",\"path\":\"/proc/%d/ns/pid\"},"
		       "{\"type\":\"user\",\"path\":\"/proc/%d/ns/user\"}]",
		       (int)first, (int)first, (int)first);
	set(bundle, "linux", "namespaces", list);
	set(bundle, "linux", "uidMappings", "[]");
	set(bundle, "linux", "gidMappings", "[]");
	set(bundle, "process", "args", "[\"true\"]");
	for (int i = 0; i < 40; i++)
		oci_expect(it, 0, "run", "-b", bundle, "a2");
	stop(attack);
	oci_expect(it, 0, "delete", "-f", "a1");
	assert_int_equal(attack->reached, 0);
	(void)munmap(attack, sizeof(*attack));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_cve_2019_5736_the_runtime_cannot_be_overwritten),
		IT_TEST(test_cve_2016_9962_a_process_that_enters_cannot_be_reached),
		IT_TEST(test_cve_2016_9962_a_pods_further_container_cannot_be_reached),
	};

	return it_run_group(tests);
}
