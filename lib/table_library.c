// SPDX-License-Identifier: Apache-2.0
/* table_library - where the library of tables comes from
 *
 * In a file of its own: a static program cannot load any, and defines this function itself.
 */
#include <dlfcn.h>

#include "lib/table.h"

#define LIBRARY "libsmartcols.so.1"

void *sk_table_library(void)
{
	return dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);
}
