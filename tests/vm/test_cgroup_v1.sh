#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_cgroup_v1 - skiff-oci where there is no cgroup v2 at all
#
#   SKIFF_BUILD=DIR tests/vm/test_cgroup_v1.sh [KIND:NAME...]
set -euo pipefail
cd "$(dirname "$0")/../.."
[ $# -gt 0 ] || set -- it:test_oci_cgroup it:test_oci_user it:test_oci_resources
exec tests/vm/run -g v1 -t 600 -m 3072 -- tests/vm/inside --build "${SKIFF_BUILD:-build}" "$@"
