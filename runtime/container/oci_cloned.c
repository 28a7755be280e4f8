// SPDX-License-Identifier: Apache-2.0
/* oci_cloned - what an OCI container gets from outside once its first process is there */
#include "runtime/container/oci_cloned.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "runtime/container/launch.h"
#include "runtime/container/oci_rdt.h"
#include "runtime/net/netdev.h"

static int move_devices(const struct sk_spec *spec, pid_t pid, struct sk_err *err)
{
	const struct sk_spec_process *process = &spec->process;
	sk_autofree struct sk_netdev *devices = NULL;
	sk_autoclose int netns = -1;
	char path[40];

	if (process->nr_net_devices == 0)
		return 0;
	devices = calloc(process->nr_net_devices, sizeof(*devices));
	if (!devices)
		return sk_err_oom(err);
	for (size_t i = 0; i < process->nr_net_devices; i++) {
		devices[i].name = process->net_devices[i].name;
		devices[i].new_name = process->net_devices[i].new_name;
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	netns = open(path, O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		return sk_err_errno(err, "open the container's network namespace");
	return sk_netdev_move(devices, process->nr_net_devices, netns, err);
}

int sk_oci_on_cloned(void *arg, pid_t pid, struct sk_err *err)
{
	const struct sk_oci_cloned *cloned = arg;
	int r = cloned->shall_record
			? sk_launch_record(cloned->state, pid, "creating", err)
			: 0;

	if (r == 0)
		r = sk_oci_rdt_place(cloned->state, &cloned->spec->process.rdt, pid, err);
	return r < 0 ? r : move_devices(cloned->spec, pid, err);
}
