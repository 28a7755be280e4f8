/* SPDX-License-Identifier: Apache-2.0 */
/* lab - what the files of this room share: the record of a lab, its hosts, its accelerator */
#ifndef SK_LAB_H
#define SK_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"
#include "lib/home.h"
#include "lib/json.h"
#include "migrate/migrate.h"
#include "runtime/runtime.h"

#define SK_LAB_MAX_HOSTS 8
#define SK_LAB_SUBNET	 "10.77.0.0/24"
#define SK_LAB_CLIENT	 "client"
#define SK_LAB_CLIENT_IP "10.77.0.100"
#define SK_LAB_GUEST	 "g1"
#define SK_LAB_GUEST_IP	 "10.77.0.10"
#define SK_LAB_GUEST_MAC "52:54:00:77:00:0a"
#define SK_LAB_BRIDGE	 "br0"
#define SK_LAB_SOCKETS_DIR                                                               \
	"/srv/skiff-lab" /* of HOME->runroot/labs/NAME: HOST/libvirt-sock */
#define SK_LAB_IMAGES_DIR "/srv/skiff-guest" /* of HOME->root/guest, in each host */
#define SK_LAB_CONSOLE	  "/var/log/skiff-g1.log"
#define SK_LAB_MONITOR	  "/run/skiff-g1.qmp" /* in each host's own /run */

/* ---- The record (record.c): HOME->root/labs/NAME.json -------------------------------- */

/** struct sk_lab - An open lab: its record under its lock */
struct sk_lab {
	const struct sk_home *home; /* borrowed */
	char *name, *slice;
	int labs_fd, lock_fd; /* lock_fd -1: read only */
	struct sk_json *record;
};

/**
 * sk_lab_open() - Find a lab's record
 * @lock:	Take its lock (at most 30 s), for up and down
 * @ret:	Without a record ret->record is NULL, with @lock and a damaged one it is empty; release
 *		with sk_lab_finish()
 */
int sk_lab_open(const struct sk_home *home, const char *name, bool lock,
		struct sk_lab *ret, struct sk_err *err);
/** sk_lab_finish() - Release it, and the lock */
void sk_lab_finish(struct sk_lab *lab);
SK_DEFINE_AUTO_FINISH(struct sk_lab, sk_lab_finish)
/** sk_lab_save() - Replace the record by lab->record */
int sk_lab_save(struct sk_lab *lab, struct sk_err *err);
/** sk_lab_forget() - Remove the record */
int sk_lab_forget(struct sk_lab *lab, struct sk_err *err);
/** sk_lab_need() - -ENOENT with a hint when there is no record */
int sk_lab_need(const struct sk_lab *lab, struct sk_err *err);
/** sk_lab_is_busy() - Tell whether another process brings it up or down now */
bool sk_lab_is_busy(const struct sk_home *home, const char *name);

/* ---- Hosts (host.c) ------------------------------------------------------------------ */

/** sk_lab_host_name() - Name of the host with this index: "a", "b", … */
const char *sk_lab_host_name(unsigned int index);
/** sk_lab_slice_def() - The slice that a lab is made of: @nr hosts and a client; NULL without memory */
struct sk_slice_def *sk_lab_slice_def(const struct sk_home *home, const char *lab,
				      unsigned int nr);
/** sk_lab_host_uri() - libvirt URI of a host that runs: heap; -ENOENT when it does not */
int sk_lab_host_uri(const struct sk_lab *lab, const char *host, char **ret,
		    struct sk_err *err);

/* ---- Accelerator (accel.c) ----------------------------------------------------------- */

/** struct sk_accel - What guests run on here */
struct sk_accel {
	bool kvm;
	char why[120]; /* why not, when there is a reason to name */
};
/**
 * sk_accel_probe() - Boot a guest with KVM; the answer is kept until the machine restarts
 *
 * That /dev/kvm opens does not mean that guests run: only one that reaches user space within
 * 3 s does. Everything else is an answer too, not an error.
 */
void sk_accel_probe(const struct sk_home *home, const struct sk_guest_images *images,
		    struct sk_accel *ret);

#endif
