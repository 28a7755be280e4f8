/* SPDX-License-Identifier: Apache-2.0 */
/* out_value - JSON values as the text of a cell */
#ifndef SK_OUT_VALUE_H
#define SK_OUT_VALUE_H

#include <stdbool.h>

#include "cli/out.h"
#include "lib/json.h"

/**
 * sk_out_value_find() - Find a value by its path
 * @path:	"a.b"
 * @ret:	The value, NULL for null, also where a part of the path is null
 *
 * Return: false when there is no such key
 */
bool sk_out_value_find(const struct sk_json *object, const char *path,
		       const struct sk_json **ret);

/** sk_out_value_keys() - Paths of all values that are no objects, as a heap list; 0 or -ENOMEM */
int sk_out_value_keys(const struct sk_json *object, char ***ret);

/**
 * sk_out_value_text() - A value as it is: strings without quotes, others as JSON
 * @null_text:	What stands for null
 * Return: heap text, or NULL without memory
 */
char *sk_out_value_text(const struct sk_json *value, const char *null_text);

/**
 * sk_out_value_cell() - The value of a column as a table shows it
 * Return: heap text, or NULL without memory
 */
char *sk_out_value_cell(const struct sk_json *object, const struct sk_out_column *column);

#endif
