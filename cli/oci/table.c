// SPDX-License-Identifier: Apache-2.0
/* table - skiff-oci is a static program and loads no library: its tables are plain text */
#include <stddef.h>

#include "lib/table.h"

void *sk_table_library(void)
{
	return NULL;
}
