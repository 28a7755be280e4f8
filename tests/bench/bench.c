// SPDX-License-Identifier: Apache-2.0
/* bench - skiff-oci against its peers and against what the kernel alone takes
 *
 *	bench --build DIR [--quick] [--rounds N] [--json FILE] [--busybox]
 *
 * 1. An own mount namespace with a tmpfs, as /run is one; where v1 holds the controllers, without the v2 hierarchy: crun of
 *    Debian 12 refuses machines that mix the two.
 *    skiff-oci is a copy beside this program, as it would be installed.
 * 2. Per case: one bundle for all, peers in turn, each round its own container. The command
 *    is the smallest that there can be, as its start is not the runtime's; or busybox's.
 * 3. A table of min, p50 and p95, then the targets with what was reached.
 */
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/json.h"
#include "lib/proc.h"
#include "lib/stats.h"
#include "lib/str.h"
#include "tests/bench/bench.h"

#define ID	     "bench"
#define FULL_ROUNDS  60
#define QUICK_ROUNDS 5
#define IDLE_NS	     100000000
#define LIMIT_STEP   (64u << 10)
#define LIMIT_MAX    (64u << 20)

enum { OURS, CRUN, RUNC };
enum { RUN, RUN_IDLE, EXEC, LIFE, SECCOMP, CASES };

static const char *const case_names[CASES] = {
	[RUN] = "run /bin/true",
	[RUN_IDLE] = "run after 100 ms idle",
	[EXEC] = "exec /bin/true",
	[LIFE] = "create + start + delete",
	[SECCOMP] = "run, default seccomp profile",
};

static struct bench_series series[CASES][3];
static struct bench_series floors[8];
static long memory_kib[2][3]; /* run, exec */
static long limit_kib[3];

static double oci(const struct bench_runtime *rt, const char *const *words)
{
	const char *argv[12] = {rt->path, "--root", rt->root};
	size_t n = 3;

	for (; *words && n < SK_ARRAY_SIZE(argv) - 1; words++)
		argv[n++] = *words;
	return bench_exec(argv);
}
#define OCI(rt, ...) oci(rt, (const char *const[]){__VA_ARGS__, NULL})

static void clean(const struct bench_runtime *rt)
{
	(void)OCI(rt, "delete", "--force", ID);
}

static double once_run(const struct bench *b, const struct bench_runtime *rt)
{
	(void)b;
	return OCI(rt, "run", "-b", rt->bundle, ID);
}

static double once_idle(const struct bench *b, const struct bench_runtime *rt)
{
	const struct timespec idle = {0, IDLE_NS};

	(void)nanosleep(&idle, NULL);
	return once_run(b, rt);
}

static double once_exec(const struct bench *b, const struct bench_runtime *rt)
{
	(void)b;
	return OCI(rt, "exec", ID, "/bin/true");
}

static double once_life(const struct bench *b, const struct bench_runtime *rt)
{
	double create = OCI(rt, "create", "-b", rt->bundle, ID);
	double start = create < 0 ? -1 : OCI(rt, "start", ID);
	double gone = OCI(rt, "delete", "--force", ID);

	(void)b;
	return create < 0 || start < 0 || gone < 0 ? -1 : create + start + gone;
}

/* crun of later versions keeps compiled filters. */
static double once_cold(const struct bench *b, const struct bench_runtime *rt)
{
	sk_autoclose int fd = open(rt->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)sk_fs_remove_tree(fd, ".cache", NULL);
	return once_run(b, rt);
}

static double (*const once[CASES])(const struct bench *, const struct bench_runtime *) = {
	[RUN] = once_run,   [RUN_IDLE] = once_idle, [EXEC] = once_exec,
	[LIFE] = once_life, [SECCOMP] = once_cold,
};

static void add(struct bench_series *s, double ms)
{
	if (ms >= 0 && s->n < BENCH_MAX_ROUNDS)
		s->ms[s->n++] = ms;
}

static void measure(struct bench *b, int which)
{
	/* the first round warms caches and does not count */
	for (unsigned int round = 0; round <= b->rounds; round++) {
		for (size_t i = 0; i < b->nr_runtimes; i++) {
			struct bench_runtime *rt = &b->runtimes[i];
			double ms = rt->path ? once[which](b, rt) : -1;

			if (rt->path && ms < 0) {
				rt->failures++;
				clean(rt);
			}
			if (round > 0)
				add(&series[which][i], ms);
		}
		for (size_t i = 0; which == RUN && bench_floors[i].name; i++)
			if (round > 0)
				add(&floors[i], bench_floors[i].once(b));
	}
}

static void measure_exec(struct bench *b)
{
	static const char *const args[] = {"/bin/sleep", "1000", NULL};

	if (bench_bundle_write(b, &(struct bench_profile){.args = args}) < 0)
		return;
	for (size_t i = 0; i < b->nr_runtimes; i++) {
		struct bench_runtime *rt = &b->runtimes[i];

		if (rt->path && (OCI(rt, "create", "-b", rt->bundle, ID) < 0 ||
				 OCI(rt, "start", ID) < 0))
			rt->failures++;
	}
	measure(b, EXEC);
	for (size_t i = 0; i < b->nr_runtimes; i++) {
		const struct bench_runtime *rt = &b->runtimes[i];
		const char *argv[] = {rt->path, "--root",    rt->root, "exec",
				      ID,	"/bin/true", NULL};

		memory_kib[1][i] = rt->path ? bench_memory(b, argv) : -1;
		if (rt->path)
			clean(rt);
	}
}

static void measure_memory(struct bench *b, const char *const *args)
{
	for (size_t i = 0; i < b->nr_runtimes; i++) {
		const struct bench_runtime *rt = &b->runtimes[i];
		const char *argv[] = {rt->path, "--root",   rt->root, "run",
				      "-b",	rt->bundle, ID,	      NULL};
		uint64_t low = 0, high = LIMIT_MAX;

		if (!rt->path)
			continue;
		memory_kib[0][i] = bench_memory(b, argv);
		while (high - low > LIMIT_STEP) {
			uint64_t limit = (low + high) / 2 / LIMIT_STEP * LIMIT_STEP;
			struct bench_profile profile = {args, false, limit};
			bool starts = bench_bundle_write(b, &profile) == 0 &&
				      once_run(b, rt) >= 0;

			if (!starts)
				clean(rt);
			*(starts ? &high : &low) = limit;
		}
		limit_kib[i] = high < LIMIT_MAX ? (long)(high >> 10) : -1;
		(void)bench_bundle_write(b, &(struct bench_profile){.args = args});
	}
}

static double quantile(const struct bench_series *s, double q)
{
	return s->n ? sk_stats_quantile(s->ms, s->n, q) : -1;
}

static void print_series(const struct bench *b, const char *name, const char *who,
			 struct bench_series *s, double reference)
{
	sk_auto(sk_json_free) struct sk_json *line = sk_json_new_object();
	sk_autofree char *text = NULL;

	if (s->n == 0)
		return;
	sk_stats_sort(s->ms, s->n);
	printf("%-34s %-10s %8.2f %8.2f %8.2f", name, who, s->ms[0], quantile(s, 0.5),
	       quantile(s, 0.95));
	printf(reference > 0 ? "   %5.2f\n" : "\n", quantile(s, 0.5) / reference);
	sk_json_set_str(line, "case", name);
	sk_json_set_str(line, "who", who);
	sk_json_set_uint(line, "rounds", s->n);
	sk_json_set_double(line, "min_ms", s->ms[0]);
	sk_json_set_double(line, "p50_ms", quantile(s, 0.5));
	sk_json_set_double(line, "p95_ms", quantile(s, 0.95));
	text = sk_json_print(line, false);
	if (b->json_fd >= 0 && text)
		(void)dprintf(b->json_fd, "%s\n", text);
}

static void print_table(const struct bench *b)
{
	size_t last = 0;
	double floor_ms;

	while (bench_floors[last + 1].name)
		last++;
	printf("%-34s %-10s %8s %8s %8s   p50/floor\n", "ms", "", "min", "p50", "p95");
	for (size_t i = 0; i <= last; i++)
		print_series(b, bench_floors[i].name, "kernel", &floors[i], 0);
	floor_ms = quantile(&floors[last], 0.5);
	for (int c = 0; c < CASES; c++)
		for (size_t i = 0; i < b->nr_runtimes; i++)
			print_series(b, case_names[c], b->runtimes[i].name, &series[c][i],
				     c == EXEC ? 0 : floor_ms);
	printf("\n%-34s %-10s %8s %8s %8s\n", "KiB", "", "run", "exec", "least");
	for (size_t i = 0; i < b->nr_runtimes; i++)
		if (b->runtimes[i].path)
			printf("%-34s %-10s %8ld %8ld %8ld\n", "peak memory; least limit",
			       b->runtimes[i].name, memory_kib[0][i], memory_kib[1][i],
			       limit_kib[i]);
}

static int misses;

static void verdict(const char *what, double got, double target, const char *unit)
{
	if (got < 0) {
		printf("%-42s    -      target %.2f %s  not measured\n", what, target,
		       unit);
		return;
	}
	misses += got > target;
	printf("%-42s %6.2f %-7s target %.2f  %s\n", what, got, unit, target,
	       got <= target ? "pass" : "MISS");
}

static double ratio(int which, int peer, double q)
{
	double ours = quantile(&series[which][OURS], q);
	double theirs = quantile(&series[which][peer], q);

	return ours < 0 || theirs <= 0 ? -1 : ours / theirs;
}

/* The target is for the median; where other programs run too, the least says more. */
static void speed_verdict(int which, int peer, const char *unit, double target)
{
	verdict(case_names[which], ratio(which, peer, 0.5), target, unit);
	if (ratio(which, peer, 0) > 0)
		printf("%-42s %6.2f %s\n", "    of the least times",
		       ratio(which, peer, 0), unit);
}

static void print_verdicts(void)
{
	printf("\n");
	speed_verdict(RUN, CRUN, "x crun", 0.5);
	speed_verdict(RUN_IDLE, CRUN, "x crun", 0.3);
	speed_verdict(RUN, RUNC, "x runc", 0.2);
	speed_verdict(EXEC, CRUN, "x crun", 0.35);
	speed_verdict(LIFE, CRUN, "x crun", 0.5);
	speed_verdict(SECCOMP, CRUN, "x crun", 0.3);
	verdict("peak memory of run",
		memory_kib[0][OURS] > 0 ? (double)memory_kib[0][OURS] / 1024 : -1, 1.5,
		"MiB");
	verdict("least memory limit",
		limit_kib[OURS] > 0 && limit_kib[CRUN] > 0
			? (double)limit_kib[OURS] / (double)limit_kib[CRUN]
			: -1,
		1.0, "x crun");
}

/* Where v1 has the controllers, v2 is in the peers' way. Records are on a tmpfs, as in /run. */
static int own_mounts(const char *dir)
{
	struct statfs fs;

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bench", dir, "tmpfs", 0, "mode=755") < 0)
		return -1;
	if (statfs("/sys/fs/cgroup/unified", &fs) == 0)
		(void)umount2("/sys/fs/cgroup/unified", MNT_DETACH);
	return 0;
}

static int find_peers(struct bench *b, const char *build)
{
	static const char *const names[] = {"skiff-oci", "crun", "runc"};

	b->nr_runtimes = SK_ARRAY_SIZE(names);
	for (size_t i = 0; i < b->nr_runtimes; i++) {
		struct bench_runtime *rt = &b->runtimes[i];

		rt->name = names[i];
		rt->root = sk_strf("%s/%s", b->dir, names[i]);
		rt->bundle = sk_strf("%s/%s.bundle", b->dir, names[i]);
		if (i == OURS)
			rt->path = sk_strf("%s/tests/bench/skiff-oci", build);
		else if (sk_proc_find(names[i], &rt->path) < 0)
			fprintf(stderr,
				"bench: %s is not installed: packages/install bench\n",
				names[i]);
		if (!rt->root || !rt->bundle || (i == OURS && access(rt->path, X_OK) < 0))
			return -1;
	}
	b->helper = sk_strf("%s/tests/bench/helper", build);
	b->command = b->has_busybox ? strdup("/bin/busybox")
				    : sk_strf("%s/tests/bench/true", build);
	return b->helper && b->command ? 0 : -1;
}

static void measure_all(struct bench *b)
{
	static const char *const args[] = {"/bin/true", NULL};
	const struct bench_profile plain = {.args = args};
	const struct bench_profile filtered = {.args = args, .seccomp = true};

	(void)bench_bundle_write(b, &plain);
	measure(b, RUN);
	measure(b, RUN_IDLE);
	measure(b, LIFE);
	if (bench_has_profile() && bench_bundle_write(b, &filtered) == 0)
		measure(b, SECCOMP);
	else
		fprintf(stderr, "bench: no default profile: packages/install bench\n");
	measure_exec(b);
	(void)bench_bundle_write(b, &plain);
	measure_memory(b, args);
}

static int failures(const struct bench *b)
{
	int sum = 0;

	for (size_t i = 0; i < b->nr_runtimes; i++) {
		if (b->runtimes[i].failures)
			fprintf(stderr, "bench: %s failed %d times\n",
				b->runtimes[i].name, b->runtimes[i].failures);
		sum += i == OURS ? b->runtimes[i].failures : 0;
	}
	return sum;
}

static int run(struct bench *b, const char *build)
{
	char dir[] = "/tmp/skiff-bench-XXXXXX";

	if (!mkdtemp(dir) || own_mounts(dir) < 0) {
		perror("bench: set up (as root)");
		return 1;
	}
	b->dir = dir;
	if (find_peers(b, build) < 0 || bench_bundle_make(b) < 0) {
		fprintf(stderr, "bench: build first, and install busybox\n");
		b->dir = NULL;
		return 1;
	}
	measure_all(b);
	print_table(b);
	print_verdicts();
	(void)umount2(dir, MNT_DETACH);
	(void)rmdir(dir);
	b->dir = NULL;
	return failures(b) > 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"build", required_argument, NULL, 'b'},
						{"rounds", required_argument, NULL, 'r'},
						{"json", required_argument, NULL, 'j'},
						{"quick", no_argument, NULL, 'q'},
						{"busybox", no_argument, NULL, 'B'},
						{NULL, 0, NULL, 0}};
	static struct bench b = {.rounds = FULL_ROUNDS, .json_fd = -1};
	sk_autofree char *full = NULL;
	const char *build = "build";
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 'b')
			build = optarg;
		else if (c == 'B')
			b.has_busybox = true;
		else if (c == 'q')
			b.rounds = QUICK_ROUNDS;
		else if (c == 'r')
			b.rounds = (unsigned int)strtoul(optarg, NULL, 10);
		else if (c == 'j')
			b.json_fd = open(optarg, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
					 0644);
		else
			return 2;
	}
	if (b.rounds < 1 || b.rounds >= BENCH_MAX_ROUNDS) {
		fprintf(stderr, "bench: --rounds takes 1 to %d\n", BENCH_MAX_ROUNDS - 1);
		return 2;
	}
	full = realpath(build, NULL);
	if (!full) {
		perror("bench: --build");
		return 2;
	}
	return run(&b, full);
}
