// SPDX-License-Identifier: Apache-2.0
/* mount_option - options of an OCI mount, by one table */
#include <errno.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>

#include "lib/str.h"
#include "runtime/spec/spec.h"

enum kind {
	NOTHING,     /* what mounts are anyway */
	ATTR,	     /* of the mount */
	ATTR_BELOW,  /* of the mount and of what is mounted below */
	PROPAGATION, /* MS_*, with MS_REC */
	SUPER,	     /* a flag of the file system; handed on as data */
	SUPER_OFF,   /* its opposite: what a bind mount has anyway */
	SUPER_BELOW, /* no kernel can do that */
	BIND,
	WORD, /* a member of struct sk_spec_mount */
};

#define MEMBER(name) .member = offsetof(struct sk_spec_mount, name)

struct option {
	const char *name;
	enum kind kind;
	uint64_t set, clear; /* MOUNT_ATTR_* or MS_* */
	size_t member;
};

/* Of the three ways to keep access times one is in force. */
#define ATIME(how) how, MOUNT_ATTR__ATIME

/* Source: OCI runtime-spec, config.md, "Linux mount options"; mount(8); crun(1). */
static const struct option options[] = {
	{"defaults", NOTHING, 0, 0, 0},
	{"loud", NOTHING, 0, 0, 0},
	{"silent", NOTHING, 0, 0, 0},
	{"bind", BIND, 0, 0, 0},
	{"rbind", BIND, MS_REC, 0, 0},
	{"rw", ATTR, 0, MOUNT_ATTR_RDONLY, 0},
	{"ro", ATTR, MOUNT_ATTR_RDONLY, 0, 0},
	{"suid", ATTR, 0, MOUNT_ATTR_NOSUID, 0},
	{"nosuid", ATTR, MOUNT_ATTR_NOSUID, 0, 0},
	{"dev", ATTR, 0, MOUNT_ATTR_NODEV, 0},
	{"nodev", ATTR, MOUNT_ATTR_NODEV, 0, 0},
	{"exec", ATTR, 0, MOUNT_ATTR_NOEXEC, 0},
	{"noexec", ATTR, MOUNT_ATTR_NOEXEC, 0, 0},
	{"symfollow", ATTR, 0, MOUNT_ATTR_NOSYMFOLLOW, 0},
	{"nosymfollow", ATTR, MOUNT_ATTR_NOSYMFOLLOW, 0, 0},
	{"diratime", ATTR, 0, MOUNT_ATTR_NODIRATIME, 0},
	{"nodiratime", ATTR, MOUNT_ATTR_NODIRATIME, 0, 0},
	{"atime", ATTR, ATIME(MOUNT_ATTR_RELATIME), 0},
	{"noatime", ATTR, ATIME(MOUNT_ATTR_NOATIME), 0},
	{"relatime", ATTR, ATIME(MOUNT_ATTR_RELATIME), 0},
	{"norelatime", ATTR, ATIME(MOUNT_ATTR_RELATIME), 0},
	{"strictatime", ATTR, ATIME(MOUNT_ATTR_STRICTATIME), 0},
	{"nostrictatime", ATTR, ATIME(MOUNT_ATTR_RELATIME), 0},
	{"rrw", ATTR_BELOW, 0, MOUNT_ATTR_RDONLY, 0},
	{"rro", ATTR_BELOW, MOUNT_ATTR_RDONLY, 0, 0},
	{"rsuid", ATTR_BELOW, 0, MOUNT_ATTR_NOSUID, 0},
	{"rnosuid", ATTR_BELOW, MOUNT_ATTR_NOSUID, 0, 0},
	{"rdev", ATTR_BELOW, 0, MOUNT_ATTR_NODEV, 0},
	{"rnodev", ATTR_BELOW, MOUNT_ATTR_NODEV, 0, 0},
	{"rexec", ATTR_BELOW, 0, MOUNT_ATTR_NOEXEC, 0},
	{"rnoexec", ATTR_BELOW, MOUNT_ATTR_NOEXEC, 0, 0},
	{"rsymfollow", ATTR_BELOW, 0, MOUNT_ATTR_NOSYMFOLLOW, 0},
	{"rnosymfollow", ATTR_BELOW, MOUNT_ATTR_NOSYMFOLLOW, 0, 0},
	{"rdiratime", ATTR_BELOW, 0, MOUNT_ATTR_NODIRATIME, 0},
	{"rnodiratime", ATTR_BELOW, MOUNT_ATTR_NODIRATIME, 0, 0},
	{"ratime", ATTR_BELOW, ATIME(MOUNT_ATTR_RELATIME), 0},
	{"rnoatime", ATTR_BELOW, ATIME(MOUNT_ATTR_NOATIME), 0},
	{"rrelatime", ATTR_BELOW, ATIME(MOUNT_ATTR_RELATIME), 0},
	{"rnorelatime", ATTR_BELOW, ATIME(MOUNT_ATTR_RELATIME), 0},
	{"rstrictatime", ATTR_BELOW, ATIME(MOUNT_ATTR_STRICTATIME), 0},
	{"rnostrictatime", ATTR_BELOW, ATIME(MOUNT_ATTR_RELATIME), 0},
	{"private", PROPAGATION, MS_PRIVATE, 0, 0},
	{"rprivate", PROPAGATION, MS_PRIVATE | MS_REC, 0, 0},
	{"shared", PROPAGATION, MS_SHARED, 0, 0},
	{"rshared", PROPAGATION, MS_SHARED | MS_REC, 0, 0},
	{"slave", PROPAGATION, MS_SLAVE, 0, 0},
	{"rslave", PROPAGATION, MS_SLAVE | MS_REC, 0, 0},
	{"unbindable", PROPAGATION, MS_UNBINDABLE, 0, 0},
	{"runbindable", PROPAGATION, MS_UNBINDABLE | MS_REC, 0, 0},
	{"sync", SUPER, 0, 0, 0},
	{"async", SUPER_OFF, 0, 0, 0},
	{"dirsync", SUPER, 0, 0, 0},
	{"lazytime", SUPER, 0, 0, 0},
	{"nolazytime", SUPER_OFF, 0, 0, 0},
	{"mand", SUPER, 0, 0, 0},
	{"nomand", SUPER_OFF, 0, 0, 0},
	{"iversion", SUPER, 0, 0, 0},
	{"noiversion", SUPER_OFF, 0, 0, 0},
	{"rsync", SUPER_BELOW, 0, 0, 0},
	{"rdirsync", SUPER_BELOW, 0, 0, 0},
	{"rmand", SUPER_BELOW, 0, 0, 0},
	{"rasync", NOTHING, 0, 0, 0},
	{"rnomand", NOTHING, 0, 0, 0},
	{"remount", WORD, 0, 0, MEMBER(is_remount)},
	{"tmpcopyup", WORD, 0, 0, MEMBER(copy_up)},
	{"idmap", WORD, 0, 0, MEMBER(is_idmapped)},
	{"ridmap", WORD, MS_REC, 0, MEMBER(is_idmapped)},
	{"copy-symlink", WORD, 0, 0, MEMBER(copy_symlink)},
	{"src-nofollow", WORD, 0, 0, MEMBER(source_nofollow)},
	{"dest-nofollow", WORD, 0, 0, MEMBER(target_nofollow)},
};

/* Words of the specification that ask for nothing or for what no kernel does. */
static bool is_offered(const struct option *option)
{
	return option->kind != SUPER_BELOW;
}

const char *sk_spec_mount_option_name(size_t index)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(options); i++)
		if (is_offered(&options[i]) && index-- == 0)
			return options[i].name;
	return NULL;
}

unsigned long sk_spec_propagation(const char *word)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(options); i++)
		if (options[i].kind == PROPAGATION && strcmp(options[i].name, word) == 0)
			return (unsigned long)options[i].set;
	return 0;
}

bool sk_spec_mount_is_cgroup(const struct sk_spec_mount *mount)
{
	return sk_str_equal(mount->fstype, "cgroup") ||
	       sk_str_equal(mount->fstype, "cgroup2");
}

static void set_attr(uint64_t *set, uint64_t *clear, const struct option *option)
{
	*set = (*set & ~option->clear) | option->set;
	*clear = (*clear & ~option->set) | option->clear;
}

static int make_bind(struct sk_spec_mount *mount, bool recursive)
{
	free(sk_steal(&mount->fstype));
	mount->recursive = recursive;
	return 0;
}

static int add_super(struct sk_spec_mount *mount, const struct option *option,
		     struct sk_err *err)
{
	if (mount->fstype)
		return sk_strv_add(&mount->data, option->name) < 0 ? sk_err_oom(err) : 0;
	if (option->kind == SUPER_OFF)
		return 0;
	return sk_err_set(
		err, EINVAL,
		"option '%s' belongs to a file system: a bind mount cannot change it",
		option->name);
}

static int apply(struct sk_spec_mount *mount, const struct option *option,
		 struct sk_err *err)
{
	switch (option->kind) {
	case NOTHING:
		return 0;
	case ATTR:
		set_attr(&mount->attr_set, &mount->attr_clear, option);
		return 0;
	case ATTR_BELOW:
		set_attr(&mount->rec_set, &mount->rec_clear, option);
		return 0;
	case PROPAGATION:
		mount->propagation = option->set & ~(uint64_t)MS_REC;
		mount->propagation_below = option->set & MS_REC;
		return 0;
	case BIND:
		return make_bind(mount, option->set & MS_REC);
	case SUPER:
	case SUPER_OFF:
		return add_super(mount, option, err);
	case WORD:
		*(bool *)((char *)mount + option->member) = true;
		if (option->member == offsetof(struct sk_spec_mount, is_idmapped))
			mount->idmap_below = option->set & MS_REC;
		return 0;
	case SUPER_BELOW:
		break;
	}
	return sk_err_set(
		err, EOPNOTSUPP,
		"option '%s' cannot be executed: the kernel sets it for whole file systems only",
		option->name);
}

int sk_spec_mount_option(struct sk_spec_mount *mount, const char *option,
			 struct sk_err *err)
{
	const char *maps = sk_str_starts(option, "idmap=");

	if (!maps)
		maps = sk_str_starts(option, "ridmap=");
	if (maps) {
		mount->is_idmapped = true;
		mount->idmap_below = option[0] == 'r';
		return sk_spec_mount_idmap(mount, maps, err);
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(options); i++)
		if (strcmp(option, options[i].name) == 0)
			return apply(mount, &options[i], err);
	return sk_strv_add(&mount->data, option) < 0 ? sk_err_oom(err) : 0;
}
