/* SPDX-License-Identifier: Apache-2.0 */
/* factor - what can be set of a run: names, forms, and what cannot be set */
#ifndef SK_FACTOR_H
#define SK_FACTOR_H

#include "lib/json.h"
#include "lib/parse.h"
#include "lib/yaml.h"
#include "migrate/experiment/experiment.h"

/** enum sk_factor_kind - Form of a level */
enum sk_factor_kind {
	SK_LEVEL_MODE,
	SK_LEVEL_SIZE,
	SK_LEVEL_RATE, /* or "none" */
	SK_LEVEL_COUNT,
};

/** struct sk_factor_info - One factor; the table is in order of enum sk_factor */
struct sk_factor_info {
	const char *key, *title;
	enum sk_factor_kind kind;
	uint64_t fallback, min, max;
	bool needs_lab;	  /* a guest elsewhere has what it has */
	bool needs_guest; /* a skiff-guest must answer */
};
extern const struct sk_factor_info sk_factors[SK_FACTOR_NR];

/**
 * sk_factor_find() - The factor that a key of the file names
 * Return: 0; -ENOTSUP for one that exists but cannot be set; -EINVAL with the nearest
 */
int sk_factor_find(const char *key, enum sk_factor *ret, struct sk_err *err);
/** sk_factor_read() - A level from its text; errors without position */
int sk_factor_read(enum sk_factor factor, const char *text, uint64_t *ret,
		   struct sk_err *err);
/** sk_factor_text() - A level for people and for records: "post-copy", "32 MiB", "256 Mbit/s"; returns @buf */
const char *sk_factor_text(enum sk_factor factor, uint64_t level,
			   char buf[SK_FORMAT_SIZE]);
/** sk_factor_schema() - Schema of a level */
struct sk_json *sk_factor_schema(enum sk_factor factor);
/** sk_cell_json() - All levels of a cell: text for a mode, else numbers */
struct sk_json *sk_cell_json(const struct sk_cell *cell);

#endif
