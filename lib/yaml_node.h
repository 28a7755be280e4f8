/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_node - what a struct sk_yaml holds; for lib/yaml*.c only */
#ifndef SK_YAML_NODE_H
#define SK_YAML_NODE_H

#include "lib/yaml.h"

/** struct sk_yaml_key - Key of a map and its place, from 1 */
struct sk_yaml_key {
	char *text;
	size_t line, column;
};

/**
 * struct sk_yaml - A node
 * @where:	Name of the file; the root owns it
 * @text:	Text of a scalar
 * @values:	@len elements of a list or values of a map; room for @size
 * @keys:	Keys of a map
 */
struct sk_yaml {
	enum sk_yaml_type type;
	bool owns_where;
	const char *where;
	size_t line, column;
	char *text;
	struct sk_yaml **values;
	struct sk_yaml_key *keys;
	size_t len, size;
};

#endif
