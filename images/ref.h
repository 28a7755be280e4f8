/* SPDX-License-Identifier: Apache-2.0 */
/* ref - names of images: their grammar, and the file that records each */
#ifndef SK_REF_H
#define SK_REF_H

#include "lib/err.h"

/**
 * sk_ref_normalize() - Check the name of an imported image and bring it into its one form
 * @name:	"debian", "debian:12", "lab/web:latest"
 * @ret:	Heap string, without ":latest"
 *
 * Names are 1 to 200 of [A-Za-z0-9_.:/-] that start with a letter or digit; parts between
 * slashes are not empty and do not start with a dot; one colon at most, in the last part,
 * with a tag behind it.
 * Return: 0; -EINVAL; -ENOMEM
 */
int sk_ref_normalize(const char *name, char **ret, struct sk_err *err);

/** sk_ref_file() - File name of a normalised name's record: "lab%2Fweb.json"; heap, NULL without memory */
char *sk_ref_file(const char *name);
/** sk_ref_from_file() - The way back; heap, NULL when it is no such file name or without memory */
char *sk_ref_from_file(const char *file);

#endif
