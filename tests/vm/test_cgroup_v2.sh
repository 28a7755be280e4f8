#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_cgroup_v2 - cgroups, containers and limits on pure cgroup v2 and Debian's own kernel
#
#   SKIFF_BUILD=DIR tests/vm/test_cgroup_v2.sh [KIND:NAME...]
set -euo pipefail
cd "$(dirname "$0")/../.."
[ $# -gt 0 ] || set -- unit:test_cgroup unit:test_cgroup_stats unit:test_resources \
	unit:test_devices it:test_run it:test_limits it:test_container it:test_slice
exec tests/vm/run -t 900 -m 3072 -- tests/vm/inside --build "${SKIFF_BUILD:-build}" "$@"
