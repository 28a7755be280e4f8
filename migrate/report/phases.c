// SPDX-License-Identifier: Apache-2.0
/* phases - the stretches of a migration, from the marks of its verdict */
#include <math.h>
#include <stdio.h>

#include "migrate/report/page.h"

double sk_page_seconds(const struct sk_verdict *verdict, uint64_t real_ns)
{
	return ((double)real_ns - (double)verdict->api_call_ns) / 1e9;
}

const char *sk_page_ms(bool has, uint64_t ns, char buf[SK_FORMAT_SIZE])
{
	return has ? sk_format_duration(ns, buf) : "n/a";
}

const char *sk_page_us(double us, char buf[SK_FORMAT_SIZE])
{
	return isnan(us) ? "n/a" : sk_format_duration((uint64_t)llround(us * 1e3), buf);
}

bool sk_page_is_gone(const struct sk_verdict *verdict)
{
	return verdict->after.sent && verdict->after.lost == verdict->after.sent;
}

/** struct list - Where phases are collected */
struct list {
	const struct sk_verdict *verdict;
	struct sk_phase *phases;
	size_t n, max;
};

static void add(struct list *list, uint64_t from_ns, uint64_t to_ns, const char *css,
		const char *label)
{
	struct sk_phase *phase;

	if (!from_ns || !to_ns || to_ns <= from_ns || list->n == list->max)
		return;
	phase = &list->phases[list->n++];
	phase->from_s = sk_page_seconds(list->verdict, from_ns);
	phase->to_s = sk_page_seconds(list->verdict, to_ns);
	phase->css = css;
	(void)snprintf(phase->label, sizeof(phase->label), "%s", label);
}

size_t sk_phases_make(const struct sk_verdict *v, struct sk_phase *ret, size_t max)
{
	struct list list = {.verdict = v, .phases = ret, .max = max};
	bool is_stopped_all = v->stop_ns && v->stop_ns <= v->active_ns;
	uint64_t prepared = is_stopped_all ? v->stop_ns : v->active_ns;
	uint64_t moved = v->completed_ns > v->resume_ns ? v->completed_ns : v->resume_ns;

	add(&list, v->api_call_ns, prepared, "phase-idle", "preparing");
	for (size_t i = 0; i < v->nr_passes && !is_stopped_all; i++) {
		char label[32];

		(void)snprintf(label, sizeof(label), "pass %zu", i + 1);
		add(&list, v->passes[i].start_ns, v->passes[i].end_ns,
		    i % 2 ? "phase-even" : "phase-odd", label);
	}
	if (v->postcopy_ns)
		add(&list, v->resume_ns, v->completed_ns, "phase-post", "post-copy");
	add(&list, v->stop_ns, v->resume_ns, "phase-stop", "stopped");
	add(&list, moved, v->api_return_ns, "phase-idle", "finishing");
	return list.n;
}
