#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_cgroup_v2 - cgroups, containers and limits on pure cgroup v2 and Debian's own kernel
#
#   SKIFF_BUILD=DIR tests/vm/test_cgroup_v2.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${SKIFF_BUILD:-build}
exec tests/vm/run -t 900 -m 3072 -- bash -c '
	set -eu
	grep -q " /sys/fs/cgroup cgroup2 " /proc/mounts
	bad=0
	# Debian 12 cannot idmap tmpfs and overlayfs, which are all that the VM has.
	modprobe loop
	truncate -s 1G /run/disk && mkfs.ext4 -q /run/disk
	mkdir -p /srv/skiff-it && mount -o loop /run/disk /srv/skiff-it
	export SKIFF_IT_DIR=/srv/skiff-it
	export SKIFF_SLOWNESS=20 # every instruction is emulated
	for name in '"${SKIFF_VM_UNIT:-test_cgroup test_cgroup_stats test_resources test_devices}"'; do
		tests/run --build '"$build"' unit "$name" || bad=1
	done
	for name in '"${SKIFF_VM_IT:-test_run test_limits test_container test_slice test_oci_resources}"'; do
		tests/run --build '"$build"' it "$name" || bad=1
	done
	exit $bad'
