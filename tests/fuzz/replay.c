/*
 * A fuzzer without libFuzzer: runs it on the files that are named, and on all that are in the
 * directories that are named. Says how many there were.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"

#define INPUT_MAX (64 << 20)

/* libFuzzer brings a main() of its own. */
#ifndef LIBFUZZER

static int replay(int dirfd, const char *name)
{
	_cleanup_buffer_ struct buffer input = {0};
	int r = io_read_file(dirfd, name, INPUT_MAX, &input);

	if (r < 0) {
		fprintf(stderr, "%s: %s\n", name, strerror(-r));
		return r;
	}
	/* A copy of just that size, so that a sanitizer sees what is read beyond it. */
	if (input.length > 0) {
		_cleanup_free_ uint8_t *copy = malloc(input.length);

		require(copy != NULL);
		memcpy(copy, input.data, input.length);
		LLVMFuzzerTestOneInput(copy, input.length);
	} else {
		LLVMFuzzerTestOneInput(NULL, 0);
	}
	return 0;
}

static int replay_all(const char *path, unsigned *count)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	const struct dirent *entry;
	int r = 0;

	while (dir && r == 0 && (entry = readdir(dir)) != NULL) {
		struct stat st;

		if (fstatat(dirfd(dir), entry->d_name, &st, 0) < 0 || !S_ISREG(st.st_mode))
			continue;
		r = replay(dirfd(dir), entry->d_name);
		++*count;
	}
	return dir ? r : -errno;
}

int main(int argc, char **argv)
{
	unsigned count = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;
		int r;

		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
			r = replay_all(argv[i], &count);
		} else {
			r = replay(AT_FDCWD, argv[i]);
			count++;
		}
		if (r < 0)
			return 1;
	}
	printf("%u inputs\n", count);
	return 0;
}

#endif
