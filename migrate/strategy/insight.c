// SPDX-License-Identifier: Apache-2.0
/* insight - what explains a client's outage, beyond events and samples: collected beside the job */
#include "migrate/strategy/insight.h"

#include <stdio.h>

#include "lib/clock.h"

#define SERVICE_MS 2000

static void ask_service(const struct sk_migrate_opts *opts, bool reset,
			struct sk_guest_service *ret, bool *is_known)
{
	*is_known =
		opts->control_host && sk_guest_service(opts->control_host, opts->netns_fd,
						       SERVICE_MS, reset, ret, NULL) == 0;
}

static void watch_faults(struct sk_insight *insight, const struct sk_migrate_opts *opts)
{
	char root[32];

	if (!opts->to_pid)
		return;
	(void)snprintf(root, sizeof(root), "/proc/%lld/root", (long long)opts->to_pid);
	(void)sk_fault_watch_start(root, opts->guest, &insight->watch, NULL);
}

void sk_insight_start(struct sk_insight *insight, const struct sk_migrate_opts *opts)
{
	struct sk_err err = SK_ERR_INIT;

	ask_service(opts, true, &insight->before, &insight->has_service);
	insight->announcements.is_known =
		opts->probe &&
		sk_announce_start(opts->netns_fd, &insight->announce, &err) == 0;
	if (!insight->announcements.is_known)
		(void)snprintf(insight->announcements.why,
			       sizeof(insight->announcements.why), "%.119s",
			       opts->probe ? err.msg : "no probe");
	watch_faults(insight, opts);
	(void)snprintf(insight->blocktime.why, sizeof(insight->blocktime.why),
		       "the guest's QEMU has no second monitor");
	if (opts->to_monitor &&
	    sk_monitor_start(opts->to_monitor, &insight->monitor, &err) < 0)
		(void)snprintf(insight->blocktime.why, sizeof(insight->blocktime.why),
			       "%.119s", err.msg);
}

void sk_insight_finish(struct sk_insight *insight)
{
	sk_fault_waits_finish(&insight->waits);
}

void sk_insight_stop(struct sk_insight *insight, const struct sk_migrate_opts *opts,
		     struct sk_vm *vm, struct sk_timeline *timeline)
{
	/* First, as it lets go of the second monitor. */
	if (vm)
		sk_vm_phase_bytes(vm, &insight->bytes);
	sk_monitor_finish(sk_steal(&insight->monitor), vm ? &insight->blocktime : NULL);
	sk_fault_watch_finish(sk_steal(&insight->watch), vm ? &insight->waits : NULL);
	sk_announce_finish(sk_steal(&insight->announce), timeline);
	if (vm && insight->has_service)
		ask_service(opts, false, &insight->after, &insight->has_service);
}

/* What is unknown is null. */
static void set_uint_if(struct sk_json *object, const char *key, bool is_known,
			uint64_t number)
{
	(void)sk_json_set(object, key, is_known ? sk_json_new_uint(number) : NULL);
}

struct sk_json *sk_insight_service(const struct sk_guest_service *from,
				   const struct sk_guest_service *to)
{
	const struct sk_server_stats *before = &from->stats, *after = &to->stats;
	struct sk_json *service = sk_json_new_object();

	sk_json_set_str(service, "model", sk_server_model_name(to->model));
	sk_json_set_uint(service, "served", after->served - before->served);
	sk_json_set_uint(service, "refused", after->refused - before->refused);
	(void)sk_json_set(service, "tlp",
			  after->tlp_milli
				  ? sk_json_new_double((double)after->tlp_milli / 1e3)
				  : NULL);
	sk_json_set_uint(service, "peak_threads", after->peak_threads);
	sk_json_set_double(service, "active_ms", (double)after->active_ns / 1e6);
	sk_json_set_double(service, "cpu_ms", (double)after->cpu_ns / 1e6);
	return service;
}

static void add_blocktime(const struct sk_blocktime *b, bool is_postcopy,
			  struct sk_json *run)
{
	struct sk_json *object, *vcpus;

	if (!is_postcopy) {
		(void)sk_json_set(run, "blocktime", NULL);
		return;
	}
	object = sk_json_set(run, "blocktime", sk_json_new_object());
	(void)sk_json_set(object, "ms",
			  b->is_known ? sk_json_new_double((double)b->total_ns / 1e6)
				      : NULL);
	vcpus = sk_json_set(object, "vcpu_ms", sk_json_new_array());
	for (unsigned int i = 0; i < b->nr_vcpus; i++)
		(void)sk_json_add(vcpus, sk_json_new_double((double)b->vcpu_ns[i] / 1e6));
	sk_json_set_str(object, "why", b->is_known ? NULL : b->why);
}

void sk_insight_add(const struct sk_insight *insight, const struct sk_migrate_opts *opts,
		    const struct sk_verdict *verdict, struct sk_timeline *timeline,
		    struct sk_json *run)
{
	const struct sk_phase_bytes *bytes = &insight->bytes;
	const struct sk_decompose_input input = {
		.verdict = verdict,
		.timeline = timeline,
		.blocktime = &insight->blocktime,
		.waits = &insight->waits,
		.announcements = &insight->announcements,
		.bandwidth_bits = opts->transfer.postcopy_bandwidth_bits
					  ? opts->transfer.postcopy_bandwidth_bits
					  : opts->transfer.bandwidth_bits,
	};
	struct sk_json *memory = sk_json_get(run, "memory");
	struct sk_decomposition parts;

	sk_decompose(&input, &parts);
	(void)sk_json_set(run, "decomposition", sk_decomposition_json(&parts));
	add_blocktime(&insight->blocktime, verdict->postcopy_ns != 0, run);
	set_uint_if(memory, "precopy_bytes", bytes->is_known, bytes->precopy);
	set_uint_if(memory, "downtime_bytes", bytes->is_known, bytes->downtime);
	set_uint_if(memory, "postcopy_bytes", bytes->is_known, bytes->postcopy);
	sk_json_set_str(memory, "phases_why", bytes->is_known ? NULL : bytes->why);
	(void)sk_json_set(run, "service",
			  insight->has_service
				  ? sk_insight_service(&insight->before, &insight->after)
				  : NULL);
}
