/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Replay a corpus through a fuzz target, without libFuzzer: FOLDER or FILE arguments. So that every
 * compiler runs the `fuzz` suite, and what once broke stays mended.
 *
 * Each input is copied to a heap block of its exact size, so that ASan sees the first byte beyond.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int n_inputs;

static int
replay_file(const char *path, size_t size)
{
	uint8_t *data = malloc(size > 0 ? size : 1);
	FILE *file = fopen(path, "re");
	int ret = 0;

	if (data == NULL || file == NULL || fread(data, 1, size, file) != size) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		ret = 1;
	} else {
		LLVMFuzzerTestOneInput(data, size);
		n_inputs++;
	}
	if (file != NULL)
		fclose(file);
	free(data);
	return ret;
}

static int
replay(const char *path)
{
	struct dirent *entry;
	char file[PATH_MAX];
	struct stat st;
	DIR *dir;
	int ret = 0;

	if (stat(path, &st) < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	if (!S_ISDIR(st.st_mode))
		return replay_file(path, st.st_size);
	dir = opendir(path);
	if (dir == NULL)
		return 1;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		ret |= replay(file);
	}
	closedir(dir);
	return ret;
}

int
main(int argc, char **argv)
{
	int ret = 0, i;

	for (i = 1; i < argc; i++)
		ret |= replay(argv[i]);
	if (n_inputs == 0) {
		fputs("no inputs: give folders or files of a corpus\n", stderr);
		return 1;
	}
	printf("%u inputs\n", n_inputs);
	return ret;
}
