// SPDX-License-Identifier: Apache-2.0
/* mount_option - options of an OCI mount as attributes and data */
#include <errno.h>
#include <linux/mount.h>
#include <string.h>

#include "lib/str.h"
#include "runtime/spec/spec.h"

/* Source: OCI runtime-spec, config.md, "Linux mount options"; mount(8). */
static const struct {
	const char *name;
	uint64_t set, clear;
	bool recursive;
} flags[] = {
	{"defaults", 0, 0, false},
	{"rw", 0, MOUNT_ATTR_RDONLY, false},
	{"ro", MOUNT_ATTR_RDONLY, 0, false},
	{"suid", 0, MOUNT_ATTR_NOSUID, false},
	{"nosuid", MOUNT_ATTR_NOSUID, 0, false},
	{"dev", 0, MOUNT_ATTR_NODEV, false},
	{"nodev", MOUNT_ATTR_NODEV, 0, false},
	{"exec", 0, MOUNT_ATTR_NOEXEC, false},
	{"noexec", MOUNT_ATTR_NOEXEC, 0, false},
	{"diratime", 0, MOUNT_ATTR_NODIRATIME, false},
	{"nodiratime", MOUNT_ATTR_NODIRATIME, 0, false},
	{"relatime", 0, 0, false}, /* what the kernel does anyway */
	{"noatime", MOUNT_ATTR_NOATIME, 0, false},
	{"strictatime", MOUNT_ATTR_STRICTATIME, 0, false},
	{"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0, false},
	{"rro", MOUNT_ATTR_RDONLY, 0, true},
	{"rnosuid", MOUNT_ATTR_NOSUID, 0, true},
	{"rnodev", MOUNT_ATTR_NODEV, 0, true},
	{"rnoexec", MOUNT_ATTR_NOEXEC, 0, true},
};

/* Words that look like flags; passing one on as data would hide that it is not executed. */
static const char *const unsupported[] = {
	"shared",      "rshared",   "slave",	    "rslave",	    "unbindable",
	"runbindable", "sync",	    "async",	    "dirsync",	    "mand",
	"nomand",      "idmap",	    "ridmap",	    "tmpcopyup",    "remount",
	"iversion",    "lazytime",  "copy-symlink", "src-nofollow", "dest-nofollow",
	"rrw",	       "rsuid",	    "rdev",	    "rexec",	    "ratime",
	"rnoatime",    "rrelatime", "rstrictatime",
};

int sk_spec_mount_option(struct sk_spec_mount *mount, const char *option,
			 struct sk_err *err)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(flags); i++) {
		if (strcmp(option, flags[i].name) != 0)
			continue;
		mount->attr_set = (mount->attr_set & ~flags[i].clear) | flags[i].set;
		mount->attr_clear = (mount->attr_clear & ~flags[i].set) | flags[i].clear;
		mount->attr_recursive |= flags[i].recursive;
		return 0;
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(unsupported); i++)
		if (strcmp(option, unsupported[i]) == 0)
			return sk_err_set(
				err, EOPNOTSUPP,
				"option '%s' of the mount on '%s' is not supported yet",
				option, mount->target);
	/* what all mounts of a container are */
	if (strcmp(option, "private") == 0 || strcmp(option, "rprivate") == 0)
		return 0;
	if (strcmp(option, "bind") == 0 || strcmp(option, "rbind") == 0) {
		free(mount->fstype);
		mount->fstype = NULL;
		mount->recursive = option[0] == 'r';
		return 0;
	}
	if (!mount->fstype)
		return sk_err_set(err, EINVAL,
				  "option '%s' of the bind mount on '%s' is not known",
				  option, mount->target);
	return sk_strv_add(&mount->data, option) < 0 ? sk_err_oom(err) : 0;
}
