// SPDX-License-Identifier: Apache-2.0
/* replay - main() of a fuzz target without libFuzzer: each file of a folder, once, as TAP */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fs.h"
#include "tests/fuzz/fuzz.h"

#define MAX_BYTES (8u << 20)

static int is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	struct dirent **files = NULL;
	int dir_fd, nr;

	if (argc != 2) {
		(void)fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	dir_fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	nr = scandir(argv[1], &files, is_file, alphasort);
	if (dir_fd < 0 || nr <= 0) {
		(void)fprintf(stderr, "%s: no inputs\n", argv[1]);
		return 2;
	}
	printf("1..%d\n", nr);
	for (int i = 0; i < nr; i++) {
		sk_autofree char *data = NULL;
		size_t size = 0;

		if (sk_fs_read(dir_fd, files[i]->d_name, MAX_BYTES, &data, &size) < 0)
			return 2;
		/* it aborts when something is wrong: the last line tells at which input */
		printf("# %s\n", files[i]->d_name);
		(void)fflush(stdout);
		(void)LLVMFuzzerTestOneInput((const uint8_t *)data, size);
		printf("ok %d - %s\n", i + 1, files[i]->d_name);
		free(files[i]);
	}
	free(files);
	(void)close(dir_fd);
	return 0;
}
