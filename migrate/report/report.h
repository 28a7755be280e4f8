/* SPDX-License-Identifier: Apache-2.0 */
/* report - one self-contained HTML page for a migration, figures as SVG, no scripts */
#ifndef SK_REPORT_H
#define SK_REPORT_H

#include "lib/json.h"
#include "migrate/measure/verdict.h"

/** struct sk_report_input - What one page shows; all borrowed */
struct sk_report_input {
	const struct sk_json *run; /* the whole run.json, for tables and provenance */
	const struct sk_verdict *verdict;
	struct sk_timeline *timeline;
	const struct sk_sample *samples;
	size_t nr_samples;
	uint64_t probe_start_real_ns;
};
/**
 * sk_report_write() - Write report.html into a folder
 *
 * Response time over time (log axis) with the migration's phases shaded, dirty rate and transfer rate
 * under it, the three downtimes side by side and the client's in parts, passes with the switch-over threshold,
 * predicted against measured, how it was measured, a table under each figure, provenance. Light and dark,
 * colour-blind safe, <title> tooltips.
 */
int sk_report_write(int dirfd, const char *name, const struct sk_report_input *input,
		    struct sk_err *err);

#endif
