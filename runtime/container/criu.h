/* SPDX-License-Identifier: Apache-2.0 */
/* criu - run criu(8) and talk to it by its RPC; for runtime/container/ only
 *
 *	sk_criu_find(&criu, err);			// which one, its version
 *	struct sk_criu_call call = {.type = SK_CRIU_DUMP, .opts = &opts};
 *	sk_criu_call(&criu, &call, &reply, err);	// one process of criu for each call
 *
 * Source: criu's rpc.proto and https://criu.org/RPC.
 */
#ifndef SK_CRIU_H
#define SK_CRIU_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "runtime/container/criu_wire.h"

/** enum sk_criu_type - Requests, by their numbers */
enum sk_criu_type {
	SK_CRIU_DUMP = 1,
	SK_CRIU_RESTORE = 2,
	SK_CRIU_PRE_DUMP = 4,
	SK_CRIU_NOTIFY = 6,
	SK_CRIU_FEATURES = 9,
	SK_CRIU_VERSION = 10,
};

/** enum sk_criu_opt - Fields of criu_opts, by their numbers */
enum sk_criu_opt {
	SK_CRIU_OPT_IMAGES_DIR_FD = 1,
	SK_CRIU_OPT_PID = 2,
	SK_CRIU_OPT_LEAVE_RUNNING = 3,
	SK_CRIU_OPT_EXT_UNIX_SK = 4,
	SK_CRIU_OPT_TCP_ESTABLISHED = 5,
	SK_CRIU_OPT_EVASIVE_DEVICES = 6,
	SK_CRIU_OPT_SHELL_JOB = 7,
	SK_CRIU_OPT_FILE_LOCKS = 8,
	SK_CRIU_OPT_LOG_LEVEL = 9,
	SK_CRIU_OPT_LOG_FILE = 10,
	SK_CRIU_OPT_PAGE_SERVER = 11,
	SK_CRIU_OPT_NOTIFY_SCRIPTS = 12,
	SK_CRIU_OPT_ROOT = 13,
	SK_CRIU_OPT_PARENT_IMG = 14,
	SK_CRIU_OPT_TRACK_MEM = 15,
	SK_CRIU_OPT_AUTO_DEDUP = 16,
	SK_CRIU_OPT_WORK_DIR_FD = 17,
	SK_CRIU_OPT_LINK_REMAP = 18,
	SK_CRIU_OPT_EXT_MNT = 23,
	SK_CRIU_OPT_MANAGE_CGROUPS = 24,
	SK_CRIU_OPT_CG_ROOT = 25,
	SK_CRIU_OPT_RST_SIBLING = 26,
	SK_CRIU_OPT_INHERIT_FD = 27,
	SK_CRIU_OPT_MANAGE_CGROUPS_MODE = 34,
	SK_CRIU_OPT_EXTERNAL = 37,
	SK_CRIU_OPT_EMPTY_NS = 38,
	SK_CRIU_OPT_JOIN_NS = 39,
	SK_CRIU_OPT_FREEZE_CGROUP = 44,
	SK_CRIU_OPT_TCP_SKIP_IN_FLIGHT = 46,
	SK_CRIU_OPT_LAZY_PAGES = 48,
	SK_CRIU_OPT_STATUS_FD = 49,
	SK_CRIU_OPT_ORPHAN_PTS_MASTER = 50,
	SK_CRIU_OPT_CONFIG_FILE = 51,
	SK_CRIU_OPT_TCP_CLOSE = 52,
	SK_CRIU_OPT_LSM_PROFILE = 53,
	SK_CRIU_OPT_LSM_MOUNT_CONTEXT = 63,
	SK_CRIU_OPT_NETWORK_LOCK = 64,
};

/** struct sk_criu - The program */
struct sk_criu {
	char *path;
	unsigned int version; /* 31701 is 3.17.1 */
};

/** sk_criu_finish() - Release what it holds */
void sk_criu_finish(struct sk_criu *criu);
SK_DEFINE_AUTO_FINISH(struct sk_criu, sk_criu_finish)

/** SK_CRIU_FIRST_FD - Number that the first of sk_criu_call.fds has in criu */
#define SK_CRIU_FIRST_FD 4

/** struct sk_criu_call - One request */
struct sk_criu_call {
	enum sk_criu_type type;
	const struct sk_str *opts; /* a criu_opts message; NULL without */
	const int *fds; /* handed on to criu as SK_CRIU_FIRST_FD and up (borrowed) */
	unsigned int nr_fds;
	bool keep_stdio; /* criu, and what it restores, has the caller's 0, 1, 2 */
	/* Called with criu's pid before it is told anything; may be NULL. */
	int (*started)(void *arg, pid_t pid, struct sk_err *err);
	/* Called for each notification: its script's name, the pid that it carries or 0, and
	 * a descriptor that it carries (borrowed) or -1. A failure ends the request. */
	int (*notify)(void *arg, const char *script, pid_t pid, int fd,
		      struct sk_err *err);
	void *arg;
};

/** struct sk_criu_reply - What came back */
struct sk_criu_reply {
	pid_t pid; /* of a restored container */
	bool mem_track, lazy_pages;
	unsigned int version;
};

/**
 * sk_criu_find() - Find criu in PATH and the sbin folders, and ask for its version
 * @ret:	Finish with sk_criu_finish()
 *
 * Return: 0; -ENOENT with a hint when there is none; -EOPNOTSUPP when it does not work on
 * this kernel, with criu's reason
 */
int sk_criu_find(struct sk_criu *ret, struct sk_err *err);

/**
 * sk_criu_call() - Start criu, send the request, answer notifications, wait for its end
 * @ret:	Filled from the last reply
 *
 * Return: 0; -EIO when criu refused: its log has the reason
 */
int sk_criu_call(const struct sk_criu *criu, const struct sk_criu_call *call,
		 struct sk_criu_reply *ret, struct sk_err *err);

/**
 * sk_criu_explain() - Wrap an error with the error that criu's log tells
 * @dir_fd:	Folder of the log
 * @name:	The log's name
 *
 * Return: @r
 */
int sk_criu_explain(int dir_fd, const char *name, int r, struct sk_err *err);

#endif
