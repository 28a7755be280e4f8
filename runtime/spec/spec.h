/* SPDX-License-Identifier: Apache-2.0 */
/* spec - everything that a container is made of, read from options or from config.json
 *
 *	sk_spec_from_opts(&opts, &spec, err);	// or sk_spec_from_config(json, bundle, &spec, err)
 *	sk_spec_check(spec, err);
 *	... the sandbox executes it, unchanged
 *
 * A spec is plain memory: no descriptors, nothing looked up in the rootfs. Names of users,
 * commands and mount points inside the container are resolved by the child, beneath its root.
 */
#ifndef SK_SPEC_H
#define SK_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json.h"
#include "runtime/cgroup/resources.h"
#include "runtime/runtime.h"
#include "runtime/spec/mount.h"
#include "runtime/spec/process.h"
#include "runtime/spec/seccomp.h"

/** enum sk_spec_ns - Namespaces, in the order in which they are joined */
enum sk_spec_ns {
	SK_NS_USER,
	SK_NS_CGROUP,
	SK_NS_IPC,
	SK_NS_UTS,
	SK_NS_NET,
	SK_NS_PID,
	SK_NS_TIME,
	SK_NS_MNT,
	SK_NS_COUNT
};

/** sk_spec_ns_name() - Name of a namespace's file in /proc/PID/ns: "user", "mnt", ... */
const char *sk_spec_ns_name(enum sk_spec_ns ns);
/** sk_spec_ns_flag() - Its CLONE_NEW* flag */
uint64_t sk_spec_ns_flag(enum sk_spec_ns ns);

/** struct sk_spec_namespace - What to do about one kind */
struct sk_spec_namespace {
	bool is_new;
	char *path; /* join this one; NULL with !is_new: the caller's own */
};

/** struct sk_spec_idmap - One line of uid_map or gid_map */
struct sk_spec_idmap {
	uint32_t inside, outside, size;
};
#define SK_SPEC_MAX_IDMAPS 340 /* as many as the kernel takes */

/** struct sk_spec_rlimit - One resource limit */
struct sk_spec_rlimit {
	int resource;
	struct rlimit limit;
};

/** sk_spec_rlimit_name() - "RLIMIT_NOFILE" and so on */
const char *sk_spec_rlimit_name(int resource);

/** enum sk_spec_caps - Which capabilities the command gets */
enum sk_spec_caps {
	SK_SPEC_CAPS_DEFAULT, /* the nine of `skiff run`; none for a user other than root */
	SK_SPEC_CAPS_FULL,
	SK_SPEC_CAPS_LISTED, /* exactly cap_names */
};
enum {
	SK_SPEC_CAP_BOUNDING,
	SK_SPEC_CAP_EFFECTIVE,
	SK_SPEC_CAP_PERMITTED,
	SK_SPEC_CAP_INHERITABLE,
	SK_SPEC_CAP_AMBIENT,
	SK_SPEC_CAP_SETS
};

/** struct sk_spec - A container as it is to be made; all strings and lists are heap memory */
struct sk_spec {
	/* the command */
	char **args, **env; /* no args with use_init: only reap */
	bool no_process;    /* it can be created, but not started */
	bool is_oci;	    /* made from a config.json */
	char *cwd;
	char *user; /* "name[:group]", "uid[:gid]"; NULL uses uid, gid, groups */
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t nr_groups;
	bool keep_groups; /* those that the caller has, instead of these */
	int64_t umask;	  /* -1 keeps 022 */
	bool tty, no_new_privs, use_init, seccomp;
	struct sk_spec_seccomp
		*seccomp_config; /* instead of the default filter; NULL without */
	enum sk_spec_caps caps;
	char **cap_names[SK_SPEC_CAP_SETS];
	struct sk_spec_rlimit *rlimits;
	size_t nr_rlimits;
	bool has_oom_score_adj;
	int oom_score_adj;

	struct sk_spec_process process; /* hooks, scheduler, labels and more */

	/* its root: either lowers with upper_dir, or rootfs */
	char **lowers;	 /* absolute, topmost first */
	char *layer_dir; /* holds "upper", "work" and the mount point "mnt" */
	char *rootfs;	 /* absolute path of a plain folder */
	bool read_only;
	struct sk_spec_mount *mounts;
	size_t nr_mounts;
	char **masked, **read_only_paths;
	bool host_dev; /* the host's /dev instead of a fresh one */
	bool cgroup_mount,
		cgroup_writable; /* one of the mounts shows the groups; not read-only */
	struct sk_spec_device *devices; /* beside the usual ones */
	size_t nr_devices;
	unsigned long rootfs_propagation; /* MS_*; 0: MS_PRIVATE | MS_REC */
	char *mount_label;		  /* SELinux context of new file systems */
	const char *mount_label_option;	  /* the mount option for it; NULL: "context" */
	bool no_pivot; /* leave the old root by chroot, where pivot_root cannot be had */

	/* its isolation */
	struct sk_spec_namespace ns[SK_NS_COUNT];
	struct sk_spec_idmap uids[SK_SPEC_MAX_IDMAPS], gids[SK_SPEC_MAX_IDMAPS];
	size_t nr_uids, nr_gids;
	bool use_newidmap; /* maps are written by newuidmap and newgidmap */
	bool idmap_layers; /* layers are mounted with the id maps (root only) */
	char *hostname, *domainname;
	struct {
		char *name, *value;
	} * sysctls;
	size_t nr_sysctls;

	/* its limits */
	char *cgroup_path;
	struct sk_cgroup_limits limits;
	struct sk_cgroup_resources *resources; /* linux.resources; NULL without */

	/* OCI */
	struct sk_json *annotations;
};

/** sk_spec_has_userns() - Whether the container's user namespace is not the caller's */
bool sk_spec_has_userns(const struct sk_spec *spec);
/** sk_spec_new() - An empty spec: nothing isolated, umask kept; NULL without memory */
struct sk_spec *sk_spec_new(void);
/** sk_spec_free() - Release it and all that it holds */
void sk_spec_free(struct sk_spec *spec);
SK_DEFINE_AUTO(struct sk_spec, sk_spec_free)

/**
 * sk_spec_add_defaults() - Append what each container sees: /proc /sys /dev pts shm mqueue,
 *			    masked and read-only paths
 * @privileged:	The host's /dev, nothing masked, sysfs writable
 */
int sk_spec_add_defaults(struct sk_spec *spec, bool privileged, struct sk_err *err);

/**
 * sk_spec_from_opts() - The spec of `skiff run`
 * @opts:	With a cgroup_path
 * @id:		The container's name: its default hostname
 * @is_rootless: Map the caller's subordinate ids, or its own one, instead of a range of root
 * @ret:	Free with sk_spec_free(). layer_dir is left for the caller to fill
 *
 * Return: 0; -EINVAL naming the option; -ENOENT for a missing source of a volume is
 * reported as -EINVAL too, so that -ENOENT stays "command not found" for callers
 */
int sk_spec_from_opts(const struct sk_run_opts *opts, const char *id, bool is_rootless,
		      struct sk_spec **ret, struct sk_err *err);

/* The versions of the OCI runtime-spec that are read: 1.0 to 1.SK_OCI_MINOR_MAX. */
#define SK_OCI_MINOR_MAX   3
#define SK_OCI_VERSION_MIN "1.0.0"
#define SK_OCI_VERSION_MAX "1.3.0"

/**
 * sk_spec_from_config() - The spec of an OCI config.json
 * @config:	Parsed file (borrowed)
 * @bundle:	Absolute path of its folder, for a relative root.path
 * @group:	Its control group unless linux.cgroupsPath says else (copied)
 * @ret:	Free with sk_spec_free()
 *
 * Source: OCI runtime-spec 1.0 to 1.3, config.md, config-linux.md. A field that is not
 * executed yet is an error that names it, never ignored; one that the specification does
 * not know is ignored. Without "process" the spec can be created but not started.
 * Return: 0; -EINVAL; -EOPNOTSUPP for a field that skiff does not execute
 */
int sk_spec_from_config(const struct sk_json *config, const char *bundle,
			const char *group, struct sk_spec **ret, struct sk_err *err);

/**
 * sk_spec_from_process() - The spec of a further process in a container
 * @process:	An object as "process" of config.json has it (borrowed)
 * @config:	config.json of the container (borrowed)
 * @ret:	Free with sk_spec_free(). Filled as far as sk_sandbox_join() needs it: the process,
 *		the container's namespaces, id maps and seccomp filter
 *
 * A member that the process does not have is not taken from the container's own process.
 * Return: 0; -EINVAL; -EOPNOTSUPP
 */
int sk_spec_from_process(const struct sk_json *process, const struct sk_json *config,
			 struct sk_spec **ret, struct sk_err *err);

/**
 * sk_spec_check() - Refuse what cannot be executed, before anything is made
 *
 * Return: 0; -EINVAL naming the member and the reason
 */
int sk_spec_check(const struct sk_spec *spec, struct sk_err *err);

#endif
