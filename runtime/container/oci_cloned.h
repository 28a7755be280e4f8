/* SPDX-License-Identifier: Apache-2.0 */
/* oci_cloned - what an OCI container gets from outside once its first process is there, before it mounts anything */
#ifndef SK_OCI_CLONED_H
#define SK_OCI_CLONED_H

#include <stdbool.h>

#include "lib/err.h"
#include "runtime/container/state.h"
#include "runtime/spec/spec.h"

/** struct sk_oci_cloned - What sk_oci_on_cloned() needs; all borrowed */
struct sk_oci_cloned {
	struct sk_state *state;
	const struct sk_spec *spec;
	bool shall_record; /* the process is all there is for delete to find */
};

/** sk_oci_on_cloned() - Record it, place it in its resctrl group, move network devices in; for struct sk_sandbox_opts */
int sk_oci_on_cloned(void *arg, pid_t pid, struct sk_err *err);

#endif
