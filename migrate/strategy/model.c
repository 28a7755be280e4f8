// SPDX-License-Identifier: Apache-2.0
/* model - what a migration will cost, as intervals; pure arithmetic, no clock, no I/O */
#include "migrate/strategy/model.h"

#include <math.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "lib/parse.h"

#define MOST_PASSES   2000
#define CAPPED_STEP_S 0.1  /* QEMU counts a cap in windows of this length */
#define OPEN_STEP_S   0.05 /* and looks at what is left after each such time */
#define ZERO_BPS      2e9  /* at which pages of zeros are found */
#define THROTTLE_MAX  0.99 /* QEMU's own */
#define THROTTLE_AT   0.5  /* of what was sent, dirtied meanwhile */

/** struct point - One combination of the uncertain inputs */
struct point {
	double nonzero, tail, write, ws, link, postcopy_link, cap, downtime;
	double leftover; /* of the last step that a pass leaves, 0 to 1 */
	double throttle, throttle_step;
};

/** struct course - What the passes come to */
struct course {
	bool converges;
	unsigned int passes;
	double time, sent; /* until the guest stops */
	double cold, warm; /* left then: never sent before, and sent before */
	double last_dirty; /* dirtied in the last pass */
};

static double rate_of(const struct point *p)
{
	return p->cap > 0 ? fmin(p->cap, p->link) : p->link;
}

double sk_model_unique(double write_bps, double working_set, double s)
{
	return fmin(working_set, write_bps * s);
}

/* QEMU slows the guest more after each pass in which it wrote half of what was sent. */
static void throttle(struct point *p, double dirty, double sent, double *at)
{
	if (p->throttle <= 0 || dirty < THROTTLE_AT * sent)
		return;
	*at = *at > 0 ? fmin(*at + p->throttle_step, THROTTLE_MAX) : p->throttle;
}

/* Passes until what is left fits, or @passes of them whatever is left (0: until it fits). */
static struct course run_passes(struct point p, unsigned int passes)
{
	double rate = rate_of(&p), step = p.cap > 0 ? CAPPED_STEP_S : OPEN_STEP_S;
	double fits = passes ? 0 : rate * p.downtime, slowed = 0;
	double write = p.write;
	struct course c = {.converges = true, .passes = 1};

	c.cold = fmin(fmin(p.tail, fits), p.nonzero);
	c.sent = p.nonzero - c.cold;
	c.time = c.sent / rate;
	c.last_dirty = sk_model_unique(write, p.ws, c.time);
	c.warm = c.last_dirty;
	while (passes ? c.passes < passes : c.cold + c.warm > fits) {
		double before = c.cold + c.warm;
		double left = fmax(0, fits - p.leftover * rate * step);
		double send = fmax(before - left, 0), t = send / rate;

		if (++c.passes > MOST_PASSES) {
			c.converges = false;
			return c;
		}
		throttle(&p, c.last_dirty, send, &slowed);
		write = p.write * (1 - slowed);
		if (!passes && t <= step && write < rate) {
			/* In each step the rest may fit by chance. */
			c.time += step / (1 - write / rate);
			c.sent += rate * step / (1 - write / rate);
			c.cold = 0;
			c.warm = fits - (rate - write) * step * p.leftover;
			return c;
		}
		c.last_dirty = sk_model_unique(write, p.ws, t);
		c.time += t;
		c.sent += send;
		c.cold = 0;
		c.warm = fmin(left, before) + c.last_dirty;
		if (!passes && c.warm >= before &&
		    (p.throttle <= 0 || slowed >= THROTTLE_MAX)) {
			c.converges = false;
			return c;
		}
	}
	return c;
}

/** struct figures - The outputs at one point, without floor and extra */
struct figures {
	bool converges;
	unsigned int passes;
	double total, down, post, sent;
};

static struct figures at_point(const struct sk_model_input *in, enum sk_mode mode,
			       unsigned int after, struct point p)
{
	double zeros = fmax(0, in->memory_bytes - p.nonzero) / ZERO_BPS, rest;
	struct figures f = {.converges = true};
	struct course c;

	if (mode == SK_MODE_STOP_AND_COPY)
		p.write = 0;
	if (mode == SK_MODE_POST_COPY) {
		c = (struct course){.converges = true, .warm = p.nonzero};
	} else {
		c = run_passes(p, mode == SK_MODE_HYBRID ? (after ? after : 1) : 0);
	}
	f.converges = c.converges;
	f.passes = c.passes;
	f.sent = c.sent + c.cold + c.warm;
	f.total = c.time + zeros;
	if (mode == SK_MODE_POST_COPY || mode == SK_MODE_HYBRID) {
		p.link = p.postcopy_link;
		if (in->postcopy_cap_bps > 0)
			p.cap = in->postcopy_cap_bps;
		f.post = (c.cold + c.warm) / rate_of(&p);
		f.total += f.post;
		return f;
	}
	rest = c.cold / p.link + c.warm / (p.link * (in->warm > 0 ? in->warm : 1));
	f.total += rest;
	f.down = mode == SK_MODE_STOP_AND_COPY ? f.total : rest;
	return f;
}

static double pick(const struct sk_range *range, unsigned int which)
{
	return which == 0 ? range->low : which == 1 ? range->mid : range->high;
}

static struct point make_point(const struct sk_model_input *in,
			       const unsigned int which[6])
{
	return (struct point){
		.nonzero = pick(&in->nonzero, which[0]),
		.tail = pick(&in->tail, which[1]),
		.write = pick(&in->write_bps, which[2]),
		.ws = pick(&in->working_set, which[3]),
		.link = pick(&in->link_bps, which[4]),
		.postcopy_link = pick(&in->postcopy_link_bps, which[4]),
		.leftover = 0.5 * which[5],
		.cap = in->cap_bps,
		.downtime = in->downtime_s,
		.throttle = in->throttle_initial,
		.throttle_step = in->throttle_increment,
	};
}

static void widen(struct sk_range *range, double value)
{
	range->low = fmin(range->low, value);
	range->high = fmax(range->high, value);
}

/** struct spread - The three figures over all combinations */
struct spread {
	struct sk_range total, down, post, sent;
};

static void spread(const struct sk_model_input *in, enum sk_mode mode, unsigned int after,
		   struct spread *s)
{
	for (unsigned int i = 0; i < 3 * 3 * 3 * 3 * 3 * 3; i++) {
		const unsigned int which[6] = {i % 3,	   i / 3 % 3,  i / 9 % 3,
					       i / 27 % 3, i / 81 % 3, i / 243 % 3};
		struct figures f = at_point(in, mode, after, make_point(in, which));

		widen(&s->total, f.converges ? f.total : INFINITY);
		widen(&s->down, f.converges ? f.down : INFINITY);
		widen(&s->post, f.post);
		widen(&s->sent, f.converges ? f.sent : INFINITY);
	}
}

static struct sk_range sum(const struct sk_range *a, const struct sk_range *b)
{
	/* A residue may be negative; no figure is. */
	return (struct sk_range){fmax(0, a->low + b->low), fmax(0, a->mid + b->mid),
				 fmax(0, a->high + b->high)};
}

static void say_why(const struct sk_model_input *in, struct sk_model_output *ret)
{
	double link = in->link_bps.mid;
	double rate = in->cap_bps > 0 ? fmin(in->cap_bps, link) : link;
	char ws[SK_FORMAT_SIZE];

	if (!ret->converges)
		(void)snprintf(
			ret->why, sizeof(ret->why),
			"%.0f MB/s dirtied against %.0f MB/s sent, and a working set "
			"of %s does not fit %.0f ms",
			in->write_bps.mid / 1e6, rate / 1e6,
			sk_format_size((uint64_t)in->working_set.mid, ws),
			in->downtime_s * 1e3);
	else if (isinf(ret->total_s.high))
		(void)snprintf(
			ret->why, sizeof(ret->why),
			"it may not: up to %.0f MB/s dirtied against %.0f MB/s sent",
			in->write_bps.high / 1e6, rate / 1e6);
}

void sk_model_predict(const struct sk_model_input *in, enum sk_mode mode,
		      unsigned int postcopy_after, struct sk_model_output *ret)
{
	static const unsigned int middle[6] = {1, 1, 1, 1, 1, 1};
	const struct sk_model_mode *m = &in->mode[mode];
	struct figures f = at_point(in, mode, postcopy_after, make_point(in, middle));
	struct spread s = {sk_range_of(f.total), sk_range_of(f.down), sk_range_of(f.post),
			   sk_range_of(f.sent)};

	*ret = (struct sk_model_output){.mode = mode,
					.converges = f.converges,
					.passes = f.passes,
					.copy_s = f.total,
					.flush_s = f.down,
					.postcopy_s = f.post};
	if (f.converges) {
		struct sk_range wait;

		spread(in, mode, postcopy_after, &s);
		ret->total_s = sum(&s.total, &m->extra_s);
		ret->downtime_s = sum(&s.down, &m->floor_s);
		wait = (struct sk_range){s.post.low * m->wait.low, f.post * m->wait.mid,
					 s.post.high * m->wait.high};
		ret->outage_s = sum(&ret->downtime_s, &m->network_s);
		ret->outage_s = sum(&ret->outage_s, &wait);
		ret->bytes = s.sent;
	}
	say_why(in, ret);
}

void sk_model_dirty(const struct sk_dirty_period *periods, size_t n, double most,
		    struct sk_range *ret_write_bps, struct sk_range *ret_working_set)
{
	const struct sk_dirty_period *one = &periods[0], *all = &periods[n - 1];
	double first = one->bytes / one->seconds, last = all->bytes / all->seconds;
	double error = 2 * all->error_bytes / all->seconds;
	bool is_bounded = n > 1 && last < 0.9 * first - error;
	double rate = is_bounded ? first : last;

	if (is_bounded)
		error = 2 * one->error_bytes / one->seconds;
	*ret_write_bps = (struct sk_range){fmax(0, rate - error), rate, rate + error};
	/* A rate that was not bounded yet says nothing of the working set but that it is larger. */
	*ret_working_set = (struct sk_range){
		fmin(most, fmax(0, all->bytes - 2 * all->error_bytes)),
		fmin(most, is_bounded ? all->bytes : fmax(most / 2, all->bytes)),
		fmin(most, is_bounded ? all->bytes + 2 * all->error_bytes : most)};
	/* While the working set is larger than the first period saw, the rate is that of it. */
	if (is_bounded && one->bytes >= 0.9 * all->bytes)
		ret_write_bps->high = fmax(ret_write_bps->high, most / one->seconds);
}

struct sk_json *sk_range_json(const struct sk_range *range, double scale)
{
	const struct {
		const char *key;
		double value;
	} parts[] = {{"low", range->low}, {"mid", range->mid}, {"high", range->high}};
	struct sk_json *json = sk_json_new_object();

	for (size_t i = 0; i < SK_ARRAY_SIZE(parts); i++) {
		double value = round(parts[i].value * scale * 1000) / 1000;

		if (isfinite(value))
			sk_json_set_double(json, parts[i].key, value);
		else
			(void)sk_json_set(json, parts[i].key, NULL);
	}
	return json;
}
