/* The base's own files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ahead_helper.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "wheel/text.h"

#define CACHE     "__pycache__"
#define BASE_MAX  2048 /* files */
#define DEPTH_MAX 3

/* Modules that much imports, and not what every start of Python does: they are there where the
 * base was used for work since it was last forgotten. */
static const char *const usual[] = {"enum", "functools", "inspect", "typing"};

/* Directories of the standard library that few programs import, and large ones of which they import
 * little. */
static const char *const unusual[] = {
	"dist-packages", "site-packages", "test",    "tests",      "encodings", "ensurepip",
	"distutils",     "idlelib",       "lib2to3", "pydoc_data", "tkinter",   "turtledemo",
};

bool ahead_base_is_cold(const struct environment *environment)
{
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		_cleanup_buffer_ struct buffer path = {0};
		_cleanup_close_ int fd = -1;
		struct stat st;

		buffer_printf(&path, "%s/" CACHE "/%s.%s.pyc", environment->stdlib, usual[i],
			      environment->cache_tag);
		if (buffer_status(&path) < 0)
			return false;
		fd = open(path.data, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0 &&
		    ahead_resident(fd, 0, (uint64_t)st.st_size) == 0)
			return true;
	}
	return false;
}

/* A directory that is being listed, and those above it. */
struct place {
	const char *path;
	const char *suffix; /* of this Python's bytecode */
	unsigned depth;
	bool cache; /* it is a __pycache__ */
	struct string_list *out;
};

static bool is_unusual(const char *name)
{
	for (size_t i = 0; i < sizeof(unusual) / sizeof(unusual[0]); i++)
		if (strcmp(name, unusual[i]) == 0)
			return true;
	return strncmp(name, "config-", strlen("config-")) == 0;
}

static int look_at(void *arg, int directory, const char *name, mode_t kind)
{
	const struct place *place = arg;
	_cleanup_buffer_ struct buffer path = {0};
	struct place below = *place;

	buffer_printf(&path, "%s/%s", place->path, name);
	if (buffer_status(&path) < 0)
		return -ENOMEM;
	if (text_ends_with(name, strlen(name), place->cache ? place->suffix : ".so"))
		return place->out->count < BASE_MAX
			       ? string_list_add(place->out, path.data, path.length)
			       : -ENOSPC;
	/* A module's name has no dot, a directory's neither: most names need no other question. */
	if (place->cache || (kind != 0 && !S_ISDIR(kind)) || strchr(name, '.') ||
	    is_unusual(name) || place->depth == DEPTH_MAX)
		return 0;
	below.path = path.data;
	below.depth++;
	below.cache = strcmp(name, CACHE) == 0;
	(void)io_each_entry(io_open_directory(directory, name), look_at, &below);
	return 0;
}

void ahead_base_list(const struct environment *environment, struct string_list *out)
{
	_cleanup_buffer_ struct buffer suffix = {0};
	struct place place = {.path = environment->stdlib, .out = out};

	if (string_list_add(out, environment->executable, strlen(environment->executable)) < 0)
		return;
	buffer_printf(&suffix, ".%s.pyc", environment->cache_tag);
	if (buffer_status(&suffix) < 0)
		return;
	place.suffix = suffix.data;
	(void)io_each_entry(io_open_directory(AT_FDCWD, place.path), look_at, &place);
}
