/* SPDX-License-Identifier: Apache-2.0 */
/* oci_life - what create, run and restore share; for runtime/container/ only */
#ifndef SK_OCI_LIFE_H
#define SK_OCI_LIFE_H

#include "runtime/container/attach.h"
#include "runtime/container/handle.h"
#include "runtime/spec/spec.h"

/** struct sk_oci_bundle - A bundle that was read; zeroed before sk_oci_begin() */
struct sk_oci_bundle {
	char *path; /* absolute, without links */
	char *text; /* of its config.json */
	size_t len;
	struct sk_spec *spec; /* checked */
};

/** sk_oci_bundle_finish() - Release what it holds */
void sk_oci_bundle_finish(struct sk_oci_bundle *bundle);
SK_DEFINE_AUTO_FINISH(struct sk_oci_bundle, sk_oci_bundle_finish)

/**
 * sk_oci_begin() - Read a bundle and write the record of its container; nothing else is made
 * @opts:	Unless detached, the caller attends to the container's terminal
 * @bundle:	Filled, also on failure: finish it
 * @ret:	With its group described and its record locked; sk_container_free() removes it
 *
 * Return: 0; -EINVAL; -EEXIST when the id is taken; other -errno
 */
int sk_oci_begin(const struct sk_home *home, const char *id,
		 const struct sk_oci_opts *opts, struct sk_oci_bundle *bundle,
		 struct sk_container **ret, struct sk_err *err);

/** sk_oci_release() - Let go of a container (taken) that goes on without this process */
void sk_oci_release(struct sk_container *ctr);

/**
 * sk_oci_give_up() - Kill and remove a container whose start has failed; its record is locked
 *
 * The poststop hooks are run, once nothing else is left of it. Source: OCI runtime-spec,
 * runtime.md, "Lifecycle". What cannot be removed is a warning, and waits for delete.
 */
void sk_oci_give_up(struct sk_container *ctr);

/**
 * sk_oci_stay() - Attend to a container in the foreground until it has ended, and clean up
 * @attach:	From sk_attach_init(), before the container was made
 * @ret_status:	0 to 255, 128 + signal
 */
int sk_oci_stay(struct sk_attach *attach, struct sk_container *ctr,
		const struct sk_oci_opts *opts, int *ret_status, struct sk_err *err);

#endif
