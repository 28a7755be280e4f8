// SPDX-License-Identifier: Apache-2.0
/* predict - what is known of a guest and a pair of hosts, and what each mode will cost it */
#include "migrate/strategy/predict.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "migrate/vm/dirty.h"

#define MIB		 1048576.0
#define DEFAULT_DOWNTIME 0.3 /* QEMU's */
#define WARM_EMULATED                                                                    \
	2.5 /* there the processor, not the link, is what limits the stream */
#define LEAST_FLOOR_S 0.003 /* a stop and a start take that */
#define LONGEST_S     4
#define WORTH_BYTES   (2 * MIB)
#define ON_WIRE	      0.95 /* of a link's rate is left for memory */

static double cap_of(uint64_t bits)
{
	return ceil((double)bits / 8 / MIB) * MIB; /* libvirt takes whole MiB */
}

static void measure_period(struct sk_vm *vm, const struct sk_vm_facts *facts,
			   unsigned int seconds, struct sk_guest_use *ret)
{
	struct sk_vm_dirty dirty;
	struct sk_err err = SK_ERR_INIT;

	if (sk_vm_dirty_measure(vm, seconds, facts->memory_bytes, &dirty, &err) < 0) {
		(void)snprintf(ret->why, sizeof(ret->why), "%.159s", err.msg);
		return;
	}
	ret->periods[ret->nr_periods++] =
		(struct sk_dirty_period){seconds, dirty.bytes, dirty.error_bytes};
}

void sk_guest_use_measure(struct sk_vm *vm, const struct sk_vm_facts *facts,
			  const struct sk_migrate_opts *opts, struct sk_guest_use *ret)
{
	double cap = cap_of(opts->transfer.bandwidth_bits), pass_s;

	*ret = (struct sk_guest_use){.resident_bytes = (double)sk_vm_resident(vm)};
	measure_period(vm, facts, 1, ret);
	if (opts->link_bits && (cap <= 0 || cap > (double)opts->link_bits / 8))
		cap = (double)opts->link_bits / 8;
	pass_s = cap > 0 ? ret->resident_bytes / cap : 0;
	if (ret->nr_periods && ret->periods[0].bytes > WORTH_BYTES && pass_s > 1.5)
		measure_period(vm, facts,
			       (unsigned int)fmin(fmax(ceil(pass_s), 2), LONGEST_S), ret);
}

static void set_use(const struct sk_guest_use *use, struct sk_prediction *ret)
{
	struct sk_model_input *in = &ret->input;

	if (use->nr_periods) {
		sk_model_dirty(use->periods, use->nr_periods, in->nonzero.high,
			       &in->write_bps, &in->working_set);
		ret->write_source = use->nr_periods > 1
					    ? "dirty-rate calculation, 2 periods"
					    : "dirty-rate calculation, 1 period";
		return;
	}
	in->write_bps = (struct sk_range){0, 5e6, 500e6};
	in->working_set = (struct sk_range){0, in->nonzero.mid * 0.25, in->nonzero.high};
	ret->write_source = "a guess: it could not be measured";
}

static struct sk_range at_most(struct sk_range range, double most)
{
	return (struct sk_range){fmin(range.low, most), fmin(range.mid, most),
				 fmin(range.high, most)};
}

static void set_transfer(const struct sk_migrate_opts *opts, struct sk_prediction *ret)
{
	const struct sk_transfer_opts *t = &opts->transfer;
	struct sk_model_input *in = &ret->input;

	in->cap_bps = cap_of(t->bandwidth_bits);
	in->postcopy_cap_bps = cap_of(t->postcopy_bandwidth_bits);
	in->downtime_s =
		t->max_downtime_ms ? (double)t->max_downtime_ms / 1e3 : DEFAULT_DOWNTIME;
	if (t->auto_converge) {
		in->throttle_initial =
			(t->auto_converge_initial ? t->auto_converge_initial : 20) /
			100.0;
		in->throttle_increment =
			(t->auto_converge_increment ? t->auto_converge_increment : 10) /
			100.0;
	}
	if (t->compression != SK_COMPRESSION_NONE)
		(void)snprintf(ret->note, sizeof(ret->note),
			       "what compression saves is not predicted");
}

static void bound_link(const struct sk_migrate_opts *opts, struct sk_prediction *ret)
{
	struct sk_model_input *in = &ret->input;
	double most = (double)opts->link_bits / 8 * ON_WIRE;

	ret->link_source = ret->calibration.nr ? "earlier runs on this pair" : "a guess";
	if (!opts->link_bits)
		return;
	if (in->link_bps.mid > most)
		ret->link_source = "the rate of the link";
	in->link_bps = at_most(in->link_bps, most);
	in->postcopy_link_bps = at_most(in->postcopy_link_bps, most);
}

void sk_predict_again(struct sk_prediction *prediction)
{
	for (int mode = 0; mode < SK_MODEL_MODES; mode++)
		sk_model_predict(&prediction->input, (enum sk_mode)mode,
				 prediction->postcopy_after, &prediction->output[mode]);
}

void sk_predict(const struct sk_migrate_opts *opts, const struct sk_vm_facts *facts,
		const struct sk_guest_use *use, struct sk_prediction *ret)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_model_input *in = &ret->input;

	*ret = (struct sk_prediction){.use = *use,
				      .postcopy_after = opts->postcopy_after};
	(void)snprintf(ret->guest, sizeof(ret->guest), "%s", opts->guest);
	(void)snprintf(ret->link, sizeof(ret->link), "%s", opts->link ? opts->link : "");
	in->memory_bytes = (double)facts->memory_bytes;
	if (strcmp(facts->accelerator, "tcg") == 0 && !opts->link_bits)
		in->warm = WARM_EMULATED;
	if (sk_calibration_load(opts->home ? opts->home->root_fd : -1,
				facts->hostname[SK_SIDE_SOURCE],
				facts->hostname[SK_SIDE_DESTINATION], &ret->calibration,
				&err) < 0)
		(void)snprintf(ret->note, sizeof(ret->note),
			       "the calibration cannot be read: %.120s", err.msg);
	ret->nonzero_source = sk_calibration_nonzero(&ret->calibration, opts->guest,
						     use->resident_bytes,
						     in->memory_bytes, &in->nonzero);
	set_use(use, ret);
	set_transfer(opts, ret);
	sk_calibration_apply(&ret->calibration, opts->guest, ret->link, in);
	bound_link(opts, ret);
	sk_predict_again(ret);
}

/* ---- Afterwards ---------------------------------------------------------------------- */

static double seconds(bool is_known, uint64_t ns)
{
	return is_known ? (double)ns / 1e9 : NAN;
}

static double span_s(uint64_t start, uint64_t end)
{
	return start && end > start ? (double)(end - start) / 1e9 : NAN;
}

static bool is_postcopy(enum sk_mode mode)
{
	return mode == SK_MODE_POST_COPY || mode == SK_MODE_HYBRID;
}

/* What the stream carried without a cap. */
static double measured_link(const struct sk_verdict *v, double nonzero)
{
	const struct sk_pass *first = &v->passes[0];

	if (v->proven == SK_MODE_POST_COPY)
		return nonzero / span_s(v->postcopy_ns, v->completed_ns);
	if (v->proven == SK_MODE_HYBRID || !v->nr_passes)
		return NAN;
	return (double)first->bytes / span_s(first->start_ns, first->end_ns);
}

/* What the first pass left: known where nothing else was sent in the end. */
static double measured_tail(const struct sk_prediction *p, const struct sk_verdict *v,
			    double nonzero, double flushed)
{
	const struct sk_pass *first = &v->passes[0];
	double written;

	if (v->proven != SK_MODE_PRE_COPY || v->nr_passes < 2 || first->bytes == 0)
		return NAN;
	written = sk_model_unique(p->input.write_bps.mid, p->input.working_set.mid,
				  span_s(first->start_ns, first->end_ns));
	/* Cut by statistics at 10 Hz, bytes of a pass are some MB off; those of the stop are not. */
	if (isfinite(flushed))
		return p->output[SK_MODE_PRE_COPY].passes == 1 && flushed > written
			       ? fmin(flushed - written, nonzero)
			       : NAN;
	return fmax(0, nonzero - (double)first->bytes);
}

/* The model once more, with what is known now: the rest is what it does not explain. */
static struct sk_model_output hindsight(const struct sk_prediction *p,
					const struct sk_calibration_run *run,
					const struct sk_verdict *v)
{
	struct sk_model_input in = p->input;
	struct sk_model_output out;

	in.nonzero = sk_range_of(run->nonzero);
	if (isfinite(run->tail))
		in.tail = sk_range_of(run->tail);
	if (isfinite(run->link_bps)) {
		if (is_postcopy(v->proven))
			in.postcopy_link_bps = sk_range_of(run->link_bps);
		else
			in.link_bps = sk_range_of(run->link_bps);
	}
	sk_model_predict(&in, v->proven, p->postcopy_after, &out);
	return out;
}

static void fill_run(const struct sk_prediction *p, const struct sk_verdict *v,
		     double flushed, struct sk_calibration_run *run)
{
	double client = seconds(v->has_client, v->downtime_client_ns);
	double vcpu = seconds(v->has_vcpu, v->downtime_vcpu_ns);
	double total = span_s(v->active_ns, v->completed_ns);
	struct sk_model_output out;

	run->nonzero = v->memory_bytes > v->zero_bytes
			       ? (double)(v->memory_bytes - v->zero_bytes)
			       : p->input.nonzero.mid;
	if (run->cap_bps == 0)
		run->link_bps = measured_link(v, run->nonzero);
	run->tail = measured_tail(p, v, run->nonzero, flushed);
	if (p->use.resident_bytes > 0)
		run->resident = p->use.resident_bytes;
	out = hindsight(p, run, v);
	if (out.converges) {
		run->extra_s = total - out.copy_s;
		run->floor_s = fmax(vcpu - out.flush_s, LEAST_FLOOR_S);
	}
	if (is_postcopy(v->proven)) {
		run->wait =
			fmax(0, client - vcpu) / span_s(v->postcopy_ns, v->completed_ns);
		if (run->wait > 1)
			run->wait = 1; /* it began to wait before */
	} else {
		run->network_s = client - vcpu;
	}
}

int sk_prediction_learn(const struct sk_prediction *prediction,
			const struct sk_migrate_opts *opts,
			const struct sk_vm_facts *facts, const struct sk_verdict *verdict,
			double flushed, struct sk_err *err)
{
	struct sk_calibration_run run = {.mode = verdict->proven,
					 .cap_bps = sk_calibration_cap(&prediction->input,
								       verdict->proven),
					 .link_bps = NAN,
					 .floor_s = NAN,
					 .extra_s = NAN,
					 .network_s = NAN,
					 .wait = NAN,
					 .tail = NAN,
					 .resident = NAN};
	struct sk_calibration calibration;

	if (verdict->proven >= SK_MODEL_MODES || !opts->home)
		return 0;
	(void)snprintf(run.guest, sizeof(run.guest), "%s", prediction->guest);
	(void)snprintf(run.link, sizeof(run.link), "%s", prediction->link);
	fill_run(prediction, verdict, flushed, &run);
	/* A damaged file is replaced. */
	(void)sk_calibration_load(opts->home->root_fd, facts->hostname[SK_SIDE_SOURCE],
				  facts->hostname[SK_SIDE_DESTINATION], &calibration,
				  NULL);
	sk_calibration_add(&calibration, &run);
	return sk_calibration_save(opts->home->root_fd, &calibration, err);
}

/* ---- The record ---------------------------------------------------------------------- */

static struct sk_json *input_json(const struct sk_prediction *p)
{
	const struct sk_model_input *in = &p->input;
	struct sk_json *json = sk_json_new_object(), *one;

	sk_json_set_double(json, "memory_bytes", in->memory_bytes);
	one = sk_json_set(json, "nonzero_bytes", sk_range_json(&in->nonzero, 1));
	sk_json_set_str(one, "source", p->nonzero_source);
	one = sk_json_set(json, "write_bytes_per_s", sk_range_json(&in->write_bps, 1));
	sk_json_set_str(one, "source", p->write_source);
	if (p->use.why[0])
		sk_json_set_str(one, "why", p->use.why);
	one = sk_json_set(json, "working_set_bytes", sk_range_json(&in->working_set, 1));
	sk_json_set_str(one, "source", p->write_source);
	one = sk_json_set(json, "link_bytes_per_s", sk_range_json(&in->link_bps, 1));
	sk_json_set_str(one, "source", p->link_source);
	sk_json_set_double(json, "cap_bytes_per_s", in->cap_bps);
	sk_json_set_double(json, "max_downtime_ms", in->downtime_s * 1e3);
	return json;
}

static void set_ratio(struct sk_json *json, const char *key, double measured,
		      double predicted)
{
	double ratio = measured / predicted;

	if (isfinite(ratio))
		sk_json_set_double(json, key, round(ratio * 1000) / 1000);
	else
		(void)sk_json_set(json, key, NULL);
}

static struct sk_json *ratio_json(const struct sk_model_output *out,
				  const struct sk_verdict *v)
{
	struct sk_json *json = sk_json_new_object();

	set_ratio(json, "total", span_s(v->active_ns, v->completed_ns), out->total_s.mid);
	set_ratio(json, "downtime", seconds(v->has_vcpu, v->downtime_vcpu_ns),
		  out->downtime_s.mid);
	set_ratio(json, "outage", seconds(v->has_client, v->downtime_client_ns),
		  out->outage_s.mid);
	set_ratio(json, "bytes", (double)v->wire_bytes, out->bytes.mid);
	return json;
}

struct sk_json *sk_prediction_json(const struct sk_prediction *p, enum sk_mode mode,
				   const struct sk_verdict *measured)
{
	const struct sk_model_output *out = &p->output[mode];
	struct sk_json *json = sk_json_new_object();
	const struct {
		const char *key;
		const struct sk_range *range;
		double scale;
	} figures[] = {
		{"total_ms", &out->total_s, 1e3},
		{"downtime_ms", &out->downtime_s, 1e3},
		{"outage_ms", &out->outage_s, 1e3},
		{"bytes", &out->bytes, 1},
	};

	sk_json_set_str(json, "mode", sk_mode_name(mode));
	sk_json_set_bool(json, "converges", out->converges);
	sk_json_set_str(json, "why", out->why[0] ? out->why : NULL);
	sk_json_set_uint(json, "passes", out->passes);
	for (size_t i = 0; i < SK_ARRAY_SIZE(figures); i++)
		(void)sk_json_set(json, figures[i].key,
				  out->converges ? sk_range_json(figures[i].range,
								 figures[i].scale)
						 : NULL);
	sk_json_set_uint(json, "calibrated",
			 sk_calibration_nr(&p->calibration, mode, p->link));
	sk_json_set_str(json, "note", p->note[0] ? p->note : NULL);
	(void)sk_json_set(json, "inputs", input_json(p));
	if (measured && out->converges)
		(void)sk_json_set(json, "ratio", ratio_json(out, measured));
	return json;
}
