/* SPDX-License-Identifier: Apache-2.0 */
/* yaml - YAML read into C structs by a table of fields, with file:line:column in errors */
#ifndef SK_YAML_H
#define SK_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/err.h"

/* Limits: 1 MiB, 64 levels, 100,000 nodes; anchors and aliases, tags and several documents are refused. */

/** struct sk_yaml - A node of a YAML document */
struct sk_yaml;

enum sk_yaml_type { SK_YAML_SCALAR, SK_YAML_LIST, SK_YAML_MAP };

/** sk_yaml_parse() - Read a document; @where is the file's name for errors. Free with sk_yaml_free() */
int sk_yaml_parse(const char *text, size_t len, const char *where, struct sk_yaml **ret,
		  struct sk_err *err);
/** sk_yaml_load() - Read a file, or standard input for "-" */
int sk_yaml_load(const char *path, struct sk_yaml **ret, struct sk_err *err);
/** sk_yaml_free() - Release a document; its nodes and their texts go with it. NULL is fine */
void sk_yaml_free(struct sk_yaml *root);
SK_DEFINE_AUTO(struct sk_yaml, sk_yaml_free)

/** sk_yaml_type() - Type of a node */
enum sk_yaml_type sk_yaml_type(const struct sk_yaml *node);
/** sk_yaml_len() - Elements of a list or pairs of a map */
size_t sk_yaml_len(const struct sk_yaml *node);
/** sk_yaml_at() - Element of a list, or value of the index-th pair of a map */
const struct sk_yaml *sk_yaml_at(const struct sk_yaml *node, size_t index);
/** sk_yaml_key() - Key of the index-th pair of a map */
const char *sk_yaml_key(const struct sk_yaml *map, size_t index);
/** sk_yaml_get() - Value of a key, or NULL */
const struct sk_yaml *sk_yaml_get(const struct sk_yaml *map, const char *key);
/** sk_yaml_text() - Text of a scalar, or NULL */
const char *sk_yaml_text(const struct sk_yaml *node);
/** sk_yaml_err() - Record an error at a node: "lab.yaml:3:12: TEXT"; returns -@code */
int sk_yaml_err(struct sk_err *err, const struct sk_yaml *node, int code, const char *fmt,
		...) __attribute__((format(printf, 4, 5)));

/** enum sk_yaml_kind - How a field's text becomes a member; see lib/parse.h for the forms. Numbers are more than 0 */
enum sk_yaml_kind {
	SK_YAML_STR,  /* char *, heap */
	SK_YAML_STRV, /* char **, from a list of scalars; a single scalar is one string */
	SK_YAML_BOOL, /* bool */
	SK_YAML_U64,  /* uint64_t, at most .max unless that is 0 */
	SK_YAML_SIZE, /* uint64_t, bytes */
	SK_YAML_RATE, /* uint64_t, bits per second */
	SK_YAML_DURATION, /* uint64_t, ns */
	SK_YAML_CPUS,	  /* uint64_t, thousandths of a CPU */
	SK_YAML_NODE,	  /* const struct sk_yaml *, for the caller to bind further */
};

/** struct sk_yaml_field - One key of a map */
struct sk_yaml_field {
	const char *key;
	enum sk_yaml_kind kind;
	size_t offset; /* offsetof() the member */
	bool required;
	uint64_t max;
};

/**
 * sk_yaml_bind() - Fill a struct from a map
 * @map:	Node that must be a map
 * @fields:	Table that ends with an entry whose key is NULL (borrowed)
 * @object:	The struct; members without a key in the map stay untouched. On failure members
 *		may be filled in part: the caller's finish function releases them
 *
 * Unknown keys are errors, with "did you mean" where one is near; duplicate keys too.
 */
int sk_yaml_bind(const struct sk_yaml *map, const struct sk_yaml_field *fields,
		 void *object, struct sk_err *err);

#endif
