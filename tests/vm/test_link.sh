#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_link - delay on a lab's links, where the kernel has netem
#
#   SKIFF_BUILD=DIR tests/vm/test_link.sh [KIND:NAME...]
set -euo pipefail
cd "$(dirname "$0")/../.."
[ $# -gt 0 ] || set -- unit:test_shape
exec tests/vm/run -t 300 -- tests/vm/inside --build "${SKIFF_BUILD:-build}" "$@"
