/* SPDX-License-Identifier: Apache-2.0 */
/* store - where layers and the names of images lie
 *
 * ROOT/images/	(all 0700: the setuid files of a layer must not be within others' reach)
 *	layers/ID/	an unpacked layer, complete and on disk from the moment it has this name
 *	names/NAME.json	an image: which layers, and its defaults; written last
 *	staging/XXXX/	a layer being made; its maker holds a flock(2) on the folder, so what is
 *			not locked was left by a killed process and is removed by the next maker
 *	lock		held while names change
 */
#ifndef SK_STORE_H
#define SK_STORE_H

#include <stdbool.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/home.h"
#include "lib/json.h"

/** struct sk_store - Open folders of the store */
struct sk_store {
	char *path; /* ROOT/images */
	int dir_fd, layers_fd, names_fd, staging_fd;
};

/** sk_store_open() - Make the folders when missing and open them; finish with sk_store_finish() */
int sk_store_open(const struct sk_home *home, struct sk_store *ret, struct sk_err *err);
void sk_store_finish(struct sk_store *store);
SK_DEFINE_AUTO_FINISH(struct sk_store, sk_store_finish)
#define SK_STORE_INIT                                                                    \
	((struct sk_store){.dir_fd = -1,                                                 \
			   .layers_fd = -1,                                              \
			   .names_fd = -1,                                               \
			   .staging_fd = -1})

/** sk_store_layer_path() - Absolute path of a layer's folder; heap, NULL without memory */
char *sk_store_layer_path(const struct sk_store *store, const char *id);
/** sk_store_is_layer_id() - Whether a text may name a layer: 1 to 80 of [a-z0-9.-], first alphanumeric */
bool sk_store_is_layer_id(const char *id);

/**
 * struct sk_stage - A layer being made
 * @fd:		The folder that becomes the layer
 * @name:	Its name below staging/
 */
struct sk_stage {
	int staging_fd; /* borrowed from the store */
	int fd;
	char name[32];
};
#define SK_STAGE_INIT ((struct sk_stage){.staging_fd = -1, .fd = -1})

/**
 * sk_stage_start() - Make an empty, locked folder (0755) in staging/
 *
 * Removes first what killed processes left there.
 */
int sk_stage_start(const struct sk_store *store, struct sk_stage *ret,
		   struct sk_err *err);
/**
 * sk_stage_commit() - Bring the folder to disk and give it the name layers/ID
 *
 * When a layer of this id exists, which another process made meanwhile, that one stays.
 * Return: 0, the stage released in either case; -errno, and sk_stage_drop() is still due
 */
int sk_stage_commit(const struct sk_store *store, struct sk_stage *stage, const char *id,
		    struct sk_err *err);
/** sk_stage_drop() - Remove what was made; fine when it was committed or never started */
void sk_stage_drop(struct sk_stage *stage);
SK_DEFINE_AUTO_FINISH(struct sk_stage, sk_stage_drop)

/** sk_store_lock() - Lock the names; descriptor to close, -ETIMEDOUT after 5 s naming the holder */
int sk_store_lock(const struct sk_store *store, struct sk_err *err);
/** sk_store_read() - Record of a normalised name; -ENOENT without an error text when there is none */
int sk_store_read(const struct sk_store *store, const char *name, struct sk_json **ret,
		  struct sk_err *err);
/** sk_store_write() - Write the record of a normalised name in one step, durable */
int sk_store_write(const struct sk_store *store, const char *name,
		   const struct sk_json *record, struct sk_err *err);
/** sk_store_names() - Sorted normalised names of all records as a heap list */
int sk_store_names(const struct sk_store *store, char ***ret, struct sk_err *err);
/** sk_store_forget() - Remove the record of a name, durable */
int sk_store_forget(const struct sk_store *store, const char *name, struct sk_err *err);
/** sk_store_retire_layer() - Take a layer out of layers/ in one step; sk_store_sweep() removes its files */
int sk_store_retire_layer(const struct sk_store *store, const char *id,
			  struct sk_err *err);
/** sk_store_sweep() - Remove what nobody holds in staging/; needs no lock. What fails is left for the next one */
void sk_store_sweep(const struct sk_store *store);

#endif
