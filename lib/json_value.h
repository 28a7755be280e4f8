/* SPDX-License-Identifier: Apache-2.0 */
/* json_value - what the json modules share: how a struct sk_json is a json-c value; for lib/json*.c only */
#ifndef SK_JSON_VALUE_H
#define SK_JSON_VALUE_H

#include <json-c/json_object.h>

#include "lib/json.h"

/*
 * A struct sk_json pointer is a json-c pointer, NULL being JSON's null as in json-c, or
 * the address of one of two marks:
 */
struct sk_json {
	char unused;
};
/** sk_json_failed - What a constructor returns without memory: adding it marks the parent */
extern struct sk_json sk_json_failed;
/** sk_json_null_member - What sk_json_each() returns for a null member, as NULL is the end */
extern struct sk_json sk_json_null_member;

/** sk_json_to_c() - The json-c value; NULL for null and for both marks */
static inline struct json_object *sk_json_to_c(const struct sk_json *value)
{
	if (value == &sk_json_failed || value == &sk_json_null_member)
		return NULL;
	return (struct json_object *)value;
}

#endif
