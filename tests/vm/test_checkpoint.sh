#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_checkpoint - saving and restoring containers, with a kernel that Debian's criu knows
#
#   SKIFF_BUILD=DIR tests/vm/test_checkpoint.sh [KIND:NAME...]
set -euo pipefail
cd "$(dirname "$0")/../.."
[ $# -gt 0 ] || set -- it:test_oci_checkpoint it:test_oci_criu it:test_oci_pages \
	it:test_podman_checkpoint it:test_containerd_checkpoint it:test_docker_checkpoint
exec tests/vm/run -t 1200 -m 3072 -- tests/vm/inside --build "${SKIFF_BUILD:-build}" "$@"
