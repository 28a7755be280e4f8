/* SPDX-License-Identifier: Apache-2.0 */
/* state - the record of a container: a folder with its lock, state.json, layer and log
 *
 *	HOME->root/containers/ID/	0700; locked by the process that is responsible, for the
 *					container's life
 *		state.json	replaced in one step
 *		layer/		upper, work, mnt (see sandbox/rootfs.c)
 *		log, log.1, log.2
 *	HOME->root/containers.lock	held for the moment in which a record appears or is judged
 *
 * Theory of operation. A record is made, locked and written before the first group or mount
 * of its container is made, all under containers.lock. Locks end with their process, so
 * whoever gets the lock of a record that is not "exited" knows that the responsible process
 * is dead, and may clean what the record names. The lock is the folder's own: a file in it
 * would be made again by those who wait while another removes the folder.
 */
#ifndef SK_STATE_H
#define SK_STATE_H

#include <stdbool.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/home.h"
#include "lib/json.h"

/** struct sk_state - An open record */
struct sk_state {
	int parent_fd; /* folder of all records */
	int dir_fd;    /* the record's own */
	int lock_fd;   /* the folder too, with its lock; -1 while not held */
	char *id;
	char *path;	     /* absolute, of the record's folder */
	struct sk_json *doc; /* content of state.json */
	bool is_durable;     /* synced to disk with each save */
};

/**
 * sk_state_create() - Make and lock a new record
 * @name:	Its id, or NULL to make one up (copied)
 * @ret:	With an empty document that is not on disk yet: call sk_state_save(). Free with sk_state_free()
 *
 * Return: 0; -EINVAL for a bad name; -EEXIST when it is taken
 */
int sk_state_create(const struct sk_home *home, const char *name, struct sk_state **ret,
		    struct sk_err *err);

/**
 * sk_state_claim() - Make and lock a record that no recovery looks at: nothing is written yet
 * @id:		As sk_names_check_id() takes it (copied)
 * @ret:	As sk_state_create()
 *
 * For skiff-oci, whose callers delete what they created. containers.lock is not taken.
 * Return: 0; -EINVAL; -EEXIST when it is taken; -ENOENT when it was deleted in the same moment
 */
int sk_state_claim(const struct sk_home *home, const char *id, struct sk_state **ret,
		   struct sk_err *err);

/**
 * sk_state_open() - Open an existing record without its lock
 * Return: 0; -ENOENT with the nearest name as a hint; -EINVAL for a damaged one
 */
int sk_state_open(const struct sk_home *home, const char *name, struct sk_state **ret,
		  struct sk_err *err);
/**
 * sk_state_find() - The same of a record of sk_state_claim(), or of what is left of one
 * @id:		As sk_state_claim()
 *
 * Return: 0; -ENOENT without a folder of this name; -EBADMSG, and *@ret all the same, when
 * its document is missing or damaged: then its status is "ruin"
 */
int sk_state_find(const struct sk_home *home, const char *id, struct sk_state **ret,
		  struct sk_err *err);
/** sk_state_adopt() - A record from descriptors that were inherited (taken); reads the document */
int sk_state_adopt(const struct sk_home *home, const char *id, int lock_fd,
		   struct sk_state **ret, struct sk_err *err);

/** sk_state_save() - Write the document, replacing the old one in one step */
int sk_state_save(struct sk_state *state, struct sk_err *err);
/** sk_state_lock() - Take the record's lock and read it again; -ETIMEDOUT, or -EWOULDBLOCK with
 *  @timeout_ms 0; -ENOENT when it was removed; -EBADMSG when its document is missing or damaged: the lock is held then */
int sk_state_lock(struct sk_state *state, unsigned int timeout_ms, struct sk_err *err);
/** sk_state_is_owned() - Whether a living process is responsible for it */
bool sk_state_is_owned(const struct sk_state *state);
/** sk_state_status() - "creating", "created", "running", "exited" (borrowed) */
const char *sk_state_status(const struct sk_state *state);
/** sk_state_unlock() - Let go of the lock; also of copies that children inherited */
void sk_state_unlock(struct sk_state *state);
/** sk_state_erase() - Remove the record with all that is in it; the lock must be held */
int sk_state_erase(struct sk_state *state, struct sk_err *err);
/** sk_state_free() - Close and release; the record stays, its lock ends */
void sk_state_free(struct sk_state *state);
SK_DEFINE_AUTO(struct sk_state, sk_state_free)

/** sk_state_names() - All ids, sorted; heap list */
int sk_state_names(const struct sk_home *home, char ***ret, struct sk_err *err);

/**
 * sk_state_orphans() - Records whose responsible process is dead, each opened and locked
 * @ret:	Array of *@ret_len records; free each, and the array
 *
 * A record that has ended properly is no orphan.
 */
int sk_state_orphans(const struct sk_home *home, struct sk_state ***ret, size_t *ret_len,
		     struct sk_err *err);

#endif
