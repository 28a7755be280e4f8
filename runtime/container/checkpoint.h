/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint - what saving and restoring a container share; for runtime/container/ only
 *
 * A saved container is a folder of criu's images and skiff.json:
 *
 *	{"descriptors": ["/dev/null", "pipe:[125]", "file[1f:2a]"], "mounts": ["/data", …]}
 *
 * the names of 0, 1 and 2 of its first process, and its external mounts.
 */
#ifndef SK_CHECKPOINT_H
#define SK_CHECKPOINT_H

#include "runtime/container/criu.h"
#include "runtime/runtime.h"

#define SK_CHECKPOINT_FILE	  "skiff.json"
#define SK_CHECKPOINT_DUMP_LOG	  "dump.log"
#define SK_CHECKPOINT_RESTORE_LOG "restore.log"
/* Names of namespaces that were given by path. */
#define SK_CHECKPOINT_NET_KEY "extRootNetNS"
#define SK_CHECKPOINT_PID_KEY "extRootPidNS"

/** struct sk_checkpoint_dirs - Folders of images and of criu's log; -1 while closed */
struct sk_checkpoint_dirs {
	int images, work;
};

/** sk_checkpoint_dirs_open() - Open, and with @make create them (0700); the work folder is that of the
 *  images unless another is given */
int sk_checkpoint_dirs_open(const struct sk_checkpoint_opts *opts, bool make,
			    struct sk_checkpoint_dirs *ret, struct sk_err *err);
/** sk_checkpoint_dirs_finish() - Close them */
void sk_checkpoint_dirs_finish(struct sk_checkpoint_dirs *dirs);
SK_DEFINE_AUTO_FINISH(struct sk_checkpoint_dirs, sk_checkpoint_dirs_finish)

/**
 * sk_checkpoint_common_opts() - Append the options that dump and restore share
 * @annotations: Of the container: "org.criu.config" names criu's configuration file
 * @log:	Name of criu's log in the work folder
 */
void sk_checkpoint_common_opts(struct sk_str *message,
			       const struct sk_checkpoint_opts *opts,
			       const struct sk_checkpoint_dirs *dirs,
			       const struct sk_json *annotations, const char *log);

/** sk_checkpoint_check() - Refuse options that cannot go together, or that this criu cannot do */
int sk_checkpoint_check(const struct sk_checkpoint_opts *opts, const struct sk_criu *criu,
			struct sk_err *err);

/** sk_checkpoint_add_flag() - Append an option that is true; else nothing */
void sk_checkpoint_add_flag(struct sk_str *message, enum sk_criu_opt opt, bool flag);
/** sk_checkpoint_add_external() - Append "mnt[key]:value" and the like */
void sk_checkpoint_add_external(struct sk_str *message, const char *kind, const char *key,
				const char *value);

#endif
