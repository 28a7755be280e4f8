// SPDX-License-Identifier: Apache-2.0
/* verdict_json - the published object of a migration */
#include "lib/clock.h"
#include "migrate/measure/verdict.h"

static double to_ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

/* A number that is there, or null. */
static void set_ms(struct sk_json *object, const char *key, bool has, uint64_t ns)
{
	(void)sk_json_set(object, key, has ? sk_json_new_double(to_ms(ns)) : NULL);
}

/* What is unknown is null. */
static void set_uint_if(struct sk_json *object, const char *key, bool is_known,
			uint64_t number)
{
	(void)sk_json_set(object, key, is_known ? sk_json_new_uint(number) : NULL);
}

static struct sk_json *new_in(struct sk_json *parent, const char *key)
{
	return sk_json_set(parent, key, sk_json_new_object());
}

static void set_window(struct sk_json *probe, const char *key,
		       const struct sk_probe_summary *s)
{
	struct sk_json *window = new_in(probe, key);

	sk_json_set_uint(window, "sent", s->sent);
	set_uint_if(window, "lost", !s->is_cut, s->lost);
	sk_json_set_double(window, "p50_ms", s->p50_us / 1e3);
	sk_json_set_double(window, "p90_ms", s->p90_us / 1e3);
	sk_json_set_double(window, "p99_ms", s->p99_us / 1e3);
	sk_json_set_double(window, "max_ms", s->max_us / 1e3);
	sk_json_set_bool(window, "complete", !s->is_cut);
}

static void set_probe(struct sk_json *root, const struct sk_verdict *v)
{
	struct sk_json *probe;

	if (v->all.sent == 0) {
		(void)sk_json_set(root, "probe", NULL);
		return;
	}
	probe = new_in(root, "probe");
	sk_json_set_uint(probe, "sent", v->all.sent);
	set_uint_if(probe, "lost", !v->all.is_cut, v->all.lost);
	sk_json_set_bool(probe, "complete", !v->all.is_cut);
	sk_json_set_double(probe, "late_p99_us", v->all.late_p99_us);
	sk_json_set_bool(probe, "late_ok", v->all.late_ok);
	sk_json_set_bool(probe, "discard", !v->all.late_ok);
	set_ms(probe, "silence_ms", !v->all.is_cut, v->all.silence_ns);
	sk_json_set_bool(probe, "tick_monotonic", v->all.tick_monotonic);
	set_window(probe, "before", &v->before);
	set_window(probe, "during", &v->during);
	set_window(probe, "after", &v->after);
}

static void set_passes(struct sk_json *root, const struct sk_verdict *v)
{
	struct sk_json *passes = sk_json_set(root, "passes", sk_json_new_array());

	for (size_t i = 0; i < v->nr_passes; i++) {
		const struct sk_pass *p = &v->passes[i];
		struct sk_json *pass = sk_json_add(passes, sk_json_new_object());

		sk_json_set_uint(pass, "pass", i + 1);
		set_ms(pass, "ms", true, p->end_ns - p->start_ns);
		sk_json_set_uint(pass, "bytes", p->bytes);
		set_uint_if(pass, "remaining_bytes", p->has_remaining,
			    p->remaining_bytes);
		set_uint_if(pass, "dirty_pages_per_s", p->dirty_pages_per_s > 0,
			    p->dirty_pages_per_s);
	}
}

/* All durations can be computed again from these. */
static void set_marks(struct sk_json *root, const struct sk_verdict *v)
{
	const struct {
		const char *key;
		uint64_t ns;
	} marks[] = {
		{"api_call", v->api_call_ns},
		{"setup", v->setup_ns},
		{"active", v->active_ns},
		{"stop", v->stop_ns},
		{"resume", v->resume_ns},
		{"postcopy", v->postcopy_ns},
		{"completed", v->completed_ns},
		{"api_return", v->api_return_ns},
		{"outage_start", v->outage_start_ns},
	};
	struct sk_json *object = new_in(root, "marks_ns");

	for (size_t i = 0; i < SK_ARRAY_SIZE(marks); i++)
		(void)sk_json_set(object, marks[i].key,
				  marks[i].ns ? sk_json_new_uint(marks[i].ns) : NULL);
}

struct sk_json *sk_verdict_json(const struct sk_verdict *v)
{
	struct sk_json *root = sk_json_new_object();
	struct sk_json *object = new_in(root, "mode");

	sk_json_set_str(object, "asked", sk_mode_name(v->asked));
	sk_json_set_str(object, "chosen",
			v->chosen != v->asked ? sk_mode_name(v->chosen) : NULL);
	sk_json_set_str(object, "proven", sk_mode_name(v->proven));
	sk_json_set_str(object, "why", v->why);
	object = new_in(root, "time_ms");
	set_ms(object, "prep", v->api_call_ns && v->active_ns, v->prep_ns);
	set_ms(object, "total", v->active_ns && v->completed_ns, v->total_ns);
	set_ms(object, "api", v->api_call_ns && v->api_return_ns, v->api_ns);
	object = new_in(root, "downtime_ms");
	set_ms(object, "reported", v->has_reported, v->downtime_reported_ns);
	set_ms(object, "vcpu", v->has_vcpu, v->downtime_vcpu_ns);
	set_ms(object, "client", v->has_client, v->downtime_client_ns);
	set_probe(root, v);
	object = new_in(root, "memory");
	sk_json_set_uint(object, "bytes", v->memory_bytes);
	sk_json_set_uint(object, "zero_bytes", v->zero_bytes);
	sk_json_set_uint(object, "wire_bytes", v->wire_bytes);
	sk_json_set_uint(object, "postcopy_requests", v->postcopy_requests);
	set_passes(root, v);
	set_marks(root, v);
	return root;
}
