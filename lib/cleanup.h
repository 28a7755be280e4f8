/* SPDX-License-Identifier: Apache-2.0 */
/* cleanup - release memory, descriptors and objects when a variable leaves its scope
 *
 *	sk_autofree char *path = NULL;
 *	sk_autoclose int fd = -1;
 *	sk_auto(sk_json_free) struct sk_json *root = NULL;
 *	...
 *	*ret = sk_steal(&root);		// give away: the variable is now NULL
 *
 * Initialise each such variable where it is declared. Every cleanup keeps errno.
 */
#ifndef SK_CLEANUP_H
#define SK_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/**
 * sk_auto() - Call @fn's automatic variant when the variable leaves its scope
 * @fn:	A function for which SK_DEFINE_AUTO() or SK_DEFINE_AUTO_FINISH() was used
 */
#define sk_auto(fn) __attribute__((cleanup(fn##_auto)))

/**
 * SK_DEFINE_AUTO() - Make a destructor of heap objects usable with sk_auto()
 * @type:	Type of the object, such as struct sk_json
 * @fn:		Destructor that takes a pointer to it, or NULL
 */
#define SK_DEFINE_AUTO(type, fn)                                                         \
	static inline void fn##_auto(type **object)                                      \
	{                                                                                \
		int keep = errno;                                                        \
		fn(*object);                                                             \
		errno = keep;                                                            \
	}

/**
 * SK_DEFINE_AUTO_FINISH() - The same for objects in the caller's own memory
 * @type:	Type of the object
 * @fn:		Function that releases what the object holds, but not the object
 */
#define SK_DEFINE_AUTO_FINISH(type, fn)                                                  \
	static inline void fn##_auto(type *object)                                       \
	{                                                                                \
		int keep = errno;                                                        \
		fn(object);                                                              \
		errno = keep;                                                            \
	}

/**
 * sk_close() - Close a descriptor if there is one, and mark it closed
 * @fd:	Descriptor or -1; becomes -1. Not retried on EINTR: Linux has closed it by then
 */
static inline void sk_close(int *fd)
{
	int keep = errno;

	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = keep;
}

static inline void sk_free_memory_auto(void *pointer)
{
	int keep = errno;

	free(*(void **)pointer);
	errno = keep;
}

static inline void sk_fclose(FILE *file)
{
	if (file)
		(void)fclose(file);
}
SK_DEFINE_AUTO(FILE, sk_fclose)

static inline void sk_closedir(DIR *dir)
{
	if (dir)
		(void)closedir(dir);
}
SK_DEFINE_AUTO(DIR, sk_closedir)

#define sk_autofree  __attribute__((cleanup(sk_free_memory_auto)))
#define sk_autoclose __attribute__((cleanup(sk_close)))

/**
 * sk_steal() - Take a pointer out of its variable, which becomes NULL
 * @pointer:	Address of the variable
 *
 * Return: the pointer, of the same type
 */
#define sk_steal(pointer)                                                                \
	({                                                                               \
		__auto_type sk_stolen_ = *(pointer);                                     \
		*(pointer) = NULL;                                                       \
		sk_stolen_;                                                              \
	})

/**
 * sk_steal_fd() - Take a descriptor out of its variable, which becomes -1
 * @fd:	Address of the variable
 *
 * Return: the descriptor
 */
static inline int sk_steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

#define SK_ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
