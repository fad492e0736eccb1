/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A fuzz target without a fuzzer: runs it on every file that is named, or lies
 * in a folder that is named, so that what a fuzzer has found stays tested with
 * any compiler.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *read_file(const char *path, size_t size)
{
	/* Exactly as long as the file: one byte more and a sanitizer objects. */
	uint8_t *data = malloc(size ? size : 1);
	FILE *f = fopen(path, "rb");

	if (!f || !data || fread(data, 1, size, f) != size) {
		perror(path);
		exit(2);
	}
	fclose(f);
	return data;
}

/* Runs one file, or everything in a folder; returns the number of files. */
static int replay(const char *path)
{
	struct dirent **names;
	struct stat st;
	int files = 0, n;

	if (stat(path, &st) != 0) {
		perror(path);
		exit(2);
	}
	if (!S_ISDIR(st.st_mode)) {
		uint8_t *data = read_file(path, (size_t)st.st_size);

		/* Says which input it is when the target ends the program. */
		printf("%s\n", path);
		fflush(stdout);
		LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
		free(data);
		return 1;
	}
	n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char *inside = NULL;

		if (names[i]->d_name[0] != '.') {
			if (asprintf(&inside, "%s/%s", path, names[i]->d_name) < 0)
				exit(2);
			files += replay(inside);
			free(inside);
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return files;
}

int main(int argc, char **argv)
{
	int files = 0;

	for (int i = 1; i < argc; i++)
		files += replay(argv[i]);
	printf("%d inputs\n", files);
	return files ? 0 : 2;
}
