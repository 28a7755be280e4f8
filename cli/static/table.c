// SPDX-License-Identifier: Apache-2.0
/* table - static programs load no library: the tables of skiff-oci and skiff-guest are plain text */
#include <stddef.h>

#include "lib/table.h"

void *sk_table_library(void)
{
	return NULL;
}
