/* SPDX-License-Identifier: Apache-2.0 */
/* settings - files of a group and the values to write; for runtime/cgroup/ and its tests only
 *
 * A plan is a list of settings in the order in which they are written. It is made purely,
 * so tests and the check before anything is made see what would be written.
 */
#ifndef SK_CGROUP_SETTINGS_H
#define SK_CGROUP_SETTINGS_H

#include "runtime/cgroup/internal.h"
#include "runtime/cgroup/resources.h"

/** How a setting is written, as bits */
enum sk_cgroup_setting_flag {
	/* Failing is fine: it is tried before another setting that it depends on or that depends
	 * on it, and comes again after that one. */
	SK_CGROUP_TRIAL = 1 << 0,
	/* It takes a limit away: without the controller or the file there is none. */
	SK_CGROUP_LIFTS = 1 << 1,
	/* The kernel may lack the file. */
	SK_CGROUP_MAY_LACK = 1 << 2,
	/* Where the file is missing the next setting takes its place; else that one is left out. */
	SK_CGROUP_OR_NEXT = 1 << 3,
	/* The first word of the file is kept: it is put before the value. */
	SK_CGROUP_KEEP_FIRST = 1 << 4,
	/* The value is written line by line. */
	SK_CGROUP_BY_LINE = 1 << 5,
	/* The value is memory and swap together: memory.max is taken off it. */
	SK_CGROUP_MINUS_MEMORY = 1 << 6,
};

/**
 * struct sk_cgroup_set - One value to write
 * @controller:	Bit of the controller that owns the file; 0 for files of cgroup v2 itself
 * @what:	The limit as a user calls it: "memory", "CPU" (static text)
 * @file:	File of the group (heap); NULL: this version of cgroups has no such limit
 * @value:	Text to write (heap)
 * @flags:	SK_CGROUP_TRIAL and others
 */
struct sk_cgroup_set {
	unsigned int controller;
	const char *what;
	char *file, *value;
	unsigned int flags;
};

/** struct sk_cgroup_plan - A list of them; zero-initialise, release with sk_cgroup_plan_finish() */
struct sk_cgroup_plan {
	struct sk_cgroup_set *items;
	size_t nr;
	bool failed; /* memory ran out */
};
/** sk_cgroup_plan_finish() - Release what a plan holds */
void sk_cgroup_plan_finish(struct sk_cgroup_plan *plan);
SK_DEFINE_AUTO_FINISH(struct sk_cgroup_plan, sk_cgroup_plan_finish)

/**
 * sk_cgroup_plan_resources() - Turn resources into files and values; pure
 * @is_v2:	For a v2 hierarchy, else for v1
 * @plan:	Extended; device rules are no part of it (devices.h)
 *
 * Return: 0 or -ENOMEM
 */
int sk_cgroup_plan_resources(const struct sk_cgroup_resources *res, bool is_v2,
			     struct sk_cgroup_plan *plan);

/**
 * sk_cgroup_weight_of_shares() - v1's cpu.shares as v2's cpu.weight
 *
 * 2 is 1, 1024 is 100, 262144 is 10000, and between them a power of ten whose exponent is
 * quadratic in log2: both defaults meet, unlike with the older linear rule.
 * Source: runc and crun since 2025 ("shares to weight").
 */
uint64_t sk_cgroup_weight_of_shares(uint64_t shares);

/** sk_cgroup_explain_missing() - Record why no hierarchy can limit this: refused, blocked, nowhere */
int sk_cgroup_explain_missing(const struct sk_cgroup *cg, unsigned int bit,
			      const char *what, struct sk_err *err);

#endif
