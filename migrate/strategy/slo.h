/* SPDX-License-Identifier: Apache-2.0 */
/* slo - the objective of a migration, and what may be risked for it, as users write them; pure */
#ifndef SK_SLO_H
#define SK_SLO_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/json.h"
#include "migrate/measure/verdict.h"

/** struct sk_slo - What a migration must keep to; 0: no limit */
struct sk_slo {
	uint64_t outage_ns; /* of the client */
	uint64_t total_ns;  /* from the first byte to the last */
	uint64_t bytes;
	double bytes_factor; /* of the memory that is not zero, in place of .bytes */
};

/** struct sk_risk - What is not to be risked */
struct sk_risk {
	bool no_post_copy; /* a guest whose memory is at two hosts is lost when one fails */
};

/**
 * sk_slo_parse() - Read "outage=100ms,total=30s,bytes=2x": any of them, each once
 * @text:	Durations as sk_parse_duration(), bytes as a size or as a factor with an x
 * @ret:	Untouched on failure
 *
 * Return: 0; -EINVAL with what is wrong; -ERANGE for a limit of 0
 */
int sk_slo_parse(const char *text, struct sk_slo *ret, struct sk_err *err);
/** sk_risk_parse() - Read "no-post-copy", or "any": nothing is ruled out. -EINVAL */
int sk_risk_parse(const char *text, struct sk_risk *ret, struct sk_err *err);
/** sk_slo_is_set() - Tell whether there is any limit */
bool sk_slo_is_set(const struct sk_slo *slo);
/** sk_slo_bytes() - Limit in bytes for a guest with @nonzero bytes that are not zero; 0 none */
double sk_slo_bytes(const struct sk_slo *slo, double nonzero);
/**
 * sk_slo_json() - The object "slo" of run.json
 *
 * {outage, total, bytes: {limit, measured, met} in ms and bytes, met}; limits that were not given are
 * left out. What was not measured is not met, and its .measured is null.
 */
struct sk_json *sk_slo_json(const struct sk_slo *slo, const struct sk_verdict *verdict);

#endif
