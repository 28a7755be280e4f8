#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_systemd - groups that systemd makes: by the machine's for root, by a user's own for a user
#
#   SKIFF_BUILD=DIR tests/vm/test_systemd.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${SKIFF_BUILD:-build}
exec tests/vm/run -g systemd -t 600 -m 3072 -- bash -c '
	set -eu
	bad=0
	tests/run --build '"$build"' unit test_systemd || bad=1
	for name in '"${SKIFF_VM_IT:-test_oci_cgroup}"'; do
		tests/run --build '"$build"' it "$name" || bad=1
	done
	useradd -M -u 4321 skiff-vm
	install -d -m 700 -o skiff-vm /run/user/4321
	systemctl start skiff-user@skiff-vm
	export XDG_RUNTIME_DIR=/run/user/4321
	# from a group of root, as a login session is one: only systemd may move processes out of it
	bundle=/srv/skiff-vm
	as_user() { setpriv --reuid 4321 --regid 4321 --clear-groups "$@"; }
	# copies: the build folder may be in a home that nobody else can enter
	mkdir -p $bundle/rootfs/bin
	cp '"$build"'/bin/skiff-oci '"$build"'/tests/unit/runtime/test_systemd $bundle
	(cd / && as_user $bundle/test_systemd) || bad=1
	# a whole container of the user: its limit holds, and its scope goes with it
	cp /bin/busybox $bundle/rootfs/bin
	ln -s busybox $bundle/rootfs/bin/sh
	chown -R skiff-vm $bundle
	as_user $bundle/skiff-oci spec --rootless -b $bundle
	jq ".process.terminal = false | .linux.resources.pids.limit = 2 |
		.linux.cgroupsPath = \"app.slice:skiff:u1\" | .process.args = [\"sh\", \"-c\",
		\"busybox cat /proc/self/cgroup; busybox sleep 1 & busybox sleep 1 & wait\"]" \
		$bundle/config.json > $bundle/new
	as_user cp $bundle/new $bundle/config.json
	status=0
	as_user $bundle/skiff-oci --systemd-cgroup run -b $bundle u1 > $bundle/out 2>&1 || status=$?
	cat $bundle/out
	[ $status = 2 ] && grep -q "t fork" $bundle/out || { echo "FAILED limit of a user: $status"; bad=1; }
	! find /sys/fs/cgroup -name "skiff-u1*" | grep . || { echo "FAILED scope of a user is left"; bad=1; }
	exit $bad'
