/* SPDX-License-Identifier: Apache-2.0 */
/* bench - what the parts of the benchmark share
 *
 * Whole processes are timed: vfork, exec and wait. Peers take turns, round by round, so that
 * what else the machine does hits all of them alike.
 */
#ifndef SK_BENCH_H
#define SK_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_MAX_ROUNDS 1000

/** struct bench_runtime - A peer */
struct bench_runtime {
	const char *name;
	const char *package; /* Debian package that has it; NULL: ours */
	char *path;	     /* NULL: not installed */
	char *root;	     /* its --root */
	char *bundle;	     /* its own config.json, with a control group of its own */
	int failures;
};

/** struct bench - The whole run */
struct bench {
	char *dir;	  /* temporary, with the bundle */
	char *helper;	  /* the static program: exits at once, or measures memory */
	char *command;	  /* what is /bin/true in the bundle */
	bool has_busybox; /* it is busybox, not the smallest program */
	struct bench_runtime runtimes[3];
	size_t nr_runtimes;
	unsigned int rounds;
	int json_fd; /* -1: none */
};

/** struct bench_series - Times of one peer in one case, in ms */
struct bench_series {
	double ms[BENCH_MAX_ROUNDS];
	size_t n;
};

/** bench_exec() - Run a program to its end, output to /dev/null; its time in ms, -1 when it failed or took 20 s */
double bench_exec(const char *const *argv);
/**
 * bench_memory() - Run it by the helper, which has little memory itself; its peak in KiB, -1
 *
 * The median of several: the kernel counts pages by processor, and each may be up to 31 behind.
 */
long bench_memory(const struct bench *b, const char *const *argv);

/** enum bench_profile - What the bundle's config.json asks for */
struct bench_profile {
	const char *const *args; /* the command */
	bool seccomp;		 /* the usual default profile */
	uint64_t memory_limit;	 /* bytes; 0 none */
};
/** bench_bundle_make() - Make the bundle's root; 0 or -1 */
int bench_bundle_make(struct bench *b);
/** bench_bundle_write() - Write its config.json; 0 or -1 */
int bench_bundle_write(const struct bench *b, const struct bench_profile *profile);
/** bench_has_profile() - Whether the default profile's file is installed */
bool bench_has_profile(void);

/** struct bench_floor - What the kernel alone takes */
struct bench_floor {
	const char *name;
	double (*once)(const struct bench *b); /* ms; -1 failed */
};
/** bench_floors - Ends with a NULL name; the last one does all that a run needs */
extern const struct bench_floor bench_floors[];

#endif
