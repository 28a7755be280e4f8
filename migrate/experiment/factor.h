/* SPDX-License-Identifier: Apache-2.0 */
/* factor - what can be set of a run: names and forms of its levels */
#ifndef SK_FACTOR_H
#define SK_FACTOR_H

#include "lib/json.h"
#include "lib/parse.h"
#include "lib/yaml.h"
#include "migrate/experiment/experiment.h"
#include "migrate/migrate.h"

/** enum sk_factor_kind - Form of a level */
enum sk_factor_kind {
	SK_LEVEL_CHOICE, /* of .choice */
	SK_LEVEL_SIZE,
	SK_LEVEL_RATE,
	SK_LEVEL_COUNT,
	SK_LEVEL_DURATION, /* ns */
	SK_LEVEL_SHARE,	   /* of a million, written in percent */
	SK_LEVEL_FLAG,
	SK_LEVEL_TEXT, /* of a server: place in the experiment's texts, from 1 */
	SK_LEVEL_LOAD, /* place in the experiment's loads, from 1 */
};

/** struct sk_choice - The words of a SK_LEVEL_CHOICE */
struct sk_choice {
	unsigned int nr;
	const char *(*name)(unsigned int level);
	int (*parse)(const char *text, uint64_t *ret, struct sk_err *err);
};

/** struct sk_factor_info - One factor; the table is in order of enum sk_factor */
struct sk_factor_info {
	const char *key, *title;
	enum sk_factor_kind kind;
	uint64_t fallback, min, max;
	const char *zero; /* word for level 0, which may be below .min; NULL: no word */
	const struct sk_choice *choice;
	bool needs_lab;	  /* a guest elsewhere has what it has */
	bool needs_guest; /* a skiff-guest must answer */
	bool is_load;	  /* of the guest or its clients: a load may set it */
	bool is_plain;	  /* its level says it all, without the title */
};
extern const struct sk_factor_info sk_factors[SK_FACTOR_NR];

/** sk_factor_find() - The factor that a key of the file names; -EINVAL with the nearest */
int sk_factor_find(const char *key, enum sk_factor *ret, struct sk_err *err);
/**
 * sk_factor_read() - A level from its text; errors without position
 * @experiment:	Keeps texts; its loads must be there
 */
int sk_factor_read(struct sk_experiment *experiment, enum sk_factor factor,
		   const char *text, uint64_t *ret, struct sk_err *err);
/**
 * sk_factor_text() - A level for people and for records: "post-copy", "32 MiB", "256 Mbit/s"
 * Return: @buf, or a text that lives as long as @experiment
 */
const char *sk_factor_text(const struct sk_experiment *experiment, enum sk_factor factor,
			   uint64_t level, char buf[SK_FORMAT_SIZE]);
/** sk_factor_schema() - Schema of a level */
struct sk_json *sk_factor_schema(enum sk_factor factor);
/** sk_cell_json() - All levels of a cell: words as text, flags as true or false, else numbers */
struct sk_json *sk_cell_json(const struct sk_experiment *experiment,
			     const struct sk_cell *cell);
/** sk_cell_server() - The guest's service in a cell, for sk_server_parse(); heap, NULL without memory */
char *sk_cell_server(const struct sk_experiment *experiment, const struct sk_cell *cell);
/** sk_cell_migration() - What a cell says of its migration, and the file; the ends are the caller's */
struct sk_migrate_opts sk_cell_migration(const struct sk_experiment *experiment,
					 const struct sk_cell *cell);
/** sk_cell_lab() - The lab of a cell, without a name; @server as of sk_cell_server() */
struct sk_lab_opts sk_cell_lab(const struct sk_cell *cell, const char *server);
/**
 * sk_cell_check() - Whether the levels of a cell go together, as its run would find
 * Return: 0; -EINVAL, -ERANGE, -ENOTSUP as sk_plan_settle() and sk_lab_check(); -ENOTSUP for TLS in
 * a lab
 */
int sk_cell_check(const struct sk_experiment *experiment, const struct sk_cell *cell,
		  struct sk_err *err);
/** sk_cell_equal() - Whether two cells, maybe of two experiments, set the same */
bool sk_cell_equal(const struct sk_experiment *a, const struct sk_cell *cell_a,
		   const struct sk_experiment *b, const struct sk_cell *cell_b);

#endif
