/* SPDX-License-Identifier: Apache-2.0 */
/* oci_self - what sk_oci_protect_self() leaves to be done; for runtime/container/ only */
#ifndef SK_OCI_SELF_H
#define SK_OCI_SELF_H

/**
 * sk_oci_release_self() - Close the descriptor of the mount that this program was executed from
 *
 * To be called once, when the container's process has executed its command; otherwise the end of
 * this process closes it. May wait for a grace period of the kernel. Not called, and when there
 * is none, nothing is lost but time.
 */
void sk_oci_release_self(void);

#endif
