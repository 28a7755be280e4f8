// SPDX-License-Identifier: Apache-2.0
/* figure_passes - what each pass over memory sent, and below what the guest would be stopped */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "migrate/experiment/factor.h"
#include "migrate/experiment/page.h"
#include "migrate/measure/verdict.h"
#include "migrate/report/html.h"
#include "migrate/report/svg.h"

#define WIDTH		1000.0
#define LEFT		76.0
#define RIGHT		988.0
#define TOP		8.0
#define BOTTOM		300.0
#define HEIGHT		326.0
#define DEFAULT_DOWN_MS 300.0 /* QEMU's own */
#define MIB		1048576.0
#define MIN_MIB		0.0625
#define MAX_PASSES	64

/** struct stairs - The passes of a typical run of one cell */
struct stairs {
	size_t cell, n;
	char *label;
	double at_s[MAX_PASSES + 1]; /* start of each pass, and the end of the last */
	double mib[MAX_PASSES + 1];
	double first_ms, last_ms, left, threshold; /* the latter in bytes */
};

static double number(const struct sk_json *object, const char *key)
{
	return sk_json_double(sk_json_get(object, key), NAN);
}

/* What the stream carries of the first pass, in the downtime that the last may take. */
static double threshold_of(const struct sk_store *store, size_t cell,
			   const struct sk_json *first)
{
	struct sk_cell set = sk_experiment_cell(store->experiment, cell);
	double down_ms = (double)set.set[SK_FACTOR_MAX_DOWNTIME] / 1e6;
	double ms = number(first, "ms");

	return ms > 0 ? number(first, "bytes") / ms *
				(down_ms > 0 ? down_ms : DEFAULT_DOWN_MS)
		      : NAN;
}

static bool fill(const struct sk_store *store, size_t cell, struct stairs *stairs)
{
	const struct sk_json *run = sk_exp_typical_run(store, cell);
	const struct sk_json *passes = sk_json_path(run, "result.passes");
	const char *proven = sk_json_str(sk_json_path(run, "result.mode.proven"), "");
	size_t n = sk_json_len(passes);

	/* Where the guest stands still, or runs elsewhere, passes need not become smaller. */
	if (n == 0 || (strcmp(proven, sk_mode_name(SK_MODE_PRE_COPY)) != 0 &&
		       strcmp(proven, sk_mode_name(SK_MODE_HYBRID)) != 0))
		return false;
	*stairs = (struct stairs){.cell = cell, .n = n > MAX_PASSES ? MAX_PASSES : n};
	stairs->threshold = threshold_of(store, cell, sk_json_at(passes, 0));
	for (size_t i = 0; i < stairs->n; i++) {
		const struct sk_json *pass = sk_json_at(passes, i);
		double ms = number(pass, "ms");

		stairs->mib[i] = fmax(number(pass, "bytes") / MIB, MIN_MIB);
		stairs->at_s[i + 1] = stairs->at_s[i] + ms / 1e3;
		stairs->last_ms = ms;
		stairs->first_ms = i == 0 ? ms : stairs->first_ms;
		stairs->left = number(pass, "remaining_bytes");
	}
	stairs->mib[stairs->n] = stairs->mib[stairs->n - 1];
	stairs->label = sk_cell_label(store, cell);
	return stairs->label != NULL;
}

static const char *format_s(double value, char buf[32])
{
	(void)snprintf(buf, 32, "%g s", value);
	return buf;
}

static const char *format_mib(double value, char buf[32])
{
	(void)snprintf(buf, 32, "%g MiB", value);
	return buf;
}

static void draw(struct sk_str *out, const struct stairs *all, size_t nr)
{
	struct sk_svg_scale x = {0, 0.1, LEFT, RIGHT, false};
	struct sk_svg_scale y = {MIN_MIB, 1, BOTTOM, TOP, true};

	for (size_t i = 0; i < nr; i++) {
		x.max = fmax(x.max, all[i].at_s[all[i].n]);
		for (size_t k = 0; k < all[i].n; k++)
			y.max = fmax(y.max, all[i].mib[k] * 1.3);
	}
	sk_svg_open(out, WIDTH, HEIGHT, "Bytes sent by each pass over memory");
	sk_svg_grid_x(out, &x, TOP, BOTTOM, format_s);
	sk_svg_grid_y(out, &y, LEFT, RIGHT, format_mib);
	for (size_t i = 0; i < nr; i++) {
		const struct stairs *s = &all[i];
		double end = sk_svg_place(&x, s->at_s[s->n]);
		char css[40];

		(void)snprintf(css, sizeof(css), "cell %s", sk_cell_css(s->cell));
		sk_svg_steps(out, &(struct sk_svg_series){&x, &y, s->at_s, s->mib,
							  s->n + 1, css});
		(void)snprintf(css, sizeof(css), "cell %s dashed", sk_cell_css(s->cell));
		if (isfinite(s->threshold))
			sk_svg_line(out, LEFT, sk_svg_place(&y, s->threshold / MIB), end,
				    sk_svg_place(&y, s->threshold / MIB), css);
	}
	sk_svg_close(out);
	sk_str_add(out, "<p class=\"legend\">\n");
	for (size_t i = 0; i < nr; i++)
		sk_exp_legend(out, sk_cell_css(all[i].cell), all[i].label);
	sk_str_add(out, "</p>\n");
}

static void add_table(struct sk_str *out, const struct stairs *all, size_t nr)
{
	static const char *const headings[] = {"settings",    ">passes",    ">first pass",
					       ">sent",	      ">last pass", ">sent last",
					       ">left after", ">threshold", NULL};

	sk_html_table(out, headings);
	for (size_t i = 0; i < nr; i++) {
		const struct stairs *s = &all[i];
		char n[24], text[6][SK_FORMAT_SIZE];

		(void)snprintf(n, sizeof(n), "%zu%s", s->n,
			       s->n == MAX_PASSES ? " or more" : "");
		sk_html_row(
			out, headings,
			(const char *[]){s->label, n,
					 sk_metric_text(SK_UNIT_MS, s->first_ms, text[0]),
					 format_mib(s->mib[0], text[1]),
					 sk_metric_text(SK_UNIT_MS, s->last_ms, text[2]),
					 format_mib(s->mib[s->n], text[3]),
					 sk_metric_text(SK_UNIT_BYTES, s->left, text[4]),
					 sk_metric_text(SK_UNIT_BYTES, s->threshold,
							text[5])});
	}
	sk_html_table_end(out);
}

const char *sk_exp_passes(struct sk_str *out, const struct sk_store *store)
{
	size_t cells = sk_experiment_cells(store->experiment), nr = 0;
	sk_autofree struct stairs *all = calloc(SK_EXP_MAX_CURVES, sizeof(*all));
	bool is_cut = false;

	if (!all) {
		out->failed = true;
		return NULL;
	}
	for (size_t i = 0; i < cells; i++) {
		if (nr == SK_EXP_MAX_CURVES)
			is_cut = true;
		else if (fill(store, i, &all[nr]))
			nr++;
	}
	if (nr == 0)
		return "no run went over memory in passes";
	sk_str_add(out, "<section>\n");
	sk_html_element(out, "h2", NULL, "Passes over memory");
	sk_html_element(
		out, "p", "note",
		"A step is a pass: how long it took and what it sent, on a logarithmic "
		"axis, of a typical run by pre-copy or hybrid. The broken line is what the stream carries within "
		"the downtime that is allowed: when less is left, the guest is stopped for "
		"the rest. Steps that stay above it do not converge.%s",
		is_cut ? " Only the first settings are shown." : "");
	draw(out, all, nr);
	add_table(out, all, nr);
	sk_str_add(out, "</section>\n");
	for (size_t i = 0; i < nr; i++)
		free(all[i].label);
	return NULL;
}
