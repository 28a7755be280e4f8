// SPDX-License-Identifier: Apache-2.0
/* Objectives of `migrate --slo`, and risks */
#include <math.h>

#include "migrate/strategy/slo.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sk_autofree char *text = fuzz_text(data, size);
	struct sk_err err = SK_ERR_INIT;
	struct sk_slo slo = {.outage_ns = 12345};
	struct sk_risk risk = {.no_post_copy = true};
	int r = sk_slo_parse(text, &slo, &err);

	fuzz_must((r == 0) == (err.msg[0] == '\0'));
	if (r < 0)
		fuzz_must(slo.outage_ns == 12345 && slo.total_ns == 0);
	else
		fuzz_must(sk_slo_is_set(&slo) && isfinite(slo.bytes_factor) &&
			  slo.bytes_factor >= 0);
	if (sk_risk_parse(text, &risk, NULL) < 0)
		fuzz_must(risk.no_post_copy);
	return 0;
}
