// SPDX-License-Identifier: Apache-2.0
/* Slice files: YAML to definition */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/fs.h"
#include "runtime/slice/slice.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sk_auto(sk_slice_def_free) struct sk_slice_def *def = NULL;
	sk_autoclose int fd = memfd_create("slice.yaml", MFD_CLOEXEC);
	struct sk_err err = SK_ERR_INIT;
	char path[40];
	int r;

	fuzz_must(fd >= 0 && sk_fs_write_all(fd, data, size) == 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = sk_slice_def_load(path, &def, &err);
	fuzz_must(r <= 0 && (r == 0) == (def != NULL));
	fuzz_must((r == 0) == (err.msg[0] == '\0'));
	return 0;
}
