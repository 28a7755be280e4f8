// SPDX-License-Identifier: Apache-2.0
/* factor - what can be set of a run: names and forms of its levels */
#include "migrate/experiment/factor.h"

#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "migrate/guest/server.h"
#include "migrate/migrate.h"
#include "migrate/strategy/plan.h"

#define NONE	 "none" /* for people: no */
#define SERVER	 "iterative"
#define MAX_RATE 1000000000000
#define MILLION	 1000000

static const char *mode_name(unsigned int level)
{
	return sk_mode_name((enum sk_mode)level);
}

static int mode_parse(const char *text, uint64_t *ret, struct sk_err *err)
{
	enum sk_mode mode = SK_MODE_PRE_COPY;
	int r = sk_mode_parse(text, &mode, err);

	if (r == 0)
		*ret = mode;
	return r;
}

static const char *compression_name(unsigned int level)
{
	return sk_compression_name((enum sk_compression)level);
}

static int compression_parse(const char *text, uint64_t *ret, struct sk_err *err)
{
	enum sk_compression compression = SK_COMPRESSION_NONE;
	int r = sk_compression_parse(text, &compression, err);

	if (r == 0)
		*ret = compression;
	return r;
}

static const char *probe_name(unsigned int level)
{
	return sk_probe_kind_name((enum sk_probe_kind)level);
}

static int probe_parse(const char *text, uint64_t *ret, struct sk_err *err)
{
	for (unsigned int i = 0; i <= SK_PROBE_ICMP; i++)
		if (strcmp(text, probe_name(i)) == 0) {
			*ret = i;
			return 0;
		}
	return sk_err_set(err, EINVAL, "'%s' is no probe: udp, tcp, http or icmp", text);
}

static const char *action_name(unsigned int level)
{
	return sk_timeout_action_name((enum sk_timeout_action)level);
}

static int action_parse(const char *text, uint64_t *ret, struct sk_err *err)
{
	enum sk_timeout_action action = SK_TIMEOUT_ABORT;
	int r = sk_timeout_action_parse(text, &action, err);

	if (r == 0)
		*ret = action;
	return r;
}

static const struct sk_choice modes = {SK_MODE_DEGENERATE, mode_name, mode_parse};
static const struct sk_choice compressions = {SK_COMPRESSION_NR, compression_name,
					      compression_parse};
static const struct sk_choice actions = {SK_TIMEOUT_NR, action_name, action_parse};
static const struct sk_choice probes = {SK_PROBE_ICMP + 1, probe_name, probe_parse};

const struct sk_factor_info sk_factors[SK_FACTOR_NR] = {
	[SK_FACTOR_MODE] = {.key = "mode",
			    .title = "mode",
			    .kind = SK_LEVEL_CHOICE,
			    .choice = &modes,
			    .fallback = SK_MODE_PRE_COPY,
			    .is_plain = true},
	[SK_FACTOR_LOAD] = {.key = "load",
			    .title = "load",
			    .kind = SK_LEVEL_LOAD,
			    .is_plain = true},
	[SK_FACTOR_MEMORY] = {.key = "memory",
			      .title = "memory",
			      .kind = SK_LEVEL_SIZE,
			      .fallback = 256ull << 20,
			      .min = 64ull << 20,
			      .max = 1ull << 40,
			      .needs_lab = true,
			      .is_load = true},
	[SK_FACTOR_WORKING_SET] = {.key = "working-set",
				   .title = "working set",
				   .kind = SK_LEVEL_SIZE,
				   .fallback = 32ull << 20,
				   .min = 4096,
				   .max = 1ull << 40,
				   .needs_guest = true,
				   .is_load = true},
	[SK_FACTOR_PAGES] = {.key = "pages-per-s",
			     .title = "pages/s",
			     .kind = SK_LEVEL_COUNT,
			     .fallback = 1000,
			     .max = 10 * MILLION,
			     .needs_guest = true,
			     .is_load = true},
	[SK_FACTOR_LINK_RATE] = {.key = "link-rate",
				 .title = "link limit",
				 .kind = SK_LEVEL_RATE,
				 .min = MILLION,
				 .max = MAX_RATE,
				 .zero = NONE,
				 .needs_lab = true},
	[SK_FACTOR_LATENCY] = {.key = "latency",
			       .title = "latency",
			       .kind = SK_LEVEL_DURATION,
			       .max = 10 * SK_NS_PER_S,
			       .zero = NONE,
			       .needs_lab = true},
	[SK_FACTOR_LOSS] = {.key = "loss",
			    .title = "loss",
			    .kind = SK_LEVEL_SHARE,
			    .max = MILLION / 2,
			    .zero = NONE,
			    .needs_lab = true},
	[SK_FACTOR_BANDWIDTH] = {.key = "bandwidth",
				 .title = "cap",
				 .kind = SK_LEVEL_RATE,
				 .min = MILLION,
				 .max = MAX_RATE,
				 .zero = NONE},
	[SK_FACTOR_POSTCOPY_BANDWIDTH] = {.key = "postcopy-bandwidth",
					  .title = "post-copy cap",
					  .kind = SK_LEVEL_RATE,
					  .min = MILLION,
					  .max = MAX_RATE,
					  .zero = "same"},
	[SK_FACTOR_POSTCOPY_AFTER] = {.key = "postcopy-after",
				      .title = "passes before post-copy",
				      .kind = SK_LEVEL_COUNT,
				      .fallback = 1,
				      .min = 1,
				      .max = SK_MIGRATE_MAX_PASSES},
	[SK_FACTOR_MAX_DOWNTIME] = {.key = "max-downtime",
				    .title = "max downtime",
				    .kind = SK_LEVEL_DURATION,
				    .min = SK_NS_PER_MS,
				    .max = 1000 * SK_NS_PER_S,
				    .zero = "default"},
	[SK_FACTOR_AUTO_CONVERGE] = {.key = "auto-converge",
				     .title = "auto-converge",
				     .kind = SK_LEVEL_FLAG},
	[SK_FACTOR_COMPRESSION] = {.key = "compression",
				   .title = "compression",
				   .kind = SK_LEVEL_CHOICE,
				   .choice = &compressions,
				   .zero = NONE},
	[SK_FACTOR_PARALLEL] = {.key = "parallel",
				.title = "parallel connections",
				.kind = SK_LEVEL_COUNT,
				.min = 1,
				.max = 255,
				.zero = NONE},
	[SK_FACTOR_TLS] = {.key = "tls", .title = "TLS", .kind = SK_LEVEL_FLAG},
	[SK_FACTOR_TIMEOUT] = {.key = "timeout",
			       .title = "time-out",
			       .kind = SK_LEVEL_DURATION,
			       .min = SK_NS_PER_S,
			       .max = 86400 * SK_NS_PER_S,
			       .zero = NONE},
	[SK_FACTOR_TIMEOUT_ACTION] = {.key = "timeout-action",
				      .title = "at the time-out",
				      .kind = SK_LEVEL_CHOICE,
				      .choice = &actions,
				      .fallback = SK_TIMEOUT_ABORT},
	[SK_FACTOR_SERVICE] = {.key = "service",
			       .title = "service",
			       .kind = SK_LEVEL_TEXT,
			       .zero = NONE,
			       .needs_lab = true,
			       .is_load = true},
	[SK_FACTOR_SERVER] = {.key = "server-model",
			      .title = "server",
			      .kind = SK_LEVEL_TEXT,
			      .zero = SERVER,
			      .needs_lab = true,
			      .is_load = true,
			      .is_plain = true},
	[SK_FACTOR_PROBE] = {.key = "probe",
			     .title = "probe",
			     .kind = SK_LEVEL_CHOICE,
			     .choice = &probes,
			     .fallback = SK_PROBE_UDP,
			     .needs_lab = true,
			     .is_load = true},
	[SK_FACTOR_CLIENTS] = {.key = "clients",
			       .title = "clients",
			       .kind = SK_LEVEL_COUNT,
			       .fallback = 1,
			       .min = 1,
			       .max = SK_PROBE_MAX_CLIENTS,
			       .needs_lab = true,
			       .is_load = true},
	[SK_FACTOR_PROBE_HZ] = {.key = "probe-hz",
				.title = "requests/s",
				.kind = SK_LEVEL_COUNT,
				.fallback = 1000,
				.min = 1,
				.max = 20000,
				.needs_lab = true,
				.is_load = true},
};

int sk_factor_find(const char *key, enum sk_factor *ret, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **known = NULL;
	int r;

	for (unsigned int i = 0; i < SK_FACTOR_NR; i++) {
		if (strcmp(key, sk_factors[i].key) == 0) {
			*ret = (enum sk_factor)i;
			return 0;
		}
		if (sk_strv_add(&known, sk_factors[i].key) < 0)
			return sk_err_oom(err);
	}
	r = sk_err_set(err, EINVAL, "there is no factor '%s'", key);
	(void)sk_str_hint_nearest(err, r, key, known);
	return sk_err_hint(err, r, "man 5 skiff-experiment has all factors");
}

static int check_range(enum sk_factor factor, const char *text, uint64_t level,
		       struct sk_err *err)
{
	const struct sk_factor_info *info = &sk_factors[factor];
	bool is_none = level == 0 && info->zero && strcmp(info->zero, NONE) == 0;
	char low[SK_FORMAT_SIZE], high[SK_FORMAT_SIZE];

	/* What 0 stands for otherwise is not what who writes 0 wants. */
	if ((level >= info->min && level <= info->max) || is_none)
		return 0;
	(void)sk_factor_text(NULL, factor, info->max, high);
	if (info->min == 0)
		return sk_err_set(err, ERANGE, "%s '%s' is more than %s", info->key, text,
				  high);
	return sk_err_set(err, ERANGE, "%s '%s' is not within %s to %s", info->key, text,
			  sk_factor_text(NULL, factor, info->min, low), high);
}

/* The place of a text, where it is put unless it is there. */
static int intern(struct sk_experiment *experiment, const char *text, uint64_t *ret,
		  struct sk_err *err)
{
	size_t n = sk_strv_len(experiment->texts);

	for (size_t i = 0; i < n; i++)
		if (strcmp(experiment->texts[i], text) == 0) {
			*ret = i + 1;
			return 0;
		}
	if (sk_strv_add(&experiment->texts, text) < 0)
		return sk_err_oom(err);
	*ret = n + 1;
	return 0;
}

/* The settings of a service belong to any model. */
static int read_server(struct sk_experiment *experiment, enum sk_factor factor,
		       const char *text, uint64_t *ret, struct sk_err *err)
{
	struct sk_server_opts unused = SK_SERVER_OPTS_INIT;
	sk_autofree char *whole =
		sk_strf("%s%s", factor == SK_FACTOR_SERVICE ? SERVER "," : "", text);
	int r;

	if (!whole)
		return sk_err_oom(err);
	r = sk_server_parse(whole, &unused, err);
	return r < 0 ? r : intern(experiment, text, ret, err);
}

static int read_load(const struct sk_experiment *experiment, const char *text,
		     uint64_t *ret, struct sk_err *err)
{
	int r;

	for (size_t i = 0; i < experiment->nr_loads; i++)
		if (strcmp(text, experiment->loads[i].name) == 0) {
			*ret = i + 1;
			return 0;
		}
	r = sk_err_set(err, EINVAL, "there is no load '%s'", text);
	return sk_err_hint(err, r, "define it under 'loads'");
}

static int read_flag(const char *text, uint64_t *ret, struct sk_err *err)
{
	bool is_set = false;
	int r = sk_parse_bool(text, &is_set, err);

	if (r == 0)
		*ret = is_set;
	return r;
}

int sk_factor_read(struct sk_experiment *experiment, enum sk_factor factor,
		   const char *text, uint64_t *ret, struct sk_err *err)
{
	const struct sk_factor_info *info = &sk_factors[factor];
	uint64_t level = 0;
	int r = 0;

	if (info->zero && strcmp(text, info->zero) == 0) {
		*ret = 0;
		return 0;
	}
	switch (info->kind) {
	case SK_LEVEL_CHOICE:
		return info->choice->parse(text, ret, err);
	case SK_LEVEL_FLAG:
		return read_flag(text, ret, err);
	case SK_LEVEL_TEXT:
		return read_server(experiment, factor, text, ret, err);
	case SK_LEVEL_LOAD:
		return read_load(experiment, text, ret, err);
	case SK_LEVEL_SIZE:
		r = sk_parse_size(text, &level, err);
		break;
	case SK_LEVEL_RATE:
		r = sk_parse_rate(text, &level, err);
		break;
	case SK_LEVEL_COUNT:
		r = sk_parse_u64(text, 0, UINT64_MAX, &level, err);
		break;
	case SK_LEVEL_DURATION:
		r = sk_parse_duration(text, &level, err);
		break;
	case SK_LEVEL_SHARE:
		r = sk_lab_loss_parse(text, &level, err);
		break;
	}
	if (r == 0)
		r = check_range(factor, text, level, err);
	if (r == 0)
		*ret = level;
	return r;
}

const char *sk_factor_text(const struct sk_experiment *experiment, enum sk_factor factor,
			   uint64_t level, char buf[SK_FORMAT_SIZE])
{
	const struct sk_factor_info *info = &sk_factors[factor];

	if (level == 0 && info->zero)
		return strcmp(info->zero, NONE) == 0 ? "no" : info->zero;
	switch (info->kind) {
	case SK_LEVEL_CHOICE:
		return info->choice->name((unsigned int)level);
	case SK_LEVEL_SIZE:
		return sk_format_size(level, buf);
	case SK_LEVEL_RATE:
		return sk_format_rate(level, buf);
	case SK_LEVEL_DURATION:
		return sk_format_duration(level, buf);
	case SK_LEVEL_FLAG:
		return level ? "yes" : "no";
	case SK_LEVEL_TEXT:
		return experiment->texts[level - 1];
	case SK_LEVEL_LOAD:
		return level ? experiment->loads[level - 1].name : "";
	case SK_LEVEL_SHARE:
		(void)snprintf(buf, SK_FORMAT_SIZE, "%g %%",
			       (double)level * 100 / MILLION);
		break;
	case SK_LEVEL_COUNT:
		(void)snprintf(buf, SK_FORMAT_SIZE, "%" PRIu64, level);
		break;
	}
	return buf;
}

struct sk_json *sk_cell_json(const struct sk_experiment *experiment,
			     const struct sk_cell *cell)
{
	struct sk_json *object = sk_json_new_object();

	for (unsigned int i = 0; i < SK_FACTOR_NR; i++) {
		const char *key = sk_factors[i].key;
		uint64_t level = cell->set[i];
		char unused[SK_FORMAT_SIZE];

		switch (sk_factors[i].kind) {
		case SK_LEVEL_CHOICE:
			sk_json_set_str(object, key,
					sk_factors[i].choice->name((unsigned int)level));
			break;
		case SK_LEVEL_LOAD:
			if (level == 0) {
				(void)sk_json_set(object, key, NULL);
				break;
			} /* fallthrough */
		case SK_LEVEL_TEXT:
			sk_json_set_str(object, key,
					level ? sk_factor_text(experiment,
							       (enum sk_factor)i, level,
							       unused)
					      : sk_factors[i].zero);
			break;
		case SK_LEVEL_FLAG:
			sk_json_set_bool(object, key, level != 0);
			break;
		default:
			sk_json_set_uint(object, key, level);
			break;
		}
	}
	return object;
}

char *sk_cell_server(const struct sk_experiment *experiment, const struct sk_cell *cell)
{
	uint64_t service = cell->set[SK_FACTOR_SERVICE];
	char unused[SK_FORMAT_SIZE];
	const char *model = sk_factor_text(experiment, SK_FACTOR_SERVER,
					   cell->set[SK_FACTOR_SERVER], unused);

	return service ? sk_strf("%s,%s", model, experiment->texts[service - 1])
		       : strdup(model);
}

static struct sk_transfer_opts transfer_of(const struct sk_cell *cell)
{
	const uint64_t *set = cell->set;

	return (struct sk_transfer_opts){
		.bandwidth_bits = set[SK_FACTOR_BANDWIDTH],
		.max_downtime_ms =
			(set[SK_FACTOR_MAX_DOWNTIME] + SK_NS_PER_MS - 1) / SK_NS_PER_MS,
		.auto_converge = set[SK_FACTOR_AUTO_CONVERGE] != 0,
		.compression = (enum sk_compression)set[SK_FACTOR_COMPRESSION],
		.parallel = (unsigned int)set[SK_FACTOR_PARALLEL],
		.tls = set[SK_FACTOR_TLS] != 0,
		.insecure_plaintext = set[SK_FACTOR_TLS] == 0,
	};
}

struct sk_migrate_opts sk_cell_migration(const struct sk_experiment *experiment,
					 const struct sk_cell *cell)
{
	struct sk_migrate_opts opts = {
		.mode = (enum sk_mode)cell->set[SK_FACTOR_MODE],
		.transfer = transfer_of(cell),
		.timeout_ns = cell->set[SK_FACTOR_TIMEOUT],
		.timeout_action =
			(enum sk_timeout_action)cell->set[SK_FACTOR_TIMEOUT_ACTION],
		.slo = experiment->slo,
		.risk = experiment->risk,
		.best_effort = true, /* judged by what is measured */
		.postcopy_after = (unsigned int)cell->set[SK_FACTOR_POSTCOPY_AFTER],
		.netns_fd = -1,
		.baseline_ns = experiment->baseline_ns,
		.tail_ns = experiment->tail_ns,
	};
	struct sk_vm_job job;

	/* A phase that a run does not have is not capped: modes are compared under one constant. */
	sk_plan_job(&opts, &job);
	if (job.postcopy)
		opts.transfer.postcopy_bandwidth_bits =
			cell->set[SK_FACTOR_POSTCOPY_BANDWIDTH];
	return opts;
}

struct sk_lab_opts sk_cell_lab(const struct sk_cell *cell, const char *server)
{
	return (struct sk_lab_opts){
		.hosts = 2,
		.guest_memory_bytes = cell->set[SK_FACTOR_MEMORY],
		.working_set_bytes = cell->set[SK_FACTOR_WORKING_SET],
		.pages_per_s = cell->set[SK_FACTOR_PAGES],
		.server = server,
	};
}

int sk_cell_check(const struct sk_experiment *experiment, const struct sk_cell *cell,
		  struct sk_err *err)
{
	struct sk_migrate_opts opts = sk_cell_migration(experiment, cell);
	struct sk_server_opts unused = SK_SERVER_OPTS_INIT;
	sk_autofree char *server = sk_cell_server(experiment, cell);
	struct sk_lab_opts lab = sk_cell_lab(cell, server);
	int r;

	if (!server)
		return sk_err_oom(err);
	opts.to = experiment->to;
	r = experiment->from ? sk_server_parse(server, &unused, err)
			     : sk_lab_check(&lab, err);
	if (r < 0)
		return r;
	if (opts.transfer.tls && !experiment->from) {
		r = sk_err_set(err, ENOTSUP, "the hosts of a lab have no certificates");
		return sk_err_hint(err, r, "take hosts that have, or 'tls: no'");
	}
	return sk_plan_settle(&opts, err);
}

bool sk_cell_equal(const struct sk_experiment *a, const struct sk_cell *cell_a,
		   const struct sk_experiment *b, const struct sk_cell *cell_b)
{
	char unused[2][SK_FORMAT_SIZE];

	for (unsigned int i = 0; i < SK_FACTOR_NR; i++) {
		uint64_t x = cell_a->set[i], y = cell_b->set[i];
		enum sk_factor factor = (enum sk_factor)i;

		switch (sk_factors[i].kind) {
		case SK_LEVEL_LOAD: /* what it sets is what counts */
			break;
		case SK_LEVEL_TEXT:
			if (strcmp(sk_factor_text(a, factor, x, unused[0]),
				   sk_factor_text(b, factor, y, unused[1])) != 0)
				return false;
			break;
		default:
			if (x != y)
				return false;
		}
	}
	return true;
}
