/* SPDX-License-Identifier: Apache-2.0 */
/* verdict - from a time line and a probe's samples to the published numbers; pure arithmetic */
#ifndef SK_VERDICT_H
#define SK_VERDICT_H

#include "migrate/measure/probe.h"
#include "migrate/measure/timeline.h"

/** enum sk_mode - The ways to move a VM, and what events prove */
enum sk_mode {
	SK_MODE_PRE_COPY,
	SK_MODE_STOP_AND_COPY,
	SK_MODE_POST_COPY,
	SK_MODE_HYBRID,	    /* post-copy after at least one whole pass */
	SK_MODE_AUTO,	    /* asked only: one of those above, chosen by prediction */
	SK_MODE_DEGENERATE, /* proven only: the run was none of them as asked, see why */
};
/** SK_EVENT_COURSE - Name of the SK_EVENT_NOTE that says what auto, or a time-out, made of the job: its detail is a mode's name */
#define SK_EVENT_COURSE "course"
/** sk_mode_name() - "pre-copy", "stop-and-copy", "post-copy", "hybrid", "auto", "degenerate" */
const char *sk_mode_name(enum sk_mode mode);
/** sk_mode_parse() - The way back, for all but the last; -EINVAL with the choices */
int sk_mode_parse(const char *text, enum sk_mode *ret, struct sk_err *err);

/** struct sk_pass - One pass over memory (pre-copy), from iteration events and job samples */
struct sk_pass {
	uint64_t start_ns, end_ns; /* real */
	uint64_t bytes, remaining_bytes;
	uint64_t dirty_pages_per_s; /* 0: not known */
	bool has_remaining;	    /* statistics were read during the pass */
};

/** struct sk_verdict - The result; times in ns, definitions in man 7 skiff-migration-metrics */
struct sk_verdict {
	enum sk_mode asked, proven;
	enum sk_mode chosen; /* asked; or the last course of auto, or of a time-out */
	char why[160];	     /* evidence, or why the run is degenerate */
	/* Marks on CLOCK_REALTIME; 0 unknown */
	uint64_t api_call_ns, setup_ns, active_ns, stop_ns, resume_ns, completed_ns,
		api_return_ns, postcopy_ns;
	uint64_t prep_ns, total_ns, api_ns;
	uint64_t downtime_reported_ns, downtime_vcpu_ns,
		downtime_client_ns; /* client: outage by intended time */
	bool has_reported, has_vcpu, has_client;
	uint64_t outage_start_ns; /* real time at which the outage of the client began */
	struct sk_probe_summary all, before, during, after;
	uint64_t memory_bytes, wire_bytes, postcopy_requests;
	uint64_t zero_bytes; /* of memory_bytes: pages of zeros, which are not sent */
	struct sk_pass passes[64];
	size_t nr_passes;
};

/**
 * sk_verdict_make() - Compute it
 * @asked:	What the user wanted; .proven is it too, or the last course in @timeline, or degenerate
 * @timeline:	Complete; of the events of struct sk_event it needs API_CALL and API_RETURN, QMP
 *		STOP, RESUME, MIGRATION, MIGRATION_PASS, LIFECYCLE, JOB_COMPLETED of the source
 *		(its value is the downtime in ms, and the last job sample its statistics)
 * @probe_start_real_ns: sk_probe_start_time(); samples may be NULL with n = 0
 *
 * Return: 0 or -ENOMEM
 */
int sk_verdict_make(enum sk_mode asked, struct sk_timeline *timeline,
		    const struct sk_sample *samples, size_t n,
		    uint64_t probe_start_real_ns, struct sk_verdict *ret);
/**
 * sk_verdict_cut() - The probe's samples end before the run did: take back what they cannot say
 * @known_until_ns:	Real time up to which all requests are known
 *
 * Windows that reach beyond it are marked: their percentiles are not known, their losses are a
 * part. Without the whole migration and 2 s more the client's downtime is not known.
 */
void sk_verdict_cut(struct sk_verdict *verdict, uint64_t known_until_ns);
/**
 * sk_verdict_json() - The published object: mode.{asked,chosen,proven,why}, time_ms.{prep,total,api},
 *	downtime_ms.{reported,vcpu,client}, probe.{sent,lost,late_p99_us,late_ok,silence_ms,complete,before,during,after}
 *	(each window {sent,lost,p50_ms,p90_ms,p99_ms,max_ms,complete}), memory.{bytes,zero_bytes,wire_bytes,postcopy_requests},
 *	passes[] {pass,ms,bytes,remaining_bytes,dirty_pages_per_s}, marks_ns.{api_call,active,…}. What is unknown is null.
 *	The caller adds memory_verified, guest, host and version records.
 */
struct sk_json *sk_verdict_json(const struct sk_verdict *verdict);

#endif
