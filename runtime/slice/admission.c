// SPDX-License-Identifier: Apache-2.0
/* admission - whether a slice fits beside the others; pure arithmetic but for reading the host
 *
 * Three sums must hold, with a twentieth of the machine kept for the system:
 *	CPU guarantees <= CPUs;		memory caps <= memory;
 *	weights <= 10000 as soon as anybody has a guarantee (see sk_slice_weight()).
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/sysinfo.h>

#include "lib/clock.h"
#include "lib/parse.h"
#include "lib/str.h"
#include "runtime/slice/slice.h"

#define WHOLE_MACHINE 10000u /* sum of all weights when there are guarantees */
#define RESERVE_PART  20u    /* a twentieth is the system's */

int sk_slice_host_read(struct sk_slice_host *ret, struct sk_err *err)
{
	struct sysinfo info;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0 || sysinfo(&info) < 0)
		return sk_err_errno(err, "find out what this machine has");
	ret->cpu_milli = (uint64_t)CPU_COUNT(&set) * 1000;
	ret->memory_bytes = (uint64_t)info.totalram * info.mem_unit;
	return 0;
}

uint64_t sk_slice_weight(const struct sk_slice_def *def, const struct sk_slice_host *host)
{
	uint64_t weight = def->limits.cpu_weight;

	if (def->cpu_guarantee_milli)
		weight = def->cpu_guarantee_milli * WHOLE_MACHINE / host->cpu_milli;
	else if (!weight)
		weight = SK_SLICE_DEFAULT_SHARE;
	if (weight < 1)
		return 1;
	return weight > WHOLE_MACHINE ? WHOLE_MACHINE : weight;
}

struct sk_slice_claim sk_slice_claim_of(const struct sk_slice_def *def,
					const struct sk_slice_host *host,
					uint64_t remaining_ns)
{
	struct sk_slice_claim claim = {
		.name = def->name,
		.cpu_milli = def->cpu_guarantee_milli,
		.memory_bytes = def->limits.memory_bytes,
		.weight = sk_slice_weight(def, host),
		.remaining_ns = remaining_ns,
	};
	uint64_t sum = 0;

	/* Without a cap of its own a slice can use what its nodes can, if all are capped. */
	for (size_t i = 0; claim.memory_bytes == 0 && i < def->nr_nodes; i++) {
		if (def->nodes[i].limits.memory_bytes == 0)
			return claim;
		sum += def->nodes[i].limits.memory_bytes;
	}
	if (claim.memory_bytes == 0)
		claim.memory_bytes = sum;
	return claim;
}

/* A resource that is summed up. */
struct resource {
	uint64_t (*amount)(const struct sk_slice_claim *claim);
	const char *(*format)(uint64_t amount, char buf[SK_FORMAT_SIZE]);
	const char *unit, *key, *without;
	uint64_t total, reserve;
};

static uint64_t cpu_amount(const struct sk_slice_claim *claim)
{
	return claim->cpu_milli;
}

static uint64_t memory_amount(const struct sk_slice_claim *claim)
{
	return claim->memory_bytes;
}

static uint64_t weight_amount(const struct sk_slice_claim *claim)
{
	return claim->weight;
}

static const char *format_cpu(uint64_t milli, char buf[SK_FORMAT_SIZE])
{
	int len = snprintf(buf, SK_FORMAT_SIZE, "%llu.%03llu",
			   (unsigned long long)(milli / 1000),
			   (unsigned long long)(milli % 1000));

	while (buf[len - 1] == '0')
		buf[--len] = '\0';
	if (buf[len - 1] == '.')
		buf[--len] = '\0';
	return buf;
}

static const char *format_weight(uint64_t weight, char buf[SK_FORMAT_SIZE])
{
	(void)snprintf(buf, SK_FORMAT_SIZE, "%llu", (unsigned long long)weight);
	return buf;
}

/* "alice 2, carol 3, system 0.4" */
static char *holders(const struct resource *res, const struct sk_slice_claim *held,
		     size_t nr_held)
{
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;
	char buf[SK_FORMAT_SIZE];

	for (size_t i = 0; i < nr_held; i++)
		if (res->amount(&held[i]))
			sk_str_addf(&text, "%s%s %s", text.len ? ", " : "", held[i].name,
				    res->format(res->amount(&held[i]), buf));
	if (res->reserve)
		sk_str_addf(&text, "%ssystem %s", text.len ? ", " : "",
			    res->format(res->reserve, buf));
	return sk_str_steal(&text);
}

/* The slice after whose end the claim fits, if those that end before it are gone too. */
static const struct sk_slice_claim *whom_to_wait_for(const struct resource *res,
						     const struct sk_slice_claim *held,
						     size_t nr_held, uint64_t missing)
{
	const struct sk_slice_claim *best = NULL;

	for (size_t i = 0; i < nr_held; i++) {
		uint64_t freed = 0;

		for (size_t j = 0; j < nr_held; j++)
			if (held[j].remaining_ns <= held[i].remaining_ns)
				freed += res->amount(&held[j]);
		if (res->amount(&held[i]) && freed >= missing &&
		    (!best || held[i].remaining_ns < best->remaining_ns))
			best = &held[i];
	}
	return best;
}

static int refuse(const struct resource *res, const struct sk_slice_claim *held,
		  size_t nr_held, const struct sk_slice_claim *claim,
		  uint64_t free_amount, struct sk_err *err)
{
	uint64_t need = res->amount(claim);
	const struct sk_slice_claim *wait =
		whom_to_wait_for(res, held, nr_held, need - free_amount);
	sk_autofree char *who = holders(res, held, nr_held);
	char need_text[SK_FORMAT_SIZE], free_text[SK_FORMAT_SIZE],
		total_text[SK_FORMAT_SIZE], time_text[SK_FORMAT_SIZE];
	sk_autofree char *waiting = NULL;

	(void)res->format(need, need_text);
	(void)res->format(free_amount, free_text);
	(void)res->format(res->total, total_text);
	if (wait)
		waiting = sk_strf("wait for %s (ends in %s), ", wait->name,
				  sk_format_duration(wait->remaining_ns, time_text));
	(void)sk_err_set(err, ENOSPC,
			 "slice '%s' needs %s %s: %s of %s are unreserved (%s)",
			 claim->name, need_text, res->unit, free_text, total_text,
			 who ? who : "");
	return sk_err_hint(err, -ENOSPC, "set %s to %s or less, %sor %s", res->key,
			   free_text, waiting ? waiting : "", res->without);
}

static int admit_one(const struct resource *res, const struct sk_slice_claim *held,
		     size_t nr_held, const struct sk_slice_claim *claim,
		     struct sk_err *err)
{
	uint64_t used = res->reserve;

	for (size_t i = 0; i < nr_held; i++)
		used += res->amount(&held[i]);
	if (res->amount(claim) == 0 || used + res->amount(claim) <= res->total)
		return 0;
	return refuse(res, held, nr_held, claim,
		      used < res->total ? res->total - used : 0, err);
}

int sk_slice_admit(const struct sk_slice_host *host, const struct sk_slice_claim *held,
		   size_t nr_held, const struct sk_slice_claim *claim, struct sk_err *err)
{
	const struct resource resources[] = {
		{cpu_amount, format_cpu, "CPUs", "cpu.guarantee",
		 "leave the guarantee out (best effort)", host->cpu_milli,
		 host->cpu_milli / RESERVE_PART},
		{memory_amount, sk_format_size, "of memory", "memory",
		 "leave the cap out (best effort)", host->memory_bytes,
		 host->memory_bytes / RESERVE_PART},
		{weight_amount, format_weight, "of CPU weight beside guarantees",
		 "cpu.share", "use fewer slices", WHOLE_MACHINE, 0},
	};
	bool guarantees = claim->cpu_milli > 0;

	for (size_t i = 0; i < nr_held; i++)
		guarantees = guarantees || held[i].cpu_milli > 0;
	for (size_t i = 0; i < SK_ARRAY_SIZE(resources); i++) {
		int r;

		if (resources[i].amount == weight_amount && !guarantees)
			continue;
		r = admit_one(&resources[i], held, nr_held, claim, err);
		if (r < 0)
			return r;
	}
	return 0;
}
