/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp - linux.seccomp of config.json as plain memory, and the names that it may use */
#ifndef SK_SPEC_SECCOMP_H
#define SK_SPEC_SECCOMP_H

#include <stddef.h>
#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json.h"

/** enum sk_seccomp_op - How an argument is compared, as an unsigned number of 64 bits */
enum sk_seccomp_op {
	SK_SECCOMP_NE,
	SK_SECCOMP_LT,
	SK_SECCOMP_LE,
	SK_SECCOMP_EQ,
	SK_SECCOMP_GE,
	SK_SECCOMP_GT,
	SK_SECCOMP_MASKED_EQ, /* argument & value == value_two */
};

/** struct sk_seccomp_arg - A condition on one argument */
struct sk_seccomp_arg {
	unsigned int index; /* 0 to 5 */
	enum sk_seccomp_op op;
	uint64_t value, value_two;
};

/** struct sk_seccomp_rule - What happens to some calls when all conditions hold */
struct sk_seccomp_rule {
	char **names;	 /* unknown ones are skipped */
	uint32_t action; /* SECCOMP_RET_*, with its data */
	struct sk_seccomp_arg *args;
	size_t nr_args;
};

/** struct sk_spec_seccomp - A filter; between rules for one call it is "or" */
struct sk_spec_seccomp {
	uint32_t default_action; /* SECCOMP_RET_*, with its data */
	uint32_t *archs;	 /* SCMP_ARCH_* values, besides the native one */
	size_t nr_archs;
	unsigned int flags; /* SECCOMP_FILTER_FLAG_* */
	struct sk_seccomp_rule *rules;
	size_t nr_rules;
	char *listener_path; /* NULL unless a rule notifies */
	char *listener_metadata;
};

/** sk_spec_seccomp_free() - Release it and all that it holds */
void sk_spec_seccomp_free(struct sk_spec_seccomp *seccomp);
SK_DEFINE_AUTO(struct sk_spec_seccomp, sk_spec_seccomp_free)

/**
 * sk_spec_seccomp_from_json() - Read linux.seccomp
 * @object:	The object (borrowed)
 * @ret:	Free with sk_spec_seccomp_free()
 *
 * Source: OCI runtime-spec, config-linux.md, "Seccomp". Refused besides what the spec refuses:
 * SCMP_ACT_NOTIFY as the default and of write(2), which would let a container wait for its
 * listener before it exists.
 * Return: 0; -EINVAL and -ERANGE naming the member; -ENOMEM
 */
int sk_spec_seccomp_from_json(const struct sk_json *object, struct sk_spec_seccomp **ret,
			      struct sk_err *err);

/** struct sk_seccomp_name - A word of the spec and its value; lists end with a NULL name */
struct sk_seccomp_name {
	const char *name;
	uint32_t value;
};
extern const struct sk_seccomp_name sk_seccomp_actions[];   /* SECCOMP_RET_* */
extern const struct sk_seccomp_name sk_seccomp_operators[]; /* enum sk_seccomp_op */
extern const struct sk_seccomp_name sk_seccomp_archs[];	    /* SCMP_ARCH_* */
extern const struct sk_seccomp_name sk_seccomp_flags[];	    /* SECCOMP_FILTER_FLAG_* */

#endif
