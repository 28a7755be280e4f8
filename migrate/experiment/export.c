// SPDX-License-Identifier: Apache-2.0
/* export - runs and samples for other programs: CSV as of RFC 4180, or JSON lines */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "migrate/experiment/factor.h"
#include "migrate/experiment/summary.h"

static int flush(struct sk_str *out, int fd, struct sk_err *err)
{
	int r;

	if (out->failed)
		return sk_err_oom(err);
	r = out->len ? sk_fs_write_all(fd, out->ptr, out->len) : 0;
	sk_str_clear(out);
	return r < 0 ? sk_err_code(err, r, "write") : 0;
}

static const char *text_of(const struct sk_json *run, const char *key)
{
	return sk_json_str(sk_json_get(run, key), "");
}

static void add_run_head(struct sk_str *out)
{
	sk_str_add(out, "run,block,kind,status,label");
	for (unsigned int i = 0; i < SK_FACTOR_NR; i++)
		sk_str_addf(out, ",%s", sk_factors[i].key);
	for (const struct sk_metric *metric = sk_metrics; metric->name; metric++)
		sk_str_addf(out, ",%s_%s", metric->name, sk_unit_name(metric->unit));
	sk_str_add(out, ",started,why\r\n");
}

static void add_run(struct sk_str *out, const struct sk_json *run)
{
	const struct sk_json *factors = sk_json_get(run, "factors");

	sk_str_addf(out, "%" PRId64 ",%" PRId64 ",%s,%s,",
		    sk_json_int(sk_json_get(run, "run"), -1),
		    sk_json_int(sk_json_get(run, "block"), 0), text_of(run, "kind"),
		    text_of(run, "status"));
	sk_str_add_csv(out, text_of(run, "label"));
	for (unsigned int i = 0; i < SK_FACTOR_NR; i++) {
		const struct sk_json *level = sk_json_get(factors, sk_factors[i].key);

		sk_str_add(out, ",");
		if (sk_json_type(level) == SK_JSON_STRING)
			sk_str_add_csv(out, sk_json_str(level, ""));
		else if (sk_json_type(level) == SK_JSON_BOOL)
			sk_str_add(out, sk_json_bool(level, false) ? "true" : "false");
		else if (level)
			sk_str_addf(out, "%" PRId64, sk_json_int(level, 0));
	}
	for (const struct sk_metric *metric = sk_metrics; metric->name; metric++) {
		double value = sk_metric_value(metric, sk_json_get(run, "result"));

		/* What was not measured is empty. */
		sk_str_add(out, ",");
		if (isfinite(value))
			sk_str_addf(out, "%.15g", value);
	}
	sk_str_addf(out, ",%s,", text_of(run, "started"));
	sk_str_add_csv(out, text_of(run, "why"));
	sk_str_add(out, "\r\n");
}

static int export_runs(const struct sk_store *store, bool csv, int fd, struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str out = SK_STR_INIT;
	int r = 0;

	if (csv)
		add_run_head(&out);
	for (size_t i = 0; r == 0 && i < sk_json_len(store->runs); i++) {
		const struct sk_json *run = sk_json_at(store->runs, i);

		if (csv) {
			add_run(&out, run);
		} else {
			sk_autofree char *line = sk_json_print(run, false);

			if (!line)
				return sk_err_oom(err);
			sk_str_addf(&out, "%s\n", line);
		}
		r = flush(&out, fd, err);
	}
	return r < 0 ? r : flush(&out, fd, err);
}

/* A request without a reply has an empty received time, or null. */
static void add_sample(struct sk_str *out, bool csv, int64_t run,
		       const struct sk_sample *s)
{
	if (csv)
		sk_str_addf(out, "%" PRId64 ",%" PRIu64 ",%" PRIu64 ",", run,
			    s->intended_ns, s->sent_ns);
	else
		sk_str_addf(out,
			    "{\"run\":%" PRId64 ",\"intended_ns\":%" PRIu64
			    ",\"sent_ns\":%" PRIu64 ",\"received_ns\":",
			    run, s->intended_ns, s->sent_ns);
	if (s->received_ns)
		sk_str_addf(out, "%" PRIu64, s->received_ns);
	else if (!csv)
		sk_str_add(out, "null");
	sk_str_add(out, csv ? "\r\n" : "}\n");
}

static int export_samples(const struct sk_store *store, bool csv, int fd,
			  struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str out = SK_STR_INIT;
	int r = 0;

	if (csv)
		sk_str_add(&out, "run,intended_ns,sent_ns,received_ns\r\n");
	for (size_t i = 0; r == 0 && i < sk_json_len(store->runs); i++) {
		const struct sk_json *run = sk_json_at(store->runs, i);
		const char *name = sk_json_str(sk_json_get(run, "samples"), NULL);
		sk_autofree struct sk_sample *samples = NULL;
		size_t n = 0;

		if (!name)
			continue;
		r = sk_store_samples(store, run, &samples, &n, err);
		for (size_t k = 0; r == 0 && k < n; k++)
			add_sample(&out, csv, sk_json_int(sk_json_get(run, "run"), -1),
				   &samples[k]);
		if (r == 0)
			r = flush(&out, fd, err);
	}
	return r < 0 ? r : flush(&out, fd, err);
}

int sk_experiment_export(const char *dir, bool csv, bool samples, int fd,
			 struct sk_err *err)
{
	sk_auto(sk_store_finish) struct sk_store store = {.dirfd = -1};
	int r = sk_store_open(dir, &store, err);

	if (r < 0)
		return r;
	return samples ? export_samples(&store, csv, fd, err)
		       : export_runs(&store, csv, fd, err);
}
