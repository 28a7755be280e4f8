/* SPDX-License-Identifier: Apache-2.0 */
/* out - what users see: lists and objects in the format they ask for, and errors
 *
 *	static const struct sk_out_column columns[] = {
 *		{"NAME", "name", SK_OUT_TEXT},
 *		{"MEMORY", "memory.used_bytes", SK_OUT_SIZE},
 *		{NULL},
 *	};
 *	r = sk_out_list(opts->format, columns, array, err);
 *
 * The JSON is the data, the table a view of it: keys have the same names in every format.
 */
#ifndef SK_OUT_H
#define SK_OUT_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/err.h"
#include "lib/json.h"

/** enum sk_out_kind - How a table shows a value; json, jsonl, csv and {{.key}} show it as it is */
enum sk_out_kind {
	SK_OUT_TEXT, /* text as it is; numbers too, aligned right; lists joined with "," */
	SK_OUT_CUT, /* text cut to 60 characters, and more on a narrow terminal; lists joined with blanks */
	SK_OUT_SIZE,	 /* bytes: "64 MiB" */
	SK_OUT_RATE,	 /* bits per second: "100 Mbit/s" */
	SK_OUT_DURATION, /* ns: "1.4 s" */
	SK_OUT_MS,	 /* milliseconds, may be fractional: "61 ms" */
	SK_OUT_AGE,	 /* RFC 3339 time: "3 min ago", "in 40 min" */
};

/**
 * struct sk_out_column - One column of a list, or one line of a shown object
 * @heading:	Heading in the table; NULL ends the array
 * @key:	Path of the value: "memory.used_bytes". Missing and null values show as "-"
 * @kind:	How the table shows it
 */
struct sk_out_column {
	const char *heading;
	const char *key;
	enum sk_out_kind kind;
};

/**
 * sk_out_check_format() - Check the text of a --format option
 * Return: 0; -EINVAL with the nearest word
 */
int sk_out_check_format(const char *format, struct sk_err *err);

/**
 * sk_out_list() - Print a list of objects to stdout
 * @format:	table|json|jsonl|csv or a text with {{.key}} (one line each; "\t" and "\n" are
 *		read as in C; {{json .}} and {{json .key}} print JSON); NULL means table
 * @columns:	For table and csv, ended by a NULL heading
 * @array:	Objects (borrowed). NULL or an empty array prints "[]", or a table's headings
 *
 * Return: 0; -EINVAL for a key that no object has; -ENOMEM; -EIO and others from writing
 */
int sk_out_list(const char *format, const struct sk_out_column *columns,
		const struct sk_json *array, struct sk_err *err);

/**
 * sk_out_object() - Print one object to stdout
 * @format:	As for sk_out_list(); "json" prints the object, table a line per column
 * @columns:	For table and csv; NULL: every key, nested ones as "a.b"
 */
int sk_out_object(const char *format, const struct sk_out_column *columns,
		  const struct sk_json *object, struct sk_err *err);

/** sk_out_flush() - Write what stdout still holds; 0 or -errno: a full disk is an error */
int sk_out_flush(struct sk_err *err);

/**
 * sk_out_error() - Print "PROGRAM: MSG" and "hint: HINT" to stderr in one write
 * @program:	"skiff" (borrowed)
 * @err:	Error with code != 0 (borrowed); control characters come out escaped
 */
void sk_out_error(const char *program, const struct sk_err *err);

#endif
