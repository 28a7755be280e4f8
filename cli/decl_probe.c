// SPDX-License-Identifier: Apache-2.0
/* decl_probe - table of probe-serve, which skiff runs by skiff-probe */
#include "cli/decl_probe.h"

const struct sk_cmd sk_cmd_probe_serve = {
	.name = "probe-serve",
	.summary = "probe for a skiff on another machine, which runs this by ssh",
	.usage = "",
	.is_hidden = true,
	.program = "skiff-probe",
	.run = sk_run_probe_serve,
};
