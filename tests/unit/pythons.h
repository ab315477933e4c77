/* The Pythons of this machine, for tests: who they are is found by looking, and what is true of
 * them is what they say themselves. */
#pragma once

#include <check.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/path.h"
#include "venvfs/process.h"

#define PYTHONS_MAX 64

static char *pythons[PYTHONS_MAX]; /* base interpreters of any version, none twice */
static int python_count;

/* Whether the file is a program, and not a wrapper script; and not in a virtual environment. */
static inline bool is_base_python(const char *path)
{
	_cleanup_free_ char *directory = strndup(path, (size_t)(path_basename(path) - path));
	_cleanup_free_ char *cfg = NULL;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char magic[4];

	return fd >= 0 && read(fd, magic, sizeof(magic)) == sizeof(magic) &&
	       memcmp(magic, "\177ELF", 4) == 0 && access(path, X_OK) == 0 &&
	       path_join(directory, "../pyvenv.cfg", &cfg) == 0 && access(cfg, F_OK) < 0;
}

static inline void add_pythons(const char *directory)
{
	_cleanup_free_ char *pattern = NULL;
	glob_t found;

	if (path_join(directory, "python[23].[0-9]*", &pattern) < 0 ||
	    glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *path = found.gl_pathv[i];
		_cleanup_free_ char *real = realpath(path, NULL);
		bool known = false;

		if (fnmatch("python[23].[0-9]", path_basename(path), 0) != 0 &&
		    fnmatch("python[23].[0-9][0-9]", path_basename(path), 0) != 0)
			continue;
		for (int k = 0; real && k < python_count; k++) {
			_cleanup_free_ char *other = realpath(pythons[k], NULL);

			known = known || strcmp(real, other) == 0;
		}
		if (real && !known && is_base_python(path) && python_count < PYTHONS_MAX)
			pythons[python_count++] = strdup(path);
	}
	globfree(&found);
}

/* Looks on PATH and in pyenv's usual place. */
static inline void find_pythons(void)
{
	const char *home = getenv("HOME"), *path = getenv("PATH");
	_cleanup_free_ char *directories = strdup(path ? path : "/usr/bin");
	_cleanup_free_ char *versions = NULL;
	char *cursor = directories, *directory;

	while ((directory = strsep(&cursor, ":")) != NULL)
		if (directory[0] == '/')
			add_pythons(directory);
	if (home && path_join(home, ".pyenv/versions/*/bin", &versions) == 0)
		add_pythons(versions);
}

static inline void forget_pythons(void)
{
	for (int i = 0; i < python_count; i++)
		free(pythons[i]);
}

/* Whether venvfs serves it, going by its name. */
static inline bool is_served(const char *python)
{
	int major = 0, minor = 0;

	sscanf(path_basename(python), "python%d.%d", &major, &minor);
	return major == 3 && minor >= 8 && minor <= 14;
}

/* Runs @argv, which must succeed, and returns its stdout, to be freed. */
static inline char *run(const char *const *argv)
{
	_cleanup_process_result_ struct process_result result = {0};
	struct process_options options = {
		.argv = (char *const *)argv,
		.timeout_ms = 300000,
		.output_limit = 1 << 20,
	};
	int r = process_run(&options, &result);

	ck_assert_msg(r == 0, "%s: %s", argv[0], strerror(-r));
	ck_assert_msg(result.status == 0, "%s: status %d: %s%s", argv[0], result.status,
		      result.out.data ? result.out.data : "",
		      result.err.data ? result.err.data : "");
	return buffer_take(&result.out);
}

#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})
