/* SPDX-License-Identifier: Apache-2.0 */
/* caps - the capabilities that a container keeps; the only module that sees libcap
 *
 *	parent:	sk_caps_default(&caps);
 *	child:	sk_caps_drop_bounding(&caps, err);	// needs CAP_SETPCAP: before the uid changes
 *		sk_caps_keep(true, err);		// else a change away from uid 0 clears all
 *		setgroups(); setresgid(); setresuid();
 *		sk_caps_apply(&caps, err);		// sets, ambient, keepcaps off again
 *		... no-new-privileges, seccomp, exec
 *
 * Without a change of uid sk_caps_apply() alone does everything. A program that is executed
 * as uid 0 gets its permitted set from bounding again (the kernel's root rule), so bounding
 * is what limits root; as another uid it gets the ambient set.
 */
#ifndef SK_CAPS_H
#define SK_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

/** struct sk_caps - Five sets; bit n is capability n of linux/capability.h */
struct sk_caps {
	uint64_t bounding, effective, permitted, inheritable, ambient;
};

/**
 * sk_caps_default() - The nine capabilities of `skiff run`
 * @ret:	bounding, effective and permitted filled; inheritable and ambient empty (CVE-2022-27650)
 *
 * CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETGID SETPCAP SETUID: what package
 * managers and servers that give up root need. Against podman's set SYS_CHROOT and SETFCAP
 * are missing (no daemon needs them to start; dpkg falls back to setuid bits), against
 * docker's also NET_RAW, MKNOD and AUDIT_WRITE.
 */
void sk_caps_default(struct sk_caps *ret);

/**
 * sk_caps_full() - All that the caller could hand on: its own bounding set up to the kernel's last one
 * @ret:	bounding, effective and permitted filled; inheritable and ambient empty
 */
void sk_caps_full(struct sk_caps *ret);

/**
 * sk_caps_by_name() - Bit of a capability
 * @name:	"CAP_CHOWN", "chown", or "ALL" for every one that this kernel knows
 * @ret_mask:	The bit, or all of them
 *
 * Return: 0; -EINVAL when there is no such name
 */
int sk_caps_by_name(const char *name, uint64_t *ret_mask);

#define SK_CAPS_NAME_SIZE 40
/** sk_caps_name() - "CAP_CHOWN" for 0 and so on, for all that have a name; else NULL */
const char *sk_caps_name(unsigned int capability, char buf[SK_CAPS_NAME_SIZE]);
/** sk_caps_lowest() - The lowest of a set that is not empty, for people: "CAP_CHOWN", or "capability 41" where it has no name */
const char *sk_caps_lowest(uint64_t mask, char buf[SK_CAPS_NAME_SIZE]);

/** sk_caps_held() - The caller's permitted set */
uint64_t sk_caps_held(void);

/** sk_caps_last() - Number of the last capability that this kernel knows */
unsigned int sk_caps_last(void);

/*
 * For the child between clone and exec: no heap, no libcap. A capability in a set that the
 * caller does not hold is an error that names it, never silence.
 */

/** sk_caps_drop_bounding() - Take what is not in caps->bounding out of the bounding set; 0 or -errno */
int sk_caps_drop_bounding(const struct sk_caps *caps, struct sk_err *err);
/** sk_caps_keep() - Keep (or not) the permitted set through a change of uid; 0 or -errno */
int sk_caps_keep(bool keep, struct sk_err *err);
/**
 * sk_caps_apply() - Make the caller's other four sets be these
 *
 * Clears ambient, sets effective, permitted and inheritable, raises ambient (each bit of it
 * must be permitted and inheritable), ends sk_caps_keep(). sk_caps_drop_bounding() comes
 * before it, and before a change of user, which takes the power to do so. May be called twice.
 * Return: 0; -EPERM naming the capability that the caller lacks; other -errno
 */
int sk_caps_apply(const struct sk_caps *caps, struct sk_err *err);

#endif
