/* SPDX-License-Identifier: Apache-2.0 */
/* opt - options of commands as tables: one table feeds parsing, --help, completion and man checks */
#ifndef SK_OPT_H
#define SK_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

/**
 * enum sk_opt_kind - How an option's text becomes a member of the option struct
 *
 * Numbers keep the value of the command's .defaults when the option is not given; use
 * SK_OPT_UNSET there where 0 is a value that a user may type. The forms are lib/parse.h's.
 */
enum sk_opt_kind {
	SK_OPT_FLAG, /* bool: "--rm" sets true; "--rm=false" is taken too */
	SK_OPT_STR,  /* const char *, into argv; the last one given counts */
	SK_OPT_STRV, /* char **, heap list in order given; released by the framework */
	SK_OPT_CHOICE, /* const char *, one of the words of .metavar: "pre-copy|post-copy" */
	SK_OPT_FORMAT,	 /* const char *, a --format that sk_out_list() takes */
	SK_OPT_U64,	 /* uint64_t, a decimal number */
	SK_OPT_SIZE,	 /* uint64_t, bytes: "64m" */
	SK_OPT_RATE,	 /* uint64_t, bits per second: "100mbit" */
	SK_OPT_DURATION, /* uint64_t, ns: "10s" */
	SK_OPT_CPUS,	 /* uint64_t, thousandths of a CPU: "1.5" */
};

#define SK_OPT_UNSET UINT64_MAX

/**
 * struct sk_opt - One option
 * @short_name:	Letter, or 0
 * @name:	Long name without dashes; NULL ends the table
 * @metavar:	Placeholder of the value in help ("SIZE"), the words of a choice, NULL for flags
 * @help:	One line: lower case, no full stop
 * @kind:	How the text is read
 * @offset:	offsetof() the member in the command's option struct
 */
struct sk_opt {
	char short_name;
	const char *name;
	const char *metavar;
	const char *help;
	enum sk_opt_kind kind;
	size_t offset;
};

#define SK_OPT_END                                                                       \
	{                                                                                \
		.name = NULL                                                             \
	}

/** SK_OPT_FORMAT_ROW() - The --format option of a command that lists or shows */
#define SK_OPT_FORMAT_ROW(type, member)                                                  \
	{                                                                                \
		0, "format", "FORMAT",                                                   \
			"table, json, jsonl, csv, or a text with {{.key}}",              \
			SK_OPT_FORMAT, offsetof(type, member)                            \
	}

/** SK_OPT_QUIET_ROW() - The --quiet option of a command that lists; see sk_cmd_list_format() */
#define SK_OPT_QUIET_ROW(type, member)                                                   \
	{                                                                                \
		'q', "quiet", NULL, "print names only", SK_OPT_FLAG,                     \
			offsetof(type, member)                                           \
	}

/*
 * How the words of a command line are read, as bits. skiff takes the plain form alone: an
 * abbreviation could mean another option one day. A program that takes the place of others
 * takes what their parsers took.
 */
#define SK_OPT_FIRST	   1u /* options end at the first argument: the rest is foreign */
#define SK_OPT_SINGLE_DASH 2u /* "-name" too, as Go's callers write it */
#define SK_OPT_ABBREVIATED                                                               \
	4u /* a beginning that only one long name has, as getopt_long() does */
#define SK_OPT_V_IS_VERSION 8u /* "-v" is --version in a table without this letter */

/**
 * struct sk_opt_result - What a parse found besides the options' values
 * @wants_help:	-h or --help was given; nothing behind it was read
 * @wants_version: --version was given and the table has no option of this name
 * @first_arg:	Index in argv of the first argument that is no option
 */
struct sk_opt_result {
	bool wants_help;
	bool wants_version;
	int first_arg;
};

/**
 * sk_opt_parse() - Read the options of a command line
 * @opts:	Table; may be NULL for a command without options
 * @object:	Option struct to fill (NULL only with an empty table)
 * @argc:	Number of @argv
 * @argv:	argv[0] is skipped; options are moved before the arguments
 * @style:	SK_OPT_FIRST and its like, or 0
 * @ret:	What else was found
 *
 * "--" ends the options. On failure lists may hold values:
 * release them with sk_opt_finish() in any case.
 * Return: 0; -EINVAL, the text naming the option and, for a typing error, the nearest one;
 * -ERANGE; -ENOMEM
 */
int sk_opt_parse(const struct sk_opt *opts, void *object, int argc, char **argv,
		 unsigned int style, struct sk_opt_result *ret, struct sk_err *err);

/** sk_opt_finish() - Release the lists of an option struct */
void sk_opt_finish(const struct sk_opt *opts, void *object);

/** sk_opt_find() - Row of the option with this long name, or NULL */
const struct sk_opt *sk_opt_find(const struct sk_opt *opts, const char *name);

#endif
