// SPDX-License-Identifier: Apache-2.0
/* auto - choose a way to migrate that keeps to an objective; pure arithmetic */
#include "migrate/strategy/auto.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/parse.h"

#define WORTH 0.1 /* of margin more, to leave what the hypervisor does by itself */
#define SPARE                                                                            \
	0.15 /* of the outage: an allowed downtime is used up, and more adds to it */

/** struct limits - An objective in the model's units; INFINITY: none */
struct limits {
	double outage_s, total_s, bytes;
};

static double or_none(double limit)
{
	return limit > 0 ? limit : INFINITY;
}

static struct limits limits_of(const struct sk_slo *slo, double nonzero)
{
	return (struct limits){or_none((double)slo->outage_ns / 1e9),
			       or_none((double)slo->total_ns / 1e9),
			       or_none(sk_slo_bytes(slo, nonzero))};
}

/* What is left of the tightest limit. Without any, less outage is better. */
static double margin(const struct limits *l, double outage, double total, double bytes)
{
	const double pairs[3][2] = {{l->outage_s, outage},
				    {l->total_s, total},
				    {l->bytes, bytes}};
	double least = INFINITY;

	for (size_t i = 0; i < 3; i++)
		if (isfinite(pairs[i][0]))
			least = fmin(least, (pairs[i][0] - pairs[i][1]) / pairs[i][0]);
	return isfinite(least) ? least : 1 / (1 + outage);
}

static void judge(const struct limits *l, struct sk_candidate *c)
{
	const struct sk_model_output *o = &c->out;
	double high, mid;

	c->margin = -INFINITY;
	c->fit = SK_FIT_NOT;
	if (!o->converges)
		return;
	high = margin(l, o->outage_s.high, o->total_s.high, o->bytes.high);
	mid = margin(l, o->outage_s.mid, o->total_s.mid, o->bytes.mid);
	c->fit = high >= 0 && isfinite(o->total_s.high) ? SK_FIT_SURE
		 : mid >= 0				? SK_FIT_LIKELY
							: SK_FIT_NOT;
	c->margin = c->fit == SK_FIT_SURE ? high : mid;
}

static void add(struct sk_autopilot *a, const struct sk_prediction *p,
		const struct limits *l, struct sk_candidate c)
{
	struct sk_model_input in = p->input;

	if (a->nr == SK_AUTO_CANDIDATES)
		return;
	if (c.max_downtime_ms)
		in.downtime_s = (double)c.max_downtime_ms / 1e3;
	if (c.auto_converge) {
		in.throttle_initial = 0.2; /* QEMU's */
		in.throttle_increment = 0.1;
	}
	sk_model_predict(&in, c.mode, p->postcopy_after, &c.out);
	judge(l, &c);
	a->candidates[a->nr++] = c;
}

/* Post-copy has its own wishes: the transfer's options may not go with it. */
static bool allows(const struct sk_migrate_opts *opts, bool live, bool postcopy)
{
	struct sk_transfer_facts facts = {.live = live, .postcopy = postcopy};

	return sk_transfer_check(&opts->transfer, &facts, NULL) == 0;
}

/* How long the last pass may stand still, for the outage to stay within the objective. */
static uint64_t longest_downtime(const struct sk_prediction *p, const struct limits *l)
{
	const struct sk_model_mode *m = &p->input.mode[SK_MODE_PRE_COPY];
	double link = p->input.link_bps.mid;
	double rate = p->input.cap_bps > 0 ? fmin(p->input.cap_bps, link) : link;
	double left = (1 - SPARE) * l->outage_s - m->floor_s.mid - m->network_s.mid;

	if (!isfinite(left))
		return 60000;
	/* The cap is lifted for it: the allowed downtime counts at the capped rate. */
	return left > 0 ? (uint64_t)fmin(left * link / rate * 1e3, 60000) : 0;
}

static void add_precopies(struct sk_autopilot *a, const struct sk_prediction *p,
			  const struct sk_migrate_opts *opts, const struct limits *l)
{
	const struct sk_transfer_opts *t = &opts->transfer;
	/* The last: all that the objective permits. */
	const uint64_t downtimes[] = {0, 30, 100, 1000, a->longest_ms};
	/* A downtime that the user chose is not chosen again. */
	size_t nr = t->max_downtime_ms ? 1 : SK_ARRAY_SIZE(downtimes);

	for (size_t i = 0; i < nr; i++) {
		if (i > 0 && downtimes[i] == 0)
			continue; /* the objective permits none */
		add(a, p, l,
		    (struct sk_candidate){.mode = SK_MODE_PRE_COPY,
					  .max_downtime_ms = t->max_downtime_ms
								     ? t->max_downtime_ms
								     : downtimes[i],
					  .auto_converge = t->auto_converge});
	}
}

static void add_all(struct sk_autopilot *a, const struct sk_prediction *p,
		    const struct sk_migrate_opts *opts, const struct limits *l)
{
	const struct sk_transfer_opts *t = &opts->transfer;

	add_precopies(a, p, opts, l);
	if (!t->auto_converge && allows(opts, true, false))
		add(a, p, l,
		    (struct sk_candidate){.mode = SK_MODE_PRE_COPY,
					  .max_downtime_ms = t->max_downtime_ms,
					  .auto_converge = true});
	if (allows(opts, false, false))
		add(a, p, l, (struct sk_candidate){.mode = SK_MODE_STOP_AND_COPY});
	if (!a->can_postcopy)
		return;
	add(a, p, l, (struct sk_candidate){.mode = SK_MODE_POST_COPY});
	add(a, p, l, (struct sk_candidate){.mode = SK_MODE_HYBRID});
}

static bool is_risky(const struct sk_candidate *c)
{
	return c->mode == SK_MODE_POST_COPY || c->mode == SK_MODE_HYBRID;
}

/* More fit first; of those the one that cannot lose the guest; of those the one with more margin. */
static bool is_better(const struct sk_candidate *c, const struct sk_candidate *than)
{
	if (c->fit != than->fit)
		return c->fit > than->fit;
	if (c->fit != SK_FIT_NOT && is_risky(c) != is_risky(than))
		return is_risky(than);
	return c->margin > than->margin + WORTH;
}

static size_t best(const struct sk_autopilot *a)
{
	size_t b = 0;

	for (size_t i = 1; i < a->nr; i++)
		if (is_better(&a->candidates[i], &a->candidates[b]))
			b = i;
	return b;
}

static const char *name_of(const struct sk_candidate *c, char *buf, size_t size)
{
	char limit[48] = "";

	if (c->max_downtime_ms)
		(void)snprintf(limit, sizeof(limit), ", max-downtime %" PRIu64 " ms",
			       c->max_downtime_ms);
	(void)snprintf(buf, size, "%s%s%s", sk_mode_name(c->mode), limit,
		       c->auto_converge ? ", auto-converge" : "");
	return buf;
}

static const char *time_text(double s, char buf[SK_FORMAT_SIZE])
{
	if (!isfinite(s))
		return "no end";
	return sk_format_duration((uint64_t)(s * 1e9), buf);
}

static const char *bytes_text(double bytes, char buf[SK_FORMAT_SIZE])
{
	return isfinite(bytes) ? sk_format_size((uint64_t)bytes, buf) : "no end";
}

const char *sk_auto_describe(const struct sk_candidate *c, char *buf, size_t size)
{
	static const char *const fits[] = {"misses the objective",
					   "is likely to keep to it", "keeps to it"};
	char name[96], text[6][SK_FORMAT_SIZE];
	const struct sk_model_output *o = &c->out;

	(void)name_of(c, name, sizeof(name));
	if (!o->converges)
		(void)snprintf(buf, size, "%s: does not end: %s", name, o->why);
	else
		(void)snprintf(buf, size,
			       "%s: outage %s (to %s), total %s (to %s), %s (to %s): %s",
			       name, time_text(o->outage_s.mid, text[0]),
			       time_text(o->outage_s.high, text[1]),
			       time_text(o->total_s.mid, text[2]),
			       time_text(o->total_s.high, text[3]),
			       bytes_text(o->bytes.mid, text[4]),
			       bytes_text(o->bytes.high, text[5]), fits[c->fit]);
	return buf;
}

int sk_auto_choose(const struct sk_prediction *p, const struct sk_migrate_opts *opts,
		   struct sk_autopilot *ret, struct sk_err *err)
{
	struct limits l = limits_of(&opts->slo, p->input.nonzero.mid);
	const struct sk_candidate *c;
	char line[300];
	int r;

	*ret = (struct sk_autopilot){.slo = opts->slo,
				     .risk = opts->risk,
				     .best_effort = opts->best_effort,
				     .now = sk_clock_mono};
	ret->can_postcopy = !opts->risk.no_post_copy && allows(opts, true, true);
	ret->longest_ms = longest_downtime(p, &l);
	add_all(ret, p, opts, &l);
	ret->chosen = best(ret);
	c = &ret->candidates[ret->chosen];
	ret->course = c->mode;
	(void)sk_auto_describe(c, line, sizeof(line));
	(void)snprintf(ret->why, sizeof(ret->why), "%s%s",
		       c->fit == SK_FIT_NOT ? "none keeps to the objective; nearest: "
					    : "",
		       line);
	if (c->fit != SK_FIT_NOT || opts->best_effort)
		return 0;
	r = sk_err_set(
		err, ENOTSUP,
		"no way to migrate is predicted to keep to the objective; nearest: %s",
		line);
	return sk_err_hint(err, r, "--best-effort takes the nearest; or change --slo%s",
			   opts->risk.no_post_copy ? ", or allow post-copy (--risk any)"
						   : "");
}

void sk_auto_apply(const struct sk_autopilot *chosen, struct sk_transfer_opts *transfer)
{
	const struct sk_candidate *c = &chosen->candidates[chosen->chosen];

	if (c->max_downtime_ms)
		transfer->max_downtime_ms = c->max_downtime_ms;
	transfer->auto_converge = c->auto_converge;
}

void sk_auto_predicted(const struct sk_autopilot *chosen,
		       struct sk_prediction *prediction)
{
	const struct sk_candidate *c = &chosen->candidates[chosen->chosen];

	if (c->max_downtime_ms)
		prediction->input.downtime_s = (double)c->max_downtime_ms / 1e3;
	prediction->output[c->mode] = c->out;
}

static struct sk_json *candidate_json(const struct sk_candidate *c)
{
	static const char *const fits[] = {"not", "likely", "sure"};
	struct sk_json *json = sk_json_new_object();
	char line[300];

	sk_json_set_str(json, "mode", sk_mode_name(c->mode));
	sk_json_set_uint(json, "max_downtime_ms", c->max_downtime_ms);
	sk_json_set_bool(json, "auto_converge", c->auto_converge);
	sk_json_set_bool(json, "converges", c->out.converges);
	if (c->out.converges) {
		(void)sk_json_set(json, "outage_ms",
				  sk_range_json(&c->out.outage_s, 1e3));
		(void)sk_json_set(json, "total_ms", sk_range_json(&c->out.total_s, 1e3));
		(void)sk_json_set(json, "bytes", sk_range_json(&c->out.bytes, 1));
		sk_json_set_double(json, "margin", round(c->margin * 1000) / 1000);
	}
	sk_json_set_str(json, "fits", fits[c->fit]);
	sk_json_set_str(json, "text", sk_auto_describe(c, line, sizeof(line)));
	return json;
}

struct sk_json *sk_auto_json(const struct sk_autopilot *chosen)
{
	struct sk_json *json = sk_json_new_object(), *list;

	list = sk_json_set(json, "candidates", sk_json_new_array());
	for (size_t i = 0; i < chosen->nr; i++)
		(void)sk_json_add(list, candidate_json(&chosen->candidates[i]));
	sk_json_set_uint(json, "chosen", chosen->chosen);
	sk_json_set_str(json, "why", chosen->why);
	list = sk_json_set(json, "changes", sk_json_new_array());
	for (size_t i = 0; i < chosen->nr_changes; i++) {
		struct sk_json *one = sk_json_add(list, sk_json_new_object());

		sk_json_set_double(one, "at_ms",
				   round(chosen->changes[i].at_s * 1e6) / 1e3);
		sk_json_set_str(one, "text", chosen->changes[i].text);
	}
	return json;
}
