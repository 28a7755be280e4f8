// SPDX-License-Identifier: Apache-2.0
/* checkpoint - skiff-oci checkpoint, restore */
#include "cli/oci/oci.h"
#include "lib/home.h"
#include "runtime/runtime.h"

struct restore_opts {
	struct sk_oci_opts create;
	struct sk_checkpoint_opts checkpoint;
};

/* A row of an option that goes to criu; @at: where struct sk_checkpoint_opts begins. */
#define ROW(name, metavar, help, kind, at, member)                                       \
	{                                                                                \
		0, name, metavar, help, kind,                                            \
			(at) + offsetof(struct sk_checkpoint_opts, member)               \
	}
#define SHARED_ROWS(at)                                                                  \
	ROW("image-path", "DIR", "folder of the images (checkpoint)", SK_OPT_STR, at,    \
	    image_path),                                                                 \
		ROW("work-path", "DIR", "folder of criu's log (that of the images)",     \
		    SK_OPT_STR, at, work_path),                                          \
		ROW("tcp-established", NULL, "take open TCP connections along",          \
		    SK_OPT_FLAG, at, tcp_established),                                   \
		ROW("tcp-close", NULL, "close open TCP connections", SK_OPT_FLAG, at,    \
		    tcp_close),                                                          \
		ROW("ext-unix-sk", NULL, "allow unix sockets that lead outside",         \
		    SK_OPT_FLAG, at, ext_unix_sk),                                       \
		ROW("shell-job", NULL, "allow the terminal of a session outside",        \
		    SK_OPT_FLAG, at, shell_job),                                         \
		ROW("file-locks", NULL, "take file locks along", SK_OPT_FLAG, at,        \
		    file_locks),                                                         \
		ROW("lazy-pages", NULL, "memory comes on demand, from a page server",    \
		    SK_OPT_FLAG, at, lazy_pages),                                        \
		ROW("auto-dedup", NULL,                                                  \
		    "drop pages of older images that newer ones replace", SK_OPT_FLAG,   \
		    at, auto_dedup),                                                     \
		ROW("empty-ns", "network", "restore this namespace without its devices", \
		    SK_OPT_CHOICE, at, empty_ns),                                        \
		ROW("manage-cgroups-mode", "soft|full|strict|ignore",                    \
		    "how criu treats control groups", SK_OPT_CHOICE, at,                 \
		    manage_cgroups_mode),                                                \
		ROW("network-lock", "iptables|nftables",                                 \
		    "how criu keeps packets away meanwhile", SK_OPT_CHOICE, at,          \
		    network_lock)

static const struct sk_opt checkpoint_table[] = {
	SHARED_ROWS(0),
	{0, "leave-running", NULL, "let the container run on", SK_OPT_FLAG,
	 offsetof(struct sk_checkpoint_opts, leave_running)},
	{0, "pre-dump", NULL, "save memory only, and let the container run on",
	 SK_OPT_FLAG, offsetof(struct sk_checkpoint_opts, pre_dump)},
	{0, "parent-path", "DIR", "images of an earlier pre-dump, seen from --image-path",
	 SK_OPT_STR, offsetof(struct sk_checkpoint_opts, parent_path)},
	{0, "page-server", "ADDRESS:PORT", "send memory there", SK_OPT_STR,
	 offsetof(struct sk_checkpoint_opts, page_server)},
	{0, "status-fd", "FD", "descriptor that gets a NUL when --lazy-pages is ready",
	 SK_OPT_STR, offsetof(struct sk_checkpoint_opts, status_fd)},
	{0, "tcp-skip-in-flight", NULL, "leave out TCP connections that are being made",
	 SK_OPT_FLAG, offsetof(struct sk_checkpoint_opts, tcp_skip_in_flight)},
	{0, "link-remap", NULL, "save files that have been removed, by links",
	 SK_OPT_FLAG, offsetof(struct sk_checkpoint_opts, link_remap)},
	SK_OPT_END,
};

#define OF_CREATE(member)     offsetof(struct restore_opts, create.member)
#define OF_CHECKPOINT(member) offsetof(struct restore_opts, checkpoint.member)

static const struct sk_opt restore_table[] = {
	{'b', "bundle", "DIR", "folder with config.json (.)", SK_OPT_STR,
	 OF_CREATE(bundle)},
	{0, "console-socket", "PATH", "socket that gets the terminal", SK_OPT_STR,
	 OF_CREATE(console_socket)},
	{'d', "detach", NULL, "return when the container runs", SK_OPT_FLAG,
	 OF_CREATE(detach)},
	{0, "pid-file", "FILE", "write the process id to this file", SK_OPT_STR,
	 OF_CREATE(pid_file)},
	{0, "no-pivot", NULL, "no effect: criu changes the root in its own way",
	 SK_OPT_FLAG, OF_CREATE(no_pivot)},
	{0, "no-subreaper", NULL, "no effect: skiff-oci makes no subreaper", SK_OPT_FLAG,
	 OF_CREATE(no_subreaper)},
	SHARED_ROWS(offsetof(struct restore_opts, checkpoint)),
	{0, "lsm-profile", "TYPE:NAME", "use this AppArmor or SELinux profile",
	 SK_OPT_STR, OF_CHECKPOINT(lsm_profile)},
	{0, "lsm-mount-context", "LABEL", "SELinux label of the mounts", SK_OPT_STR,
	 OF_CHECKPOINT(lsm_mount_context)},
	SK_OPT_END,
};

static int checkpoint_run(const struct sk_cmd_ctx *ctx, void *opts, int nargs,
			  char **args, struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r = sk_oci_open(ctx, &home, err);

	(void)nargs;
	return r < 0 ? r : sk_oci_checkpoint(home, args[0], opts, err);
}

static int restore_run(const struct sk_cmd_ctx *ctx, void *options, int nargs,
		       char **args, struct sk_err *err)
{
	const struct restore_opts *opts = options;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int status = 0, r = sk_oci_open(ctx, &home, err);

	(void)nargs;
	if (r == 0)
		r = sk_oci_restore(home, args[0], &opts->create, &opts->checkpoint,
				   &status, err);
	return r < 0 ? r : status;
}

const struct sk_cmd sk_oci_cmd_checkpoint = {
	.name = "checkpoint",
	.summary = "save a container as files, by criu",
	.usage = "[OPTIONS] ID",
	.opts = checkpoint_table,
	.opts_size = sizeof(struct sk_checkpoint_opts),
	.min_args = 1,
	.max_args = 1,
	.run = checkpoint_run,
};

const struct sk_cmd sk_oci_cmd_restore = {
	.name = "restore",
	.summary = "make a container from such files",
	.usage = "[OPTIONS] ID",
	.opts = restore_table,
	.opts_size = sizeof(struct restore_opts),
	.min_args = 1,
	.max_args = 1,
	.run = restore_run,
};
