// SPDX-License-Identifier: Apache-2.0
/* limits - from limits as users state them to the files of cgroup v1 and v2
 *
 * Theory of operation: sk_cgroup_plan() turns limits into a list of (file, value), purely;
 * sk_cgroup_check_limits() refuses before anything is made what no hierarchy can do;
 * sk_cgroup_apply() writes. A limit that was asked for is set or is an error.
 */
#include <fcntl.h>

#include "lib/fs.h"
#include "lib/parse.h"
#include "runtime/cgroup/settings.h"

#define CPU_PERIOD_US	100000ull
#define V1_SHARES_MIN	2ull
#define V1_SHARES_MAX	262144ull
#define V1_SHARES_USUAL 1024ull
#define V2_WEIGHT_USUAL 100ull
#define V2_WEIGHT_MAX	10000ull
#define DELEGATION_HINT                                                                  \
	"run it as root, or in a group of your own: "                                    \
	"systemd-run --user --scope -p Delegate=yes skiff ..."

static struct sk_cgroup_setting *add(struct sk_cgroup_setting *list, unsigned int *nr,
				     struct sk_cgroup_setting setting)
{
	list[*nr] = setting;
	return &list[(*nr)++];
}

static void set_value(struct sk_cgroup_setting *setting, uint64_t number,
		      const char *unlimited)
{
	if (number)
		(void)snprintf(setting->value, sizeof(setting->value), "%llu",
			       (unsigned long long)number);
	else
		(void)snprintf(setting->value, sizeof(setting->value), "%s", unlimited);
}

/*
 * memory+swap must never be below memory, so it goes first when a limit rises and last when
 * it falls: it is tried before and set after.
 */
static void plan_memory_v1(uint64_t bytes, struct sk_cgroup_setting *list,
			   unsigned int *nr)
{
	const struct sk_cgroup_setting both = {
		.controller = SK_CGROUP_MEMORY,
		.what = "memory and swap",
		.file = "memory.memsw.limit_in_bytes",
		.is_optional = true,
	};
	const struct sk_cgroup_setting memory = {
		.controller = SK_CGROUP_MEMORY,
		.what = "memory",
		.file = "memory.limit_in_bytes",
	};
	struct sk_cgroup_setting *first = add(list, nr, both);

	first->is_trial = true;
	set_value(first, bytes, "-1");
	set_value(add(list, nr, memory), bytes, "-1");
	set_value(add(list, nr, both), bytes, "-1");
}

static void plan_memory_v2(uint64_t bytes, struct sk_cgroup_setting *list,
			   unsigned int *nr)
{
	const struct sk_cgroup_setting memory = {.controller = SK_CGROUP_MEMORY,
						 .what = "memory",
						 .file = "memory.max"};
	const struct sk_cgroup_setting swap = {
		.controller = SK_CGROUP_MEMORY,
		.what = "swap",
		.file = "memory.swap.max",
		.is_optional = true,
	};
	struct sk_cgroup_setting *swap_value;

	set_value(add(list, nr, memory), bytes, "max");
	swap_value = add(list, nr, swap);
	(void)snprintf(swap_value->value, sizeof(swap_value->value), "%s",
		       bytes ? "0" : "max");
}

static void plan_cpu_cap(uint64_t milli, bool is_v2, struct sk_cgroup_setting *list,
			 unsigned int *nr)
{
	struct sk_cgroup_setting cap = {.controller = SK_CGROUP_CPU, .what = "CPU"};
	uint64_t quota = milli * CPU_PERIOD_US / 1000;
	struct sk_cgroup_setting *added;

	if (!is_v2) {
		cap.file = "cpu.cfs_period_us";
		set_value(add(list, nr, cap), CPU_PERIOD_US, "");
		cap.file = "cpu.cfs_quota_us";
		set_value(add(list, nr, cap), quota, "-1");
		return;
	}
	cap.file = "cpu.max";
	added = add(list, nr, cap);
	set_value(added, quota, "max");
	(void)snprintf(added->value + strlen(added->value),
		       sizeof(added->value) - strlen(added->value), " %llu",
		       CPU_PERIOD_US);
}

static uint64_t shares_from_weight(uint64_t weight)
{
	uint64_t shares = weight * V1_SHARES_USUAL / V2_WEIGHT_USUAL;

	if (shares < V1_SHARES_MIN)
		return V1_SHARES_MIN;
	return shares > V1_SHARES_MAX ? V1_SHARES_MAX : shares;
}

static void plan_cpu_weight(uint64_t weight, bool is_v2, struct sk_cgroup_setting *list,
			    unsigned int *nr)
{
	uint64_t value = weight ? weight : V2_WEIGHT_USUAL;
	const struct sk_cgroup_setting setting = {
		.controller = SK_CGROUP_CPU,
		.what = "CPU weight",
		.file = is_v2 ? "cpu.weight" : "cpu.shares",
	};

	set_value(add(list, nr, setting), is_v2 ? value : shares_from_weight(value), "");
}

unsigned int sk_cgroup_plan(const struct sk_cgroup_limits *limits, bool is_v2, bool lift,
			    struct sk_cgroup_setting ret[SK_CGROUP_MAX_SETTINGS])
{
	unsigned int nr = 0;

	if (limits->memory_bytes || lift) {
		if (is_v2)
			plan_memory_v2(limits->memory_bytes, ret, &nr);
		else
			plan_memory_v1(limits->memory_bytes, ret, &nr);
	}
	if (limits->memory_low_bytes || (lift && is_v2)) {
		const struct sk_cgroup_setting low = {.controller = SK_CGROUP_MEMORY,
						      .what = "memory guarantee",
						      .file = is_v2 ? "memory.low" : ""};

		set_value(add(ret, &nr, low), limits->memory_low_bytes, "0");
	}
	if (limits->cpu_milli || lift)
		plan_cpu_cap(limits->cpu_milli, is_v2, ret, &nr);
	if (limits->cpu_weight || lift)
		plan_cpu_weight(limits->cpu_weight, is_v2, ret, &nr);
	if (limits->pids_max || lift) {
		const struct sk_cgroup_setting pids = {.controller = SK_CGROUP_PIDS,
						       .what = "number of processes",
						       .file = "pids.max"};

		set_value(add(ret, &nr, pids), limits->pids_max, "max");
	}
	return nr;
}

const struct sk_cgroup_hier *sk_cgroup_find(const struct sk_cgroup *cg, unsigned int bit)
{
	for (unsigned int i = 0; i < cg->nr; i++)
		if ((cg->hiers[i].controllers & bit) && !cg->hiers[i].refused)
			return &cg->hiers[i];
	return NULL;
}

int sk_cgroup_explain_missing(const struct sk_cgroup *cg, unsigned int bit,
			      const char *what, struct sk_err *err)
{
	const char *name = sk_cgroup_controller_name(bit);
	int r;

	for (unsigned int i = 0; i < cg->nr; i++) {
		const struct sk_cgroup_hier *hier = &cg->hiers[i];

		if (hier->controllers & bit) {
			r = sk_err_code(err, hier->refused,
					"cannot limit %s: make a group in '%s'", what,
					hier->base ? hier->base : hier->dir);
			return sk_err_hint(err, r, DELEGATION_HINT);
		}
		if (hier->blocked & bit) {
			r = sk_err_set(
				err, EBUSY,
				"cannot limit %s: the group '%s' holds processes itself, so it cannot hand on the controller '%s'",
				what, hier->base, name);
			return sk_err_hint(err, r, DELEGATION_HINT);
		}
		if (hier->withheld & bit) {
			r = sk_err_set(
				err, EACCES,
				"cannot limit %s: the group '%s' was not given the controller '%s'",
				what, hier->base, name);
			return sk_err_hint(err, r, DELEGATION_HINT);
		}
	}
	r = sk_err_set(
		err, ENOTSUP,
		"cannot limit %s: the cgroup controller '%s' is not available here (cgroups: %s)",
		what, name, sk_cgroup_mode_name(sk_cgroup_mode()));
	return sk_err_hint(
		err, r,
		"leave the limit out, or mount the controller (see `skiff doctor`)");
}

int sk_cgroup_check_limits(const struct sk_cgroup *cg,
			   const struct sk_cgroup_limits *limits, struct sk_err *err)
{
	const struct {
		uint64_t value;
		unsigned int bit;
		const char *what;
	} wanted[] = {
		{limits->memory_bytes, SK_CGROUP_MEMORY, "memory"},
		{limits->memory_low_bytes, SK_CGROUP_MEMORY, "memory guarantee"},
		{limits->cpu_milli, SK_CGROUP_CPU, "CPU"},
		{limits->cpu_weight, SK_CGROUP_CPU, "CPU weight"},
		{limits->pids_max, SK_CGROUP_PIDS, "number of processes"},
	};
	const struct sk_cgroup_hier *memory = sk_cgroup_find(cg, SK_CGROUP_MEMORY);

	for (size_t i = 0; i < SK_ARRAY_SIZE(wanted); i++)
		if (wanted[i].value && !sk_cgroup_find(cg, wanted[i].bit))
			return sk_cgroup_explain_missing(cg, wanted[i].bit,
							 wanted[i].what, err);
	if (limits->memory_low_bytes && !memory->is_v2)
		return sk_err_set(
			err, ENOTSUP,
			"cannot guarantee memory: the controller 'memory' is on cgroup v1, which has no 'memory.low'");
	if (limits->cpu_weight > V2_WEIGHT_MAX)
		return sk_err_set(err, ERANGE,
				  "a CPU weight is between 1 and %llu, not %llu",
				  V2_WEIGHT_MAX, (unsigned long long)limits->cpu_weight);
	return 0;
}

static int explain_failure(const struct sk_cgroup_hier *hier,
			   const struct sk_cgroup_setting *setting, int code,
			   struct sk_err *err)
{
	int r = sk_err_code(err, code, "cannot limit %s: write '%s' to '%s/%s'",
			    setting->what, setting->value, hier->dir, setting->file);

	if (code == -EINVAL && setting->controller == SK_CGROUP_CPU)
		return sk_err_hint(
			err, r, "a group above it has a smaller cap; ask for less CPU");
	if (code == -EBUSY && setting->controller == SK_CGROUP_MEMORY)
		return sk_err_hint(
			err, r, "it uses more than that already and cannot give it back");
	return r;
}

static int apply_one(const struct sk_cgroup_hier *hier,
		     const struct sk_cgroup_setting *setting, struct sk_err *err)
{
	int r = sk_fs_write(hier->dirfd, setting->file, setting->value);

	if (r == 0 || setting->is_trial ||
	    (setting->is_optional && (r == -ENOENT || r == -ENOTSUP)))
		return 0;
	return explain_failure(hier, setting, r, err);
}

int sk_cgroup_apply(const struct sk_cgroup *cg, const struct sk_cgroup_limits *limits,
		    bool lift, struct sk_err *err)
{
	struct sk_cgroup_setting settings[SK_CGROUP_MAX_SETTINGS];

	for (unsigned int i = 0; i < cg->nr; i++) {
		const struct sk_cgroup_hier *hier = &cg->hiers[i];
		unsigned int nr;

		if (hier->refused || hier->dirfd < 0)
			continue;
		nr = sk_cgroup_plan(limits, hier->is_v2, lift, settings);
		for (unsigned int k = 0; k < nr; k++) {
			int r;

			if (!(settings[k].controller & hier->controllers) ||
			    !*settings[k].file)
				continue;
			r = apply_one(hier, &settings[k], err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}
