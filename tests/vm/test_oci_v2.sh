#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_oci_v2 - skiff-oci on pure cgroup v2 and Debian's own kernel, as root and as a user
#
#   SKIFF_BUILD=DIR tests/vm/test_oci_v2.sh [KIND:NAME...]
set -euo pipefail
cd "$(dirname "$0")/../.."
[ $# -gt 0 ] || set -- it:test_oci it:test_oci_exec it:test_oci_cgroup it:test_oci_user \
	it:test_oci_resources it:test_oci_mounts_user it:test_oci_process
exec tests/vm/run -t 900 -m 3072 -- tests/vm/inside --build "${SKIFF_BUILD:-build}" "$@"
