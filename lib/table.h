/* SPDX-License-Identifier: Apache-2.0 */
/* table - tables for people, from libsmartcols, loaded when first needed */
#ifndef SK_TABLE_H
#define SK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/err.h"

/** struct sk_table_column - Heading and behaviour of a column */
struct sk_table_column {
	const char *heading;
	bool right;    /* align right, for numbers */
	bool truncate; /* may be cut when the terminal is narrow */
};

/**
 * sk_table_print() - Print rows under headings
 * @columns:	@nr_columns of them
 * @cells:	@nr_rows * @nr_columns texts, row by row; NULL is empty; control characters come out escaped
 * @out:	Where to; fitted to the width if it is a terminal, else full width
 *
 * Loads libsmartcols on its first call; without it columns are padded plainly.
 * Return: 0 or -errno
 */
int sk_table_print(FILE *out, const struct sk_table_column *columns, size_t nr_columns,
		   const char *const *cells, size_t nr_rows, struct sk_err *err);

/**
 * sk_table_library() - Load the library of tables, for lib/table.c
 *
 * A program that defines this function itself and returns NULL gets plain tables, and needs
 * no dynamic loader.
 * Return: handle of dlopen(3), or NULL
 */
void *sk_table_library(void);

#endif
