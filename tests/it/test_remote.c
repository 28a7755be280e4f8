// SPDX-License-Identifier: Apache-2.0
/* test_remote - migrations between hosts that are reached by ssh, probed from a third machine
 *
 * The machines are hosts of a lab, each with an sshd of its own: a and b migrate, c probes. What is
 * tested runs in the network of the lab's client and knows them by their addresses alone. Keys and
 * configuration are files of the test, which a wrapper named ssh, first in PATH, hands to the real
 * one: neither this machine's nor the user's own are read. That clocks differ cannot be had here,
 * as CLOCK_REALTIME has no namespace: unit/migrate/test_probe_remote has a machine that is ahead.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/json.h"
#include "lib/str.h"
#include "tests/it/lab.h"

#define SSHD	    "/usr/sbin/sshd"
#define DEADLINE_NS (30 * SK_NS_PER_S)
#define NAP_NS	    (20 * SK_NS_PER_MS)
#define HOST_A	    "qemu+ssh://root@10.77.0.1/system"
#define HOST_B	    "qemu+ssh://root@10.77.0.2/system"
#define MACHINE_C   "ssh://root@10.77.0.3"
#define SERVICE	    "udp://10.77.0.10:7007?hz=500"
#define PLAIN	    "--insecure-plaintext" /* the hosts have no certificates */
#define FAST	    PLAIN, "--bandwidth", "400mbit"
#define SLOW	    PLAIN, "--bandwidth", "8mbit"

/** struct site - The lab of one case */
struct site {
	char *dir; /* keys, wrapper, results */
	char *net; /* nsenter's word for the client's network */
	const char *inside[4];
	char *path; /* PATH as it was */
	pid_t c;    /* process of host c */
};

/* ---- Setting it up ------------------------------------------------------------------- */

static void write_at(const char *dir, const char *name, mode_t mode, const char *text)
{
	sk_autofree char *path = sk_strf("%s/%s", dir, name);
	sk_autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(sk_fs_write_all(fd, text, strlen(text)), 0);
}

static char *read_at(const char *dir, const char *name, size_t *ret_len)
{
	sk_autofree char *path = sk_strf("%s/%s", dir, name);
	char *text = NULL;

	if (sk_fs_read(AT_FDCWD, path, 1 << 24, &text, ret_len) < 0)
		fail_msg("cannot read %s", path);
	return text;
}

static void copy(const char *from_dir, const char *name, const char *to_dir, mode_t mode)
{
	sk_autofree char *path = sk_strf("%s/%s", to_dir, name), *bytes = NULL;
	sk_autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	size_t len = 0;

	assert_true(fd >= 0);
	bytes = read_at(from_dir, name, &len);
	assert_int_equal(sk_fs_write_all(fd, bytes, len), 0);
}

static void make_key(struct it *it, const struct site *site, const char *name)
{
	sk_autofree char *path = sk_strf("%s/%s", site->dir, name);
	const char *const argv[] = {"ssh-keygen", "-q", "-t", "ed25519", "-N",
				    "",		  "-f", path, NULL};

	if (it_command(it, argv) != 0)
		fail_msg("%s", it->err);
}

static void make_client(struct it *it, struct site *site)
{
	sk_autofree char *bin = sk_strf("%s/bin", site->dir);
	sk_autofree char *wrapper =
		sk_strf("#!/bin/sh\nexec /usr/bin/ssh -F '%s/ssh_config' \"$@\"\n",
			site->dir);
	sk_autofree char *config = sk_strf("IdentityFile %s/id\nIdentitiesOnly yes\n"
					   "UserKnownHostsFile %s/known_hosts\n"
					   "GlobalKnownHostsFile /dev/null\n",
					   site->dir, site->dir);
	sk_autofree char *host_key = NULL, *known = NULL, *path = NULL;
	const char *old = getenv("PATH");

	make_key(it, site, "id");
	make_key(it, site, "host");
	host_key = read_at(site->dir, "host.pub", NULL);
	known = sk_strf("10.77.0.* %s", host_key);
	assert_int_equal(mkdir(bin, 0755), 0);
	write_at(bin, "ssh", 0755, wrapper);
	write_at(site->dir, "ssh_config", 0644, config);
	write_at(site->dir, "known_hosts", 0644, known);
	site->path = strdup(old ? old : "/usr/bin:/bin");
	path = sk_strf("%s:%s", bin, site->path);
	assert_int_equal(setenv("PATH", path, 1), 0);
}

/* Root's account is locked in a container: its password is hidden, and sshd looks at that. */
static void start_sshd(struct it *it, const struct site *site, const char *host,
		       pid_t pid)
{
	static const char script[] = "echo 'root:x:0:0:99999:7:::' > /run/sshd/shadow\n"
				     "mount --bind /run/sshd/shadow /etc/shadow\n"
				     "exec " SSHD " -f /run/sshd/sshd_config\n";
	sk_autofree char *dir = sk_strf("/proc/%d/root/run/sshd", (int)pid);

	assert_int_equal(mkdir(dir, 0755), 0);
	copy(site->dir, "id.pub", dir, 0644);
	copy(site->dir, "host", dir, 0600);
	write_at(dir, "sshd_config", 0644,
		 "HostKey /run/sshd/host\nAuthorizedKeysFile /run/sshd/id.pub\n"
		 "StrictModes no\nUsePAM no\nPasswordAuthentication no\n"
		 "PermitRootLogin prohibit-password\nPidFile none\n");
	it_expect(it, 0, "slice", "exec", "lab-default", host, "--", "sh", "-c", script);
}

/* The two files that a machine needs in order to probe. */
static void install_skiff(const struct it *it, pid_t pid)
{
	sk_autofree char *from_bin = sk_strf("%s/bin", it->build);
	sk_autofree char *from_lib = sk_strf("%s/libexec/skiff", it->build);
	sk_autofree char *bin = sk_strf("/proc/%d/root/usr/local/bin", (int)pid);
	sk_autofree char *lib =
		sk_strf("/proc/%d/root/usr/local/libexec/skiff", (int)pid);

	assert_int_equal(sk_fs_mkdirs(AT_FDCWD, bin, 0755, NULL), 0);
	assert_int_equal(sk_fs_mkdirs(AT_FDCWD, lib, 0755, NULL), 0);
	copy(from_bin, "skiff", bin, 0755);
	copy(from_lib, "skiff-probe", lib, 0755);
}

/* From the network of this process's parent: the guest's kernel may have to be fetched. */
static void lab_up(struct it *it)
{
	char net[64];
	const char *const prefix[] = {"nsenter", net, "--", NULL};

	(void)snprintf(net, sizeof(net), "--net=/proc/%d/ns/net", (int)getppid());
	it->prefix = prefix;
	it_expect(it, 0, "lab", "up", "--hosts", "3", "--memory", "160m", "--working-set",
		  "8m", "--pages-per-s", "200", "--format", "json");
	it->prefix = NULL;
}

static void open_site(struct it *it, struct site *site)
{
	sk_auto(sk_json_free) struct sk_json *status = NULL;
	struct sk_json *hosts;

	it_need_root(it);
	if (access(SSHD, X_OK) < 0) {
		print_message("there is no " SSHD ": packages/install test\n");
		skip();
	}
	*site = (struct site){.dir = sk_strf("%s/ssh", it->dir)};
	assert_int_equal(mkdir(site->dir, 0755), 0);
	make_client(it, site);
	lab_up(it);
	status = it_json(it);
	hosts = sk_json_get(status, "hosts");
	assert_int_equal(sk_json_len(hosts), 3);
	for (size_t i = 0; i < 3; i++) {
		const struct sk_json *host = sk_json_at(hosts, i);

		site->c = (pid_t)sk_json_int(sk_json_get(host, "pid"), 0);
		start_sshd(it, site, sk_json_str(sk_json_get(host, "name"), ""), site->c);
	}
	install_skiff(it, site->c);
	site->net = sk_strf("--net=%s/slices/lab-default/ns/client", it->runroot);
	site->inside[0] = "nsenter";
	site->inside[1] = site->net;
	site->inside[2] = "--";
	it->prefix = site->inside;
}

static void close_site(struct it *it, struct site *site)
{
	it->prefix = NULL;
	it_expect(it, 0, "lab", "down");
	assert_int_equal(setenv("PATH", site->path, 1), 0);
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, site->dir, NULL), 0);
	free(site->path);
	free(site->net);
	free(site->dir);
}

/* ---- Looking ------------------------------------------------------------------------- */

static void assert_clock(const struct sk_json *json, const char *path, double exchanges)
{
	const struct sk_json *clock = sk_json_path(json, path);

	/* The same clock: what is measured is 0 within its error, and an answer takes its time. */
	assert_true(fabs(it_number(clock, "offset_us")) <= it_number(clock, "error_us"));
	assert_true(it_number(clock, "error_us") > 1);
	assert_true(it_number(clock, "error_us") < 100e3);
	assert_true(it_number(clock, "rtt_us") > 10);
	assert_true(it_number(clock, "exchanges") == exchanges);
	assert_false(sk_json_bool(sk_json_get(clock, "corrected"), true));
}

static bool read_proc(pid_t pid, const char *name, char *ret, size_t size)
{
	char path[64];
	int fd;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, ret, size - 1);
	sk_close(&fd);
	if (n <= 0)
		return false;
	for (ssize_t i = 0; i < n; i++) /* words of a command line end in NUL */
		ret[i] = ret[i] ? ret[i] : ' ';
	ret[n] = '\0';
	return true;
}

/* The first process for which this holds; 0 none. */
static pid_t find_process(bool (*holds)(pid_t pid, const void *arg), const void *arg)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	pid_t found = 0;

	assert_non_null(dir);
	while (!found && (entry = readdir(dir))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && holds(pid, arg))
			found = pid;
	}
	(void)closedir(dir);
	return found;
}

/* A probe on the machine that has this process. */
static bool is_probe_of(pid_t pid, const void *arg)
{
	char name[64], ours[64], theirs[64];
	struct stat a, b;

	(void)snprintf(ours, sizeof(ours), "/proc/%d/ns/mnt", (int)*(const pid_t *)arg);
	(void)snprintf(theirs, sizeof(theirs), "/proc/%d/ns/mnt", (int)pid);
	return read_proc(pid, "comm", name, sizeof(name)) &&
	       strcmp(name, "skiff-probe\n") == 0 && stat(ours, &a) == 0 &&
	       stat(theirs, &b) == 0 && a.st_ino == b.st_ino;
}

/* The ssh by which a process probes. */
static bool is_ssh_of(pid_t pid, const void *arg)
{
	char stat_text[512], words[1024];
	const char *end;
	int parent = 0;

	if (!read_proc(pid, "stat", stat_text, sizeof(stat_text)) ||
	    !(end = strrchr(stat_text, ')')) || sscanf(end + 1, " %*c %d", &parent) != 1)
		return false;
	return parent == *(const pid_t *)arg &&
	       read_proc(pid, "cmdline", words, sizeof(words)) &&
	       strstr(words, "probe-serve");
}

static void await_no_probe(const struct site *site)
{
	uint64_t deadline = sk_clock_mono() + DEADLINE_NS;

	while (find_process(is_probe_of, &site->c)) {
		if (sk_clock_mono() > deadline)
			fail_msg("a probe is left on machine c");
		sk_clock_sleep_until(sk_clock_mono() + NAP_NS);
	}
}

static void assert_guest_is_on(struct it *it, const char *host)
{
	uint64_t deadline = sk_clock_mono() + DEADLINE_NS;

	/* libvirt takes a moment to notice that who led a migration is gone. */
	do {
		it_expect(it, 0, "lab", "status", "--format", "json");
		{
			sk_auto(sk_json_free) struct sk_json *status = it_json(it);
			const struct sk_json *guests = sk_json_get(status, "guests");
			const struct sk_json *guest = sk_json_at(guests, 0);

			if (sk_json_len(guests) == 1 &&
			    sk_str_equal(sk_json_str(sk_json_get(guest, "host"), ""),
					 host) &&
			    sk_json_bool(sk_json_get(guest, "answering"), false))
				return;
		}
	} while (sk_clock_mono() < deadline);
	fail_msg("guest g1 is not on host %s alone: %s", host, it->out);
}

/* ---- Cases --------------------------------------------------------------------------- */

static void migrate_and_look(struct it *it, const struct site *site)
{
	static const char *const files[] = {"run.json", "samples.bin", "report.html"};
	sk_autofree char *dir = sk_strf("%s/results", site->dir);
	sk_auto(sk_json_free) struct sk_json *run = NULL;

	it_expect(it, 0, "migrate", "g1", "--from", HOST_A, "--to", HOST_B,
		  "--probe-from", MACHINE_C, "--probe", SERVICE, "--control",
		  "10.77.0.10", FAST, "--dir", dir, "--format", "json");
	run = it_json(it);
	it_assert_text(run, "mode.proven", "pre-copy");
	it_assert_text(run, "from.hostname", "a");
	it_assert_text(run, "to.hostname", "b");
	assert_true(sk_json_bool(sk_json_get(run, "memory_verified"), false));
	it_assert_text(run, "probe.from", MACHINE_C);
	assert_true(sk_json_bool(sk_json_path(run, "probe.complete"), false));
	assert_true(it_number(run, "probe.sent") > 3000);
	assert_true(it_number(run, "probe.before.lost") * 10 <
		    it_number(run, "probe.before.sent"));
	assert_true(it_number(run, "probe.after.p50_ms") > 0);
	assert_true(it_number(run, "downtime_ms.client") >=
		    it_number(run, "downtime_ms.vcpu"));
	assert_clock(run, "clocks.from", 12);
	assert_clock(run, "clocks.to", 12);
	assert_clock(run, "probe.clock", 24);
	for (size_t i = 0; i < SK_ARRAY_SIZE(files); i++) {
		sk_autofree char *path = sk_strf("%s/%s", dir, files[i]);

		assert_true(sk_fs_exists(AT_FDCWD, path));
	}
	await_no_probe(site);
}

/* The guest is at the second of the two: it goes from b to a and back, with a run of the probe alone in
 * each block. */
static void experiment_and_look(struct it *it, const struct site *site)
{
	static const char yaml[] =
		"name: ssh\n"
		"hosts: {from: '" HOST_A "', to: '" HOST_B "', guest: g1,\n"
		"        probe: '" SERVICE "', control: 10.77.0.10,\n"
		"        probe-from: '" MACHINE_C "'}\n"
		"factors: {mode: [pre-copy]}\n"
		"constants: {working-set: 8m, pages-per-s: 200, bandwidth: 400mbit, tls: no}\n"
		"repetitions: 2\nwarmup: false\nbaseline: 500ms\ntail: 500ms\n";
	sk_autofree char *file = sk_strf("%s/ssh.yaml", site->dir);
	sk_autofree char *dir = sk_strf("%s/out", site->dir);
	sk_autofree char *lines = NULL;
	sk_auto(sk_json_free) struct sk_json *summary = NULL;
	size_t proven = 0;

	write_at(site->dir, "ssh.yaml", 0644, yaml);
	/* A machine that is busy makes the probe late, and such runs are discarded: 1 when all are. */
	assert_in_range(it_skiff(it, "exp", "run", file, "--dir", dir, "--format",
				 "json"),
			0, 1);
	summary = it_json(it);
	assert_true(it_number(summary, "done") == 4);
	assert_true(it_number(summary, "failed") == 0);
	lines = read_at(dir, "runs.jsonl", NULL);
	for (const char *at = lines; (at = strstr(at, "\"proven\":\"pre-copy\"")); at++)
		proven++;
	assert_int_equal(proven, 2);
	it_assert_has(lines, "\"from\":\"" MACHINE_C "\"");
	await_no_probe(site);
}

static void test_hosts_and_probe_are_reached_by_ssh(void **state)
{
	struct it *it = *state;
	static struct site site; /* the fixture holds on to its words */

	open_site(it, &site);
	migrate_and_look(it, &site);
	experiment_and_look(it, &site);
	it_expect(it, 0, "probe", "--for", "500ms", "--from", MACHINE_C, SERVICE);
	it_assert_has(it->out, "250 sent, 0 lost");
	it_expect(it, 1, "probe", "--for", "500ms", "--from", "ssh://root@10.77.0.2",
		  SERVICE);
	it_assert_has(it->err, "probe from 'ssh://root@10.77.0.2': there is no skiff: ");
	it_assert_has(it->err, "hint: install skiff there");
	it_expect(it, 1, "probe", "--for", "500ms", "--from",
		  "ssh://root@10.77.0.3?keyfile=/none&command=/bin/false", SERVICE);
	it_expect(it, 2, "migrate", "g1", "--to", "b", "--probe-from", MACHINE_C);
	it_assert_has(it->err, "--probe-from needs --from");
	close_site(it, &site);
}

static void test_killed_client_leaves_no_probe_and_a_cut_one_no_false_numbers(
	void **state)
{
	struct it *it = *state;
	sk_auto(sk_json_free) struct sk_json *run = NULL;
	sk_autofree char *dir = NULL;
	struct it_job job;
	static struct site site; /* the fixture holds on to its words */
	pid_t ssh;

	open_site(it, &site);
	dir = sk_strf("%s/results", site.dir);
	it_start(it, &job, -1, "migrate", "g1", "--from", HOST_A, "--to", HOST_B,
		 "--probe-from", MACHINE_C, "--probe", SERVICE, SLOW, "--dir", dir);
	it_await_err(&job, "migrate\n");
	assert_true(find_process(is_probe_of, &site.c) > 0);
	assert_int_equal(kill(job.proc.pid, SIGKILL), 0);
	assert_int_equal(it_finish(it, &job), 128 + SIGKILL);
	await_no_probe(&site);
	assert_guest_is_on(it, "a");

	it_start(it, &job, -1, "migrate", "g1", "--from", HOST_A, "--to", HOST_B,
		 "--probe-from", MACHINE_C, "--probe", SERVICE, FAST, "--dir", dir,
		 "--format", "json");
	it_await_err(&job, "migrate\n");
	ssh = find_process(is_ssh_of, &job.proc.pid);
	assert_true(ssh > 0);
	assert_int_equal(kill(ssh, SIGKILL), 0);
	assert_int_equal(it_finish(it, &job), 0);
	run = it_json(it);
	await_no_probe(&site);
	assert_guest_is_on(it, "b");
	it_assert_text(run, "mode.proven", "pre-copy");
	it_assert_text(run, "probe.cut", "the connection ended");
	assert_false(sk_json_bool(sk_json_path(run, "probe.complete"), true));
	assert_true(it_number(run, "probe.before.sent") > 1000);
	assert_null(sk_json_path(run, "probe.lost"));
	assert_null(sk_json_path(run, "probe.during.lost"));
	assert_null(sk_json_path(run, "downtime_ms.client"));
	close_site(it, &site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_hosts_and_probe_are_reached_by_ssh),
		IT_TEST(test_killed_client_leaves_no_probe_and_a_cut_one_no_false_numbers),
	};

	return it_run_group(tests);
}
