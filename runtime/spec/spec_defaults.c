// SPDX-License-Identifier: Apache-2.0
/* spec_defaults - what each container sees of proc, sys and dev */
#include <linux/mount.h>

#include "lib/str.h"
#include "runtime/spec/spec.h"

#define NO_SUID_DEV_EXEC (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* Source: moby's and podman's defaults, and OCI runtime-spec config-linux.md. */
static const char *const masked[] = {
	"/proc/acpi",	       "/proc/asound",
	"/proc/kcore",	       "/proc/keys",
	"/proc/latency_stats", "/proc/sched_debug",
	"/proc/scsi",	       "/proc/timer_list",
	"/proc/timer_stats",   "/proc/interrupts",
	"/sys/firmware",       "/sys/dev/block",
	"/sys/fs/selinux",     "/sys/devices/virtual/powercap",
};
static const char *const read_only[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

static int add_data(struct sk_spec_mount *m, const char *const *data)
{
	if (!m)
		return -ENOMEM;
	for (; *data; data++)
		if (sk_strv_add(&m->data, *data) < 0)
			return -ENOMEM;
	return 0;
}

static int add_dev(struct sk_spec *spec)
{
	static const char *const dev[] = {"mode=755", "size=65536k", NULL};
	static const char *const pts[] = {"newinstance", "ptmxmode=0666", "mode=0620",
					  NULL};

	if (add_data(sk_spec_add_mount(spec, "tmpfs", "/dev", "tmpfs",
				       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC),
		     dev) < 0)
		return -ENOMEM;
	return add_data(sk_spec_add_mount(spec, "devpts", "/dev/pts", "devpts",
					  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC),
			pts);
}

static int add_host_dev(struct sk_spec *spec)
{
	struct sk_spec_mount *m = sk_spec_add_mount(spec, "/dev", "/dev", NULL, 0);

	if (!m)
		return -ENOMEM;
	m->recursive = true;
	spec->host_dev = true;
	return 0;
}

/* In the host's own /dev no mount point may be made. */
static int add_ipc(struct sk_spec *spec, bool privileged)
{
	static const char *const shm[] = {"mode=1777", "size=65536k", NULL};
	struct sk_spec_mount *m;

	m = sk_spec_add_mount(spec, "shm", "/dev/shm", "tmpfs", NO_SUID_DEV_EXEC);
	if (add_data(m, shm) < 0)
		return -ENOMEM;
	m->no_create = privileged;
	m = sk_spec_add_mount(spec, "mqueue", "/dev/mqueue", "mqueue", NO_SUID_DEV_EXEC);
	if (!m)
		return -ENOMEM;
	m->is_optional = true;
	m->no_create = privileged;
	return 0;
}

static int add_paths(struct sk_spec *spec)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(masked); i++)
		if (sk_strv_add(&spec->masked, masked[i]) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < SK_ARRAY_SIZE(read_only); i++)
		if (sk_strv_add(&spec->read_only_paths, read_only[i]) < 0)
			return -ENOMEM;
	return 0;
}

int sk_spec_add_defaults(struct sk_spec *spec, bool privileged, struct sk_err *err)
{
	const uint64_t ro = privileged ? 0 : MOUNT_ATTR_RDONLY;

	if (!sk_spec_add_mount(spec, "proc", "/proc", "proc", NO_SUID_DEV_EXEC) ||
	    (privileged ? add_host_dev(spec) : add_dev(spec)) < 0 ||
	    add_ipc(spec, privileged) < 0 ||
	    !sk_spec_add_mount(spec, "sysfs", "/sys", "sysfs", NO_SUID_DEV_EXEC | ro) ||
	    !sk_spec_add_mount(spec, "cgroup", "/sys/fs/cgroup", "cgroup",
			       NO_SUID_DEV_EXEC | ro) ||
	    (!privileged && add_paths(spec) < 0))
		return sk_err_oom(err);
	spec->cgroup_mount = true;
	spec->cgroup_writable = privileged;
	return 0;
}
