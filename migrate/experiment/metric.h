/* SPDX-License-Identifier: Apache-2.0 */
/* metric - the numbers of a run that are compared: names, places in its record, units */
#ifndef SK_METRIC_H
#define SK_METRIC_H

#include "lib/json.h"
#include "lib/parse.h"

/** enum sk_unit - What a metric's numbers are */
enum sk_unit { SK_UNIT_MS, SK_UNIT_BYTES, SK_UNIT_COUNT };

/** struct sk_metric - One metric; a NULL name ends the table */
struct sk_metric {
	const char *name, *path; /* "part:NAME" for one of its decomposition */
	const char *title;
	enum sk_unit unit;
};
extern const struct sk_metric sk_metrics[];

/** sk_metric_find() - By its name; NULL when there is none */
const struct sk_metric *sk_metric_find(const char *name);
/** sk_metric_value() - Of a run's published object; NaN where it has none */
double sk_metric_value(const struct sk_metric *metric, const struct sk_json *result);
/** sk_metric_text() - A value for people: "23 ms", "64 MiB", "17", "n/a"; returns @buf */
const char *sk_metric_text(enum sk_unit unit, double value, char buf[SK_FORMAT_SIZE]);
/** sk_unit_name() - "ms", "bytes" or "count" */
const char *sk_unit_name(enum sk_unit unit);

#endif
