// SPDX-License-Identifier: Apache-2.0
/* metric - the numbers of a run that are compared: names, places in its record, units */
#include "migrate/experiment/metric.h"

#include <math.h>
#include <string.h>

#include "lib/str.h"
#include "migrate/measure/decompose.h"

#define PART "part:" /* an entry of the list "decomposition", see decompose.h */

const struct sk_metric sk_metrics[] = {
	{"downtime", "downtime_ms.client", "downtime, client", SK_UNIT_MS},
	{"reported", "downtime_ms.reported", "downtime, reported", SK_UNIT_MS},
	{"vcpu", "downtime_ms.vcpu", "downtime, vCPU", SK_UNIT_MS},
	{"silence", "probe.silence_ms", "silence between replies", SK_UNIT_MS},
	{"total", "time_ms.total", "transfer", SK_UNIT_MS},
	{"prep", "time_ms.prep", "preparation", SK_UNIT_MS},
	{"api", "time_ms.api", "API call", SK_UNIT_MS},
	{"p50", "probe.during.p50_ms", "response p50 during", SK_UNIT_MS},
	{"p90", "probe.during.p90_ms", "response p90 during", SK_UNIT_MS},
	{"p99", "probe.during.p99_ms", "response p99 during", SK_UNIT_MS},
	{"max", "probe.during.max_ms", "slowest response during", SK_UNIT_MS},
	{"before", "probe.before.p99_ms", "response p99 before", SK_UNIT_MS},
	{"after", "probe.after.p99_ms", "response p99 after", SK_UNIT_MS},
	{"lost", "probe.lost", "requests lost", SK_UNIT_COUNT},
	{"bytes", "memory.wire_bytes", "sent", SK_UNIT_BYTES},
	{"requests", "memory.postcopy_requests", "pages asked for", SK_UNIT_COUNT},
	{"ratio_total", "prediction.ratio.total", "transfer, measured over predicted",
	 SK_UNIT_COUNT},
	{"ratio_downtime", "prediction.ratio.downtime",
	 "downtime of the vCPUs, measured over predicted", SK_UNIT_COUNT},
	{"ratio_outage", "prediction.ratio.outage",
	 "downtime of the client, measured over predicted", SK_UNIT_COUNT},
	{"tlp", "service.tlp", "parallelism of the service (TLP)", SK_UNIT_COUNT},
	{"refused", "service.refused", "requests refused", SK_UNIT_COUNT},
	{"blocktime", "blocktime.ms", "waits for pages", SK_UNIT_MS},
	{"before_stop", PART "before", "outage: before the stop", SK_UNIT_MS},
	{"setup", PART "setup", "outage: set-up at the source", SK_UNIT_MS},
	{"stop", PART "stop", "outage: virtual CPU stopped", SK_UNIT_MS},
	{"announce", PART "announce", "outage: announcement", SK_UNIT_MS},
	{"faults", PART "faults", "outage: page faults", SK_UNIT_MS},
	{"queue", PART "queue", "outage: queue behind the stream", SK_UNIT_MS},
	{"busy", PART "busy", "outage: no processor free", SK_UNIT_MS},
	{"rest", PART "rest", "outage: not explained", SK_UNIT_MS},
	{NULL, NULL, NULL, SK_UNIT_MS},
};

const struct sk_metric *sk_metric_find(const char *name)
{
	for (const struct sk_metric *metric = sk_metrics; metric->name; metric++)
		if (strcmp(metric->name, name) == 0)
			return metric;
	return NULL;
}

double sk_metric_value(const struct sk_metric *metric, const struct sk_json *result)
{
	const char *part = sk_str_starts(metric->path, PART);

	return part ? sk_part_ms(result, part)
		    : sk_json_double(sk_json_path(result, metric->path), NAN);
}

/* A difference may be below 0. */
const char *sk_metric_text(enum sk_unit unit, double value, char buf[SK_FORMAT_SIZE])
{
	char *at = buf;

	if (!isfinite(value)) {
		(void)snprintf(buf, SK_FORMAT_SIZE, "n/a");
		return buf;
	}
	if (unit == SK_UNIT_COUNT) {
		(void)snprintf(buf, SK_FORMAT_SIZE, "%.6g", value);
		return buf;
	}
	if (value < 0) {
		char rest[SK_FORMAT_SIZE];

		(void)sk_metric_text(unit, -value, rest);
		(void)snprintf(at, SK_FORMAT_SIZE, "-%.*s", SK_FORMAT_SIZE - 2, rest);
		return buf;
	}
	if (value <= 0) {
		(void)snprintf(buf, SK_FORMAT_SIZE, "0");
		return buf;
	}
	if (unit == SK_UNIT_BYTES)
		return sk_format_size((uint64_t)fmin(value, 1e18), buf);
	return sk_format_duration((uint64_t)llround(fmin(value, 1e12) * 1e6), buf);
}

const char *sk_unit_name(enum sk_unit unit)
{
	static const char *const names[] = {"ms", "bytes", "count"};

	return names[unit];
}
