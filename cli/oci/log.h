/* SPDX-License-Identifier: Apache-2.0 */
/* log - where --log wants errors and warnings to go */
#ifndef SK_CLI_OCI_LOG_H
#define SK_CLI_OCI_LOG_H

#include "cli/oci/oci.h"

/** sk_oci_log_init() - Take --log, --log-format, --log-level and --debug; warnings go there from now on */
void sk_oci_log_init(const struct sk_oci_globals *globals);

/** sk_oci_log_error() - An error: callers read the last line of the log to explain a failure */
void sk_oci_log_error(const struct sk_cmd_globals *globals, const struct sk_err *err);

#endif
