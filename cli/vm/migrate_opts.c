// SPDX-License-Identifier: Apache-2.0
/* migrate_opts - the options of `migrate` as those of the layer below */
#include "cli/vm/migrate_opts.h"

#include <inttypes.h>
#include <limits.h>

#include "lib/clock.h"

int sk_vmcli_refuse_zeros(struct sk_cli_migrate_opts *given, struct sk_err *err)
{
	const struct {
		const char *name;
		uint64_t *value;
	} numbers[] = {
		{"postcopy-after", &given->postcopy_after},
		{"timeout", &given->timeout_ns},
		{"bandwidth", &given->bandwidth_bits},
		{"postcopy-bandwidth", &given->postcopy_bandwidth_bits},
		{"max-downtime", &given->max_downtime_ns},
		{"auto-converge-initial", &given->auto_converge_initial},
		{"auto-converge-increment", &given->auto_converge_increment},
		{"compression-level", &given->compression_level},
		{"xbzrle-cache", &given->xbzrle_cache_bytes},
		{"parallel", &given->parallel},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(numbers); i++) {
		if (*numbers[i].value == 0)
			return sk_cmd_usage(err,
					    "--%s must be more than 0: leave it out "
					    "for its default",
					    numbers[i].name);
		if (*numbers[i].value == SK_OPT_UNSET)
			*numbers[i].value = 0;
	}
	return 0;
}

/* Numbers that are 0 when not given; the layer below knows their limits. */
static int take_numbers(const struct sk_cli_migrate_opts *given,
			struct sk_transfer_opts *ret, struct sk_err *err)
{
	const struct {
		const char *name;
		uint64_t value;
		unsigned int *ret;
	} numbers[] = {
		{"auto-converge-initial", given->auto_converge_initial,
		 &ret->auto_converge_initial},
		{"auto-converge-increment", given->auto_converge_increment,
		 &ret->auto_converge_increment},
		{"compression-level", given->compression_level, &ret->compression_level},
		{"parallel", given->parallel, &ret->parallel},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(numbers); i++) {
		if (numbers[i].value > UINT_MAX)
			return sk_cmd_usage(err, "--%s %" PRIu64 " is too large",
					    numbers[i].name, numbers[i].value);
		*numbers[i].ret = (unsigned int)numbers[i].value;
	}
	return 0;
}

static int take_choices(const struct sk_cli_migrate_opts *given,
			struct sk_migrate_opts *ret, struct sk_err *err)
{
	int r = sk_mode_parse(given->mode, &ret->mode, err);

	if (r == 0 && given->compression)
		r = sk_compression_parse(given->compression, &ret->transfer.compression,
					 err);
	if (r == 0 && given->copy_storage)
		r = sk_copy_storage_parse(given->copy_storage,
					  &ret->transfer.copy_storage, err);
	if (r == 0 && given->timeout_action)
		r = sk_timeout_action_parse(given->timeout_action, &ret->timeout_action,
					    err);
	if (r == 0 && given->slo)
		r = sk_slo_parse(given->slo, &ret->slo, err);
	if (r == 0 && given->risk)
		r = sk_risk_parse(given->risk, &ret->risk, err);
	ret->best_effort = given->best_effort;
	return r;
}

static int check_together(const struct sk_cli_migrate_opts *given, enum sk_mode mode,
			  struct sk_err *err)
{
	if (given->timeout_action && !given->timeout_ns)
		return sk_cmd_usage(err, "--timeout-action needs --timeout");
	if ((given->risk || given->best_effort) && mode != SK_MODE_AUTO)
		return sk_cmd_usage(err, "%s is for --mode auto",
				    given->risk ? "--risk" : "--best-effort");
	if (given->postcopy_after && mode != SK_MODE_HYBRID)
		return sk_cmd_usage(err, "--postcopy-after is for --mode hybrid");
	if (given->postcopy_after > SK_MIGRATE_MAX_PASSES)
		return sk_cmd_usage(err, "--postcopy-after is at most %d",
				    SK_MIGRATE_MAX_PASSES);
	return 0;
}

int sk_vmcli_transfer(const struct sk_cli_migrate_opts *given,
		      struct sk_migrate_opts *ret, struct sk_err *err)
{
	int r;

	ret->transfer = (struct sk_transfer_opts){
		.bandwidth_bits = given->bandwidth_bits,
		.postcopy_bandwidth_bits = given->postcopy_bandwidth_bits,
		.max_downtime_ms =
			(given->max_downtime_ns + SK_NS_PER_MS - 1) / SK_NS_PER_MS,
		.auto_converge = given->auto_converge,
		.xbzrle_cache_bytes = given->xbzrle_cache_bytes,
		.zero_copy = given->zero_copy,
		.p2p = given->p2p,
		.p2p_uri = given->p2p_uri,
		.tunnelled = given->tunnelled,
		.tls = given->tls,
		.tls_destination = given->tls_destination,
		.insecure_plaintext = given->insecure_plaintext,
		.persist = given->persist,
		.undefine_source = given->undefine_source,
		.migrate_uri = given->migrate_uri,
		.listen_address = given->listen_address,
		.unsafe = given->unsafe,
		.no_cpu_check = given->no_cpu_check,
	};
	ret->timeout_ns = given->timeout_ns;
	ret->postcopy_after = (unsigned int)given->postcopy_after;
	r = take_choices(given, ret, err);
	if (r == 0)
		r = take_numbers(given, &ret->transfer, err);
	return r == 0 ? check_together(given, ret->mode, err) : r;
}
