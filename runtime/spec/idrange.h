/* SPDX-License-Identifier: Apache-2.0 */
/* idrange - which ids of the host a container's user namespace gets */
#ifndef SK_IDRANGE_H
#define SK_IDRANGE_H

#include "lib/err.h"
#include "runtime/spec/spec.h"

/** First id of the ranges that root hands out where /etc/subuid has none for root */
#define SK_IDRANGE_BASE 0x70000000u
/** Ids of one container */
#define SK_IDRANGE_SIZE 65536u
/** Ranges above the base */
#define SK_IDRANGE_SLOTS 4096u

/**
 * sk_idrange_find() - First range of a user in a file like /etc/subuid
 * @text:	Content of the file (borrowed)
 * @name:	User name, or NULL
 * @uid:	Its number, which the file may use instead of the name
 * @ret:	outside and size filled
 *
 * Source: subuid(5). Lines that do not parse are passed over, as newuidmap does.
 * Return: 0; -ENOENT when it has none
 */
int sk_idrange_find(const char *text, const char *name, uid_t uid,
		    struct sk_spec_idmap *ret);

/**
 * sk_idrange_slot() - Range of a container under root: 0 of it is SK_IDRANGE_BASE plus a
 *		       multiple of 65536 that follows from the id, so that a restart has the same
 * @id:		Container id
 * @parent:	Range of root in /etc/subuid, which is divided instead; size 0: the fixed base
 * @ret:	One line that maps 0 to 65535
 *
 * The ids only matter while it runs: layers and volumes are idmapped, so files on disk keep
 * the owners that they have outside. Two containers whose names fall into the same slot
 * share a range, as all containers of other engines do; namespaces still keep them apart.
 */
void sk_idrange_slot(const char *id, const struct sk_spec_idmap *parent,
		     struct sk_spec_idmap *ret);

/** sk_idrange_fill() - Fill the spec's id maps: as root by slot, rootless from /etc/subuid, else one id */
void sk_idrange_fill(struct sk_spec *spec, const char *id, bool is_rootless);

/**
 * sk_idrange_adapt() - Make what an ordinary user asks for possible
 * @spec:	Of a config.json; gets a user namespace where it has none, its ids where it maps
 *		none, and the helpers newuidmap and newgidmap for more than one id
 * @id:		Container id
 *
 * Root's is left alone.
 */
void sk_idrange_adapt(struct sk_spec *spec, const char *id);

#endif
