/* SPDX-License-Identifier: Apache-2.0 */
/* mounts - bundles whose config.json is changed by a case, and what a container sees of them
 *
 *	run_in(it, 0, "cat /proc/self/mountinfo", CHANGES({"mounts", "+", "{...}"}));
 */
#ifndef SK_IT_MOUNTS_H
#define SK_IT_MOUNTS_H

#include "tests/it/oci.h"

/**
 * struct change - One member of config.json
 * @parent:	"", "linux", "process.user"...
 * @key:	Member to set, or "+" to append to the array @parent
 * @value:	JSON; '^' stands for the world's temporary folder
 */
struct change {
	const char *parent, *key, *value;
};
#define CHANGES(...) ((const struct change[]){__VA_ARGS__, {NULL, NULL, NULL}})
#define NO_CHANGES   ((const struct change[]){{NULL, NULL, NULL}})

/** change_config() - Let the bundle run @script in sh, with these changes */
void change_config(struct it *it, const char *bundle, const char *script,
		   const struct change *changes);
/** change_bundle() - A bundle that runs @script in sh, with these changes; heap path */
char *change_bundle(struct it *it, const char *script, const struct change *changes);
/** run_changed() - Run it to its end; fails when the status is another; leaves it->out, it->err */
void run_changed(struct it *it, int status, const char *script,
		 const struct change *changes, int line);
#define run_in(it, status, script, changes)                                              \
	run_changed(it, status, script, changes, __LINE__)
/** shell() - Run a script outside, with $D the world's folder and $R the bundle's rootfs */
void shell_at(struct it *it, const char *script, int line);
#define shell(it, script) shell_at(it, script, __LINE__)

#endif
