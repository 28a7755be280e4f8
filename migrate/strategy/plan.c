// SPDX-License-Identifier: Apache-2.0
/* plan - what a migration will do, before it does anything: its dry run */
#include "migrate/strategy/plan.h"

#include <errno.h>
#include <stdio.h>

#include "lib/clock.h"
#include "lib/parse.h"
#include "lib/str.h"
#include "migrate/strategy/auto.h"
#include "migrate/strategy/predict.h"
#include "migrate/strategy/strategy.h"

static const char *peer_uri(const struct sk_migrate_opts *opts)
{
	return opts->transfer.p2p_uri ? opts->transfer.p2p_uri : opts->to;
}

void sk_plan_job(const struct sk_migrate_opts *opts, struct sk_vm_job *ret)
{
	const struct sk_strategy *strategy = sk_strategy_find(opts->mode);

	*ret = (struct sk_vm_job){
		.live = strategy->live,
		.postcopy = (strategy->postcopy &&
			     !(opts->mode == SK_MODE_AUTO && opts->risk.no_post_copy)) ||
			    (opts->timeout_ns &&
			     opts->timeout_action == SK_TIMEOUT_POST_COPY),
		.transfer = opts->transfer,
	};
}

int sk_plan_settle(struct sk_migrate_opts *opts, struct sk_err *err)
{
	struct sk_transfer_facts facts = {.live = false};
	struct sk_vm_job job;
	int r;

	if (!sk_strategy_find(opts->mode))
		return sk_err_set(err, EINVAL, "'%s' is no way to migrate",
				  sk_mode_name(opts->mode));
	sk_plan_job(opts, &job);
	if (!job.live && opts->timeout_ns && opts->timeout_action != SK_TIMEOUT_ABORT) {
		r = sk_err_set(err, EINVAL,
			       "stop-and-copy cannot end its time-out with %s",
			       sk_timeout_action_name(opts->timeout_action));
		return sk_err_hint(err, r, "the guest stands still already: say abort");
	}
	sk_transfer_listen(&opts->transfer);
	r = sk_transfer_secure(&opts->transfer, peer_uri(opts), err);
	if (r < 0)
		return r;
	facts.live = job.live;
	facts.postcopy = job.postcopy;
	return sk_transfer_check(&opts->transfer, &facts, err);
}

struct sk_json *sk_plan_checks(const struct sk_vm_facts *facts)
{
	struct sk_json *array = sk_json_new_array();

	for (size_t i = 0; i < facts->nr_checks; i++) {
		const struct sk_vm_check *check = &facts->checks[i];
		struct sk_json *one = sk_json_add(array, sk_json_new_object());

		sk_json_set_str(one, "name", check->name);
		sk_json_set_bool(one, "ok", check->result == 0);
		sk_json_set_str(one, "result", check->text);
		if (check->hint[0])
			sk_json_set_str(one, "hint", check->hint);
	}
	return array;
}

static void set_number(struct sk_json *object, const char *key, uint64_t value)
{
	if (value)
		sk_json_set_uint(object, key, value);
}

static void set_true(struct sk_json *object, const char *key, bool value)
{
	if (value)
		sk_json_set_bool(object, key, true);
}

static void set_text(struct sk_json *object, const char *key, const char *value)
{
	if (value)
		sk_json_set_str(object, key, value);
}

static const char *encryption(const struct sk_migrate_opts *opts)
{
	if (opts->transfer.tls)
		return "tls";
	if (opts->transfer.tunnelled && !opts->transfer.insecure_plaintext)
		return "tunnel";
	return opts->from_pid ? "none: a lab's own network" : "none: asked for";
}

struct sk_json *sk_plan_transfer(const struct sk_migrate_opts *opts)
{
	const struct sk_transfer_opts *o = &opts->transfer;
	struct sk_json *object = sk_json_new_object();

	sk_json_set_str(object, "encryption", encryption(opts));
	set_number(object, "bandwidth_bits", o->bandwidth_bits);
	set_number(object, "postcopy_bandwidth_bits", o->postcopy_bandwidth_bits);
	set_number(object, "max_downtime_ms", o->max_downtime_ms);
	set_true(object, "auto_converge", o->auto_converge);
	set_number(object, "auto_converge_initial", o->auto_converge_initial);
	set_number(object, "auto_converge_increment", o->auto_converge_increment);
	if (o->compression)
		set_text(object, "compression", sk_compression_name(o->compression));
	set_number(object, "compression_level", o->compression_level);
	set_number(object, "xbzrle_cache_bytes", o->xbzrle_cache_bytes);
	set_number(object, "parallel", o->parallel);
	set_true(object, "zero_copy", o->zero_copy);
	set_true(object, "p2p", o->p2p);
	set_true(object, "tunnelled", o->tunnelled);
	set_text(object, "tls_destination", o->tls_destination);
	set_true(object, "persist", o->persist);
	set_true(object, "undefine_source", o->undefine_source);
	if (o->copy_storage)
		set_text(object, "copy_storage", sk_copy_storage_name(o->copy_storage));
	set_text(object, "migrate_uri", o->migrate_uri);
	set_text(object, "listen_address", o->listen_address);
	set_true(object, "unsafe", o->unsafe);
	set_true(object, "no_cpu_check", o->no_cpu_check);
	return object;
}

static struct sk_json *add_step(struct sk_json *steps, const char *call, const char *when)
{
	struct sk_json *step = sk_json_add(steps, sk_json_new_object());

	sk_json_set_str(step, "call", call);
	sk_json_set_str(step, "when", when);
	return step;
}

static void add_switch(struct sk_json *steps, const struct sk_migrate_opts *opts)
{
	unsigned int passes = opts->postcopy_after ? opts->postcopy_after : 1;
	char when[64];

	if (opts->mode == SK_MODE_POST_COPY) {
		(void)add_step(steps, "virDomainMigrateStartPostCopy",
			       "the first pass starts");
	} else if (opts->mode == SK_MODE_HYBRID) {
		(void)snprintf(when, sizeof(when), "pass %u ends", passes);
		(void)add_step(steps, "virDomainMigrateStartPostCopy", when);
	}
}

static void add_timeout(struct sk_json *steps, const struct sk_migrate_opts *opts)
{
	static const char *const calls[] = {
		[SK_TIMEOUT_ABORT] = "virDomainAbortJob",
		[SK_TIMEOUT_SUSPEND] = "virDomainSuspend",
		[SK_TIMEOUT_POST_COPY] = "virDomainMigrateStartPostCopy",
	};
	char time[SK_FORMAT_SIZE], when[SK_FORMAT_SIZE + 40];

	if (!opts->timeout_ns)
		return;
	(void)snprintf(when, sizeof(when), "the job is not over after %s",
		       sk_format_duration(opts->timeout_ns, time));
	(void)add_step(steps, calls[opts->timeout_action], when);
}

static void add_probe(struct sk_json *steps, const char *call, const char *detail,
		      const char *when)
{
	if (detail)
		sk_json_set_str(add_step(steps, call, when), "of", detail);
}

static int make_steps(const struct sk_migrate_opts *opts, struct sk_json *steps,
		      struct sk_err *err)
{
	struct sk_vm_job job;
	int r;

	sk_plan_job(opts, &job);
	add_probe(steps, "checksum of the guest's memory", opts->control_host, "before");
	add_probe(steps, "probe", opts->probe, "from before to after");
	r = sk_vm_plan(&job, steps, err);
	if (r < 0)
		return r;
	add_switch(steps, opts);
	add_timeout(steps, opts);
	add_probe(steps, "checksum of the guest's memory", opts->control_host, "after");
	return 0;
}

static void set_end(struct sk_json *plan, const char *key, const char *name,
		    const char *uri)
{
	struct sk_json *end = sk_json_set(plan, key, sk_json_new_object());

	sk_json_set_str(end, "name", name ? name : uri);
	sk_json_set_str(end, "uri", uri);
}

/* What the mode that is asked for will cost, and the others beside it. */
static void set_predictions(struct sk_json *plan, const struct sk_prediction *prediction,
			    enum sk_mode asked)
{
	struct sk_json *others;

	if (asked < SK_MODEL_MODES)
		(void)sk_json_set(plan, "prediction",
				  sk_prediction_json(prediction, asked, NULL));
	others = sk_json_set(plan, "other_predictions", sk_json_new_array());
	for (unsigned int mode = 0; mode < SK_MODEL_MODES; mode++)
		if (mode != asked)
			(void)sk_json_add(others,
					  sk_prediction_json(prediction,
							     (enum sk_mode)mode, NULL));
}

static int predict(const struct sk_migrate_opts *opts, struct sk_vm *vm,
		   const struct sk_vm_facts *facts, struct sk_json *plan,
		   struct sk_err *err)
{
	struct sk_guest_use use;
	struct sk_prediction prediction;
	struct sk_autopilot automatic;
	int r = 0;

	sk_guest_use_measure(vm, facts, opts, &use);
	sk_predict(opts, facts, &use, &prediction);
	if (opts->mode == SK_MODE_AUTO) {
		r = sk_auto_choose(&prediction, opts, &automatic, err);
		(void)sk_json_set(plan, "auto", sk_auto_json(&automatic));
	}
	set_predictions(plan, &prediction, opts->mode);
	return r;
}

static int inspect(const struct sk_migrate_opts *opts, struct sk_json *plan,
		   struct sk_vm_facts *ret, struct sk_err *err)
{
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = sk_timeline_new();
	const struct sk_vm_ends ends = {.guest = opts->guest,
					.from = opts->from,
					.to = opts->to,
					.timeline = timeline};
	sk_auto(sk_vm_close) struct sk_vm *vm = NULL;
	struct sk_vm_job job;
	int r;

	if (!timeline)
		return sk_err_oom(err);
	sk_plan_job(opts, &job);
	r = sk_vm_open(&ends, &vm, err);
	if (r == 0)
		r = sk_vm_libvirt.preflight(vm, &job, ret, err);
	return r == 0 ? predict(opts, vm, ret, plan, err) : r;
}

int sk_migrate_plan(const struct sk_migrate_opts *opts, struct sk_json **ret,
		    struct sk_err *err)
{
	struct sk_migrate_opts full = *opts;
	struct sk_vm_facts facts = {.nr_checks = 0};
	sk_auto(sk_json_free) struct sk_json *plan = sk_json_new_object();
	struct sk_json *steps;
	int r, failed;

	r = sk_plan_settle(&full, err);
	if (r < 0)
		return r;
	failed = inspect(&full, plan, &facts, err);
	if (failed < 0 && facts.nr_checks == 0)
		return failed;
	sk_json_set_str(plan, "guest", full.guest);
	set_end(plan, "from", full.from_name, full.from);
	set_end(plan, "to", full.to_name, full.to);
	sk_json_set_str(plan, "mode", sk_mode_name(full.mode));
	sk_json_set_bool(plan, "possible", failed == 0);
	(void)sk_json_set(plan, "checks", sk_plan_checks(&facts));
	(void)sk_json_set(plan, "transfer", sk_plan_transfer(&full));
	steps = sk_json_set(plan, "steps", sk_json_new_array());
	r = make_steps(&full, steps, failed < 0 ? NULL : err);
	if (r < 0)
		return r;
	*ret = sk_steal(&plan);
	return failed;
}
