/* SPDX-License-Identifier: Apache-2.0 */
/* banned - calls with a safer form do not compile; included into every file by the Makefile (-include) */
#ifndef SK_BANNED_H
#define SK_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With _FORTIFY_SOURCE and clang these are macros, which cannot be poisoned. */
#undef sprintf
#undef vsprintf
#pragma GCC poison strcpy strcat sprintf vsprintf strncpy strncat gets
#pragma GCC poison atoi atol atoll atof system popen tmpnam tempnam mktemp

#endif
