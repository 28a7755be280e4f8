/* SPDX-License-Identifier: Apache-2.0 */
/* page - the parts of a report's page; for migrate/report/ and the report of experiments */
#ifndef SK_PAGE_H
#define SK_PAGE_H

#include "lib/parse.h"
#include "lib/str.h"
#include "migrate/measure/decompose.h"
#include "migrate/report/report.h"
#include "migrate/report/svg.h"

/** struct sk_phase - A stretch of the migration, for bands and legend */
struct sk_phase {
	double from_s, to_s; /* since the API call */
	const char *css;
	char label[32];
};
#define SK_PHASES_MAX 72
/** sk_phases_make() - The phases of a verdict in order of drawing; returns their number */
size_t sk_phases_make(const struct sk_verdict *verdict, struct sk_phase *ret, size_t max);

/** sk_page_seconds() - A real time as seconds since the API call */
double sk_page_seconds(const struct sk_verdict *verdict, uint64_t real_ns);
/** sk_page_ms() - Text of a duration, or "n/a" */
const char *sk_page_ms(bool has, uint64_t ns, char buf[SK_FORMAT_SIZE]);
/** sk_page_us() - Text of a response time in microseconds, or "n/a" for NaN */
const char *sk_page_us(double us, char buf[SK_FORMAT_SIZE]);
/** sk_page_is_gone() - Whether no request behind the migration was answered: outages are then lower bounds */
bool sk_page_is_gone(const struct sk_verdict *verdict);
/** sk_page_part_title() - What a part of an outage is called for people; its colour is the class "part-NAME" */
const char *sk_page_part_title(enum sk_part part);
/** sk_page_part_legend() - Its colour and title, and @value in strong letters, or NULL; between <p class="legend"> and </p> */
void sk_page_part_legend(struct sk_str *out, enum sk_part part, const char *value);
/** sk_page_style() - The style sheet */
const char *sk_page_style(void);
/** sk_page_open() - Everything up to the first element of a page */
void sk_page_open(struct sk_str *out, const char *title);
/** sk_page_close() - Its end */
void sk_page_close(struct sk_str *out);

/** sk_page_header() - Title, badges, the result in one sentence */
void sk_page_header(struct sk_str *out, const struct sk_report_input *in);
/** sk_page_timeline() - Response times and rates over time, with their tables */
void sk_page_timeline(struct sk_str *out, const struct sk_report_input *in);
/** sk_page_downtime() - The three downtimes side by side, the client's in parts */
void sk_page_downtime(struct sk_str *out, const struct sk_report_input *in);
/** sk_page_passes() - The staircase of passes with the threshold below which the guest is stopped */
void sk_page_passes(struct sk_str *out, const struct sk_report_input *in);
/** sk_page_objective() - Whether the objective was kept to, and what auto chose for it; nothing without either */
void sk_page_objective(struct sk_str *out, const struct sk_report_input *in);
/** sk_page_predicted() - What the model said before, and what came; nothing without a prediction */
void sk_page_predicted(struct sk_str *out, const struct sk_report_input *in);
/** sk_page_measuring() - Probe, clocks with their error bars, service, what QEMU told */
void sk_page_measuring(struct sk_str *out, const struct sk_report_input *in);
/** sk_page_tail() - Share of requests slower than a time, before, during and after */
void sk_page_tail(struct sk_str *out, const struct sk_report_input *in);
/** sk_page_events() - What happened, in order */
void sk_page_events(struct sk_str *out, const struct sk_report_input *in);
/** sk_page_provenance() - Where the numbers come from */
void sk_page_provenance(struct sk_str *out, const struct sk_report_input *in);

#endif
