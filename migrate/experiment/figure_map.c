// SPDX-License-Identifier: Apache-2.0
/* figure_map - where pre-copy converges: two factors against each other, a field for each pair of levels */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/str.h"
#include "migrate/experiment/factor.h"
#include "migrate/experiment/page.h"
#include "migrate/measure/verdict.h"
#include "migrate/report/html.h"
#include "migrate/report/svg.h"

#define LEFT	 150.0
#define TOP	 34.0
#define FIELD_W	 118.0
#define FIELD_H	 54.0
#define GAP	 2.0
#define PAGE	 4096.0
#define NO_FIELD SIZE_MAX

/** struct field - The runs of one pair of levels */
struct field {
	size_t runs, converged;
	double passes;		      /* sum over those that converged */
	double write_bits, link_bits; /* of the model; 0 not known */
	bool is_set, is_mixed;	      /* cells of several rates are in one field */
};

/** struct map - Two axes of the experiment and what lies between them */
struct map {
	const struct sk_store *store;
	const struct sk_axis *x, *y;
	struct field fields[SK_LEVELS_MAX * SK_LEVELS_MAX]; /* [y * SK_LEVELS_MAX + x] */
};

static bool is_numeric(enum sk_factor factor)
{
	enum sk_factor_kind kind = sk_factors[factor].kind;

	return kind == SK_LEVEL_SIZE || kind == SK_LEVEL_RATE || kind == SK_LEVEL_COUNT ||
	       kind == SK_LEVEL_DURATION || kind == SK_LEVEL_SHARE;
}

static const struct sk_axis *find_axis(const struct sk_experiment *e,
				       enum sk_factor factor)
{
	for (size_t i = 0; i < e->nr_axes; i++)
		if (e->axes[i].factor == factor && e->axes[i].nr > 1)
			return &e->axes[i];
	return NULL;
}

/* The write rate across and the link down, if they vary; else what comes first. */
static bool choose_axes(const struct sk_experiment *e, struct map *map)
{
	map->x = find_axis(e, SK_FACTOR_PAGES);
	if (map->x)
		map->y = find_axis(e, SK_FACTOR_LINK_RATE);
	if (map->x && !map->y)
		map->y = find_axis(e, SK_FACTOR_BANDWIDTH);
	for (size_t i = 0; i < e->nr_axes; i++) {
		const struct sk_axis *axis = &e->axes[i];

		if (!is_numeric(axis->factor) || axis->nr < 2 || axis == map->x)
			continue;
		if (!map->x)
			map->x = axis;
		else if (!map->y)
			map->y = axis;
	}
	return map->y != NULL;
}

static size_t level_index(const struct sk_axis *axis, const struct sk_cell *cell)
{
	for (size_t i = 0; i < axis->nr; i++)
		if (axis->levels[i] == cell->set[axis->factor])
			return i;
	return NO_FIELD;
}

static double link_of(const struct sk_cell *cell)
{
	double cap = (double)cell->set[SK_FACTOR_BANDWIDTH];
	double link = (double)cell->set[SK_FACTOR_LINK_RATE];

	return cap > 0 && link > 0 ? fmin(cap, link) : fmax(cap, link);
}

/* A third factor may lie behind a field: what differs in it is not told by one number. */
static void set_model(struct field *field, double write_bits, double link_bits)
{
	field->is_mixed |= field->is_set && (field->write_bits != write_bits ||
					     field->link_bits != link_bits);
	field->is_set = true;
	field->write_bits = write_bits;
	field->link_bits = link_bits;
}

static void count_cell(struct map *map, size_t index)
{
	struct sk_cell cell = sk_experiment_cell(map->store->experiment, index);
	struct field *field = &map->fields[level_index(map->y, &cell) * SK_LEVELS_MAX +
					   level_index(map->x, &cell)];
	const struct sk_json *runs = map->store->runs;

	if (cell.set[SK_FACTOR_MODE] != SK_MODE_PRE_COPY)
		return;
	set_model(field, (double)cell.set[SK_FACTOR_PAGES] * PAGE * 8, link_of(&cell));
	for (size_t i = 0; i < sk_json_len(runs); i++) {
		const struct sk_json *run = sk_json_at(runs, i);

		if (!sk_run_in(run, index))
			continue;
		field->runs++;
		/* Whether the probe was late is of no account here. */
		if (!sk_str_equal(sk_json_str(sk_json_path(run, "result.mode.proven"),
					      NULL),
				  sk_mode_name(SK_MODE_PRE_COPY)))
			continue;
		field->converged++;
		field->passes += (double)sk_json_len(sk_json_path(run, "result.passes"));
	}
}

static const struct field *field_at(const struct map *map, size_t x, size_t y)
{
	return &map->fields[y * SK_LEVELS_MAX + x];
}

static const char *verdict_of(const struct field *field)
{
	return field->runs == 0			 ? "not run"
	       : field->converged == field->runs ? "converges"
	       : field->converged		 ? "at times"
						 : "does not";
}

static const char *css_of(const struct field *field)
{
	return field->runs == 0			 ? "noise"
	       : field->converged == field->runs ? "met"
	       : field->converged		 ? "partly"
						 : "missed";
}

static void describe(const struct map *map, const struct sk_axis *axis, size_t level,
		     char *text, size_t size)
{
	char buffer[SK_FORMAT_SIZE];

	(void)snprintf(text, size, "%s %s",
		       sk_factor_text(map->store->experiment, axis->factor,
				      axis->levels[level], buffer),
		       sk_factors[axis->factor].title);
}

static void draw_field(struct sk_str *out, const struct map *map, size_t x, size_t y)
{
	const struct field *field = field_at(map, x, y);
	double at_x = LEFT + FIELD_W * (double)x, at_y = TOP + FIELD_H * (double)y;
	struct sk_svg_box box = {at_x + GAP, at_y + GAP, FIELD_W - 2 * GAP,
				 FIELD_H - 2 * GAP};

	sk_svg_rect(out, &box, css_of(field), NULL);
	sk_svg_text(out, at_x + FIELD_W / 2, at_y + 23, "middle", "bar-name", "%s",
		    verdict_of(field));
	if (field->converged)
		sk_svg_text(out, at_x + FIELD_W / 2, at_y + 41, "middle", "tick",
			    "%.3g passes", field->passes / (double)field->converged);
}

static bool is_beyond(const struct field *field)
{
	return !field->is_mixed && field->link_bits > 0 &&
	       field->write_bits >= field->link_bits;
}

/* Between fields of which one writes faster than the link. */
static bool draw_frontier(struct sk_str *out, const struct map *map)
{
	bool has_any = false;

	for (size_t y = 0; y < map->y->nr; y++)
		for (size_t x = 0; x < map->x->nr; x++) {
			bool here = is_beyond(field_at(map, x, y));
			double left = LEFT + FIELD_W * (double)x;
			double top = TOP + FIELD_H * (double)y;

			if (x > 0 && here != is_beyond(field_at(map, x - 1, y))) {
				sk_svg_line(out, left, top, left, top + FIELD_H,
					    "outage");
				has_any = true;
			}
			if (y > 0 && here != is_beyond(field_at(map, x, y - 1))) {
				sk_svg_line(out, left, top, left + FIELD_W, top,
					    "outage");
				has_any = true;
			}
		}
	return has_any;
}

static bool draw(struct sk_str *out, const struct map *map)
{
	double width = LEFT + FIELD_W * (double)map->x->nr + 12;
	char buffer[SK_FORMAT_SIZE];
	bool has_frontier;

	sk_svg_open(out, fmax(width, 1000), TOP + FIELD_H * (double)map->y->nr + 8,
		    "Where pre-copy converges");
	sk_svg_text(out, LEFT - 10, TOP - 10, "end", "tick", "%s / %s",
		    sk_factors[map->y->factor].title, sk_factors[map->x->factor].title);
	for (size_t x = 0; x < map->x->nr; x++)
		sk_svg_text(out, LEFT + FIELD_W * ((double)x + 0.5), TOP - 10, "middle",
			    "bar-name", "%s",
			    sk_factor_text(map->store->experiment, map->x->factor,
					   map->x->levels[x], buffer));
	for (size_t y = 0; y < map->y->nr; y++) {
		sk_svg_text(out, LEFT - 10, TOP + FIELD_H * ((double)y + 0.5) + 5, "end",
			    "bar-name", "%s",
			    sk_factor_text(map->store->experiment, map->y->factor,
					   map->y->levels[y], buffer));
		for (size_t x = 0; x < map->x->nr; x++)
			draw_field(out, map, x, y);
	}
	has_frontier = draw_frontier(out, map);
	sk_svg_close(out);
	return has_frontier;
}

static void add_table(struct sk_str *out, const struct map *map)
{
	static const char *const headings[] = {"settings",   "",	">runs",
					       ">converged", ">passes", "verdict",
					       "model",	     NULL};

	sk_html_table(out, headings);
	for (size_t y = 0; y < map->y->nr; y++)
		for (size_t x = 0; x < map->x->nr; x++) {
			const struct field *f = field_at(map, x, y);
			char across[96], down[96], runs[24], converged[24],
				passes[24] = "n/a";

			describe(map, map->x, x, across, sizeof(across));
			describe(map, map->y, y, down, sizeof(down));
			(void)snprintf(runs, sizeof(runs), "%zu", f->runs);
			(void)snprintf(converged, sizeof(converged), "%zu", f->converged);
			if (f->converged)
				(void)snprintf(passes, sizeof(passes), "%.3g",
					       f->passes / (double)f->converged);
			sk_html_row(out, headings,
				    (const char *[]){
					    across, down, runs, converged, passes,
					    verdict_of(f),
					    f->is_mixed		? "several rates"
					    : f->link_bits <= 0 ? "link not known"
					    : is_beyond(f) ? "writes as fast as the link"
							   : "link is faster"});
		}
	sk_html_table_end(out);
}

const char *sk_exp_map(struct sk_str *out, const struct sk_store *store)
{
	sk_autofree struct map *map = calloc(1, sizeof(*map));
	size_t runs = 0;

	if (!map) {
		out->failed = true;
		return NULL;
	}
	map->store = store;
	if (!choose_axes(store->experiment, map))
		return "it takes two factors that are numbers";
	for (size_t i = 0; i < sk_experiment_cells(store->experiment); i++)
		count_cell(map, i);
	for (size_t i = 0; i < SK_ARRAY_SIZE(map->fields); i++)
		runs += map->fields[i].runs;
	if (runs == 0)
		return "no run was to be pre-copy";
	sk_str_add(out, "<section>\n");
	sk_html_element(out, "h2", NULL, "Where pre-copy converges");
	sk_html_element(
		out, "p", "note",
		"A field is green when every run of it ended as pre-copy, red when none "
		"did. The red line is where the model expects the frontier: beyond it the "
		"guest writes at least as fast as its memory travels, and passes end only if "
		"what it writes over and over fits the downtime.");
	if (!draw(out, map))
		sk_html_element(out, "p", "note",
				"The model sees no frontier between these levels.");
	add_table(out, map);
	sk_str_add(out, "</section>\n");
	return NULL;
}
