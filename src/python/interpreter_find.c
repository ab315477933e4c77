/* Where a name leads to, and where a virtual environment has its base. */
#include "python_internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"

#define PYVENV_CFG_LIMIT (64 * 1024)

/* Whether we may run @path: 0, or -errno. */
static int file_status(const char *path, struct stat *st)
{
	if (stat(path, st) < 0)
		return -errno;
	if (S_ISDIR(st->st_mode))
		return -EISDIR;
	if (!S_ISREG(st->st_mode))
		return -ENOEXEC;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

/* Why there is nothing at @path, which may be a link to nowhere. */
static int explain_absence(const char *path, int code, struct error *error)
{
	char target[4096];
	ssize_t length = readlink(path, target, sizeof(target) - 1);

	if (length < 0)
		return error_set_errno(error, code, "cannot use the interpreter '%s'", path);
	target[length] = '\0';
	return error_set(error, code, "the interpreter '%s' is a link to '%s', which is not there",
			 path, target);
}

int interpreter_check_file(const char *path, struct stat *st, struct error *error)
{
	int r = file_status(path, st);

	switch (r) {
	case 0:
		return 0;
	case -EISDIR:
		return error_set(error, -ENOEXEC, "'%s' is a directory, not an interpreter", path);
	case -ENOEXEC:
		return error_set(error, r, "'%s' is not a file, so not an interpreter", path);
	case -EACCES:
		return error_set(error, r, "'%s' is not executable for you", path);
	case -ENOENT:
	case -ENOTDIR:
		return explain_absence(path, -ENOENT, error);
	default:
		return error_set_errno(error, r, "cannot use the interpreter '%s'", path);
	}
}

/* The value of PATH, or what execvp(3) takes for it when it is unset; to be freed. */
static char *search_path(void)
{
	const char *path = getenv("PATH");
	char fallback[256];

	if (!path && confstr(_CS_PATH, fallback, sizeof(fallback)) > 0)
		path = fallback;
	return strdup(path ? path : "/bin:/usr/bin");
}

static int search(const char *name, const char *directories, char **out, struct error *error)
{
	_cleanup_free_ char *unusable = NULL;
	struct stat st;
	int r;

	for (const char *p = directories; p; p = strchr(p, ':') ? strchr(p, ':') + 1 : NULL) {
		_cleanup_free_ char *directory = strndup(p, strcspn(p, ":"));
		_cleanup_free_ char *relative = NULL, *path = NULL;

		/* An empty part of PATH is the working directory. */
		if (!directory || path_join(directory, name, &relative) < 0)
			return -ENOMEM;
		r = path_absolute(relative, NULL, &path);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			continue; /* the working directory is gone */
		r = file_status(path, &st);
		if (r == 0) {
			*out = TAKE_PTR(path);
			return 0;
		}
		if (r == -EACCES && !unusable)
			unusable = TAKE_PTR(path);
	}
	if (unusable)
		return error_set(error, -EACCES, "'%s' is not executable for you", unusable);
	r = error_set(error, -ENOENT, "there is no '%s' on PATH", name);
	error_hint(error, "install it, or give its path; PATH is '%s'", directories);
	return r;
}

int interpreter_find(const char *wanted, char **out, struct error *error)
{
	_cleanup_free_ char *directories = NULL;

	if (wanted[0] == '\0')
		return error_set(error, -ENOENT, "the interpreter has no name");
	if (strchr(wanted, '/'))
		return path_absolute(wanted, NULL, out);
	directories = search_path();
	return directories ? search(wanted, directories, out, error) : -ENOMEM;
}

/* What pyvenv.cfg says, as far as it leads to the base. */
struct pyvenv {
	char *home;    /* NULL: it does not say */
	char *version; /* "3.11.7" or "3.11.7.final.0"; NULL: it does not say */
};

#define _cleanup_pyvenv_ __attribute__((cleanup(pyvenv_clear)))

static void pyvenv_clear(struct pyvenv *cfg)
{
	free(cfg->home);
	free(cfg->version);
}

/* In place; returns the first byte that is not blank. */
static char *strip(char *text)
{
	size_t length;

	while (isspace((unsigned char)*text))
		text++;
	length = strlen(text);
	while (length > 0 && isspace((unsigned char)text[length - 1]))
		text[--length] = '\0';
	return text;
}

/* Reads "key = value" lines as the `site` module does: split at the first '=', keys in any case,
 * the last one holds, whatever else stands there is skipped. */
static int pyvenv_read(const char *path, struct pyvenv *cfg)
{
	_cleanup_buffer_ struct buffer text = {0};
	char *cursor, *line;
	int r;

	r = io_read_file(AT_FDCWD, path, PYVENV_CFG_LIMIT, &text);
	if (r < 0)
		return r;
	cursor = text.data;
	while ((line = strsep(&cursor, "\n")) != NULL) {
		char *value = strchr(line, '=');
		char *key, **slot;

		if (!value)
			continue;
		*value++ = '\0';
		key = strip(line);
		if (strcasecmp(key, "home") == 0)
			slot = &cfg->home;
		else if (strcasecmp(key, "version") == 0 || strcasecmp(key, "version_info") == 0)
			slot = &cfg->version;
		else
			continue;
		free(*slot);
		*slot = strdup(strip(value));
		if (!*slot)
			return -ENOMEM;
	}
	return 0;
}

/* "/a/b/c" without its last @levels parts, as a new string. */
static char *ancestor(const char *path, int levels)
{
	char *copy = strdup(path);

	while (copy && levels-- > 0) {
		char *slash = strrchr(copy, '/');

		if (slash == copy)
			slash++; /* the parent of "/a", and of "/", is "/" */
		*slash = '\0';
	}
	return copy;
}

/* Looks beside @path and one level above (PEP 405). 0 with the environment in *prefix, NULL when
 * there is none. */
static int pyvenv_find(const char *path, struct pyvenv *cfg, char **prefix)
{
	*prefix = NULL;
	for (int levels = 1; levels <= 2; levels++) {
		_cleanup_free_ char *directory = ancestor(path, levels);
		_cleanup_free_ char *file = NULL;
		int r;

		if (!directory || path_join(directory, "pyvenv.cfg", &file) < 0)
			return -ENOMEM;
		r = pyvenv_read(file, cfg);
		if (r == -ENOMEM)
			return r;
		if (r == 0 && cfg->home) {
			*prefix = TAKE_PTR(directory);
			return 0;
		}
		/* One that can't be read, or that names no home, makes no environment. */
	}
	return 0;
}

/* Takes @name in @directory when it can be run: 1, else 0, or -ENOMEM. */
static int try_base(const char *directory, const char *name, char **out)
{
	_cleanup_free_ char *candidate = NULL;
	struct stat st;
	int r;

	if (path_join(directory, name, &candidate) < 0)
		return -ENOMEM;
	if (file_status(candidate, &st) < 0)
		return 0;
	r = path_absolute(candidate, NULL, out);
	return r < 0 ? r : 1;
}

/* The environment's python is a link to @real: its base is the file of that name in its home, or
 * else, when it was made from a link of another name, that file itself. */
static int choose_linked_base(const struct pyvenv *cfg, const char *real, char **out)
{
	int r = try_base(cfg->home, path_basename(real), out);

	return r == 0 ? try_base("", real, out) : r;
}

/* The environment has a copy of its base, and what remains is the version. */
static int choose_copied_base(const struct pyvenv *cfg, char **out)
{
	char versioned[32] = "python3";
	const char *names[] = {versioned, "python3", "python"};
	unsigned major, minor;
	int r = 0;

	if (cfg->version && sscanf(cfg->version, "%3u.%3u", &major, &minor) == 2)
		snprintf(versioned, sizeof(versioned), "python%u.%u", major, minor);
	for (size_t i = 0; r == 0 && i < sizeof(names) / sizeof(names[0]); i++)
		r = try_base(cfg->home, names[i], out);
	return r;
}

int venv_find_base(const char *path, char **out, struct error *error)
{
	_cleanup_pyvenv_ struct pyvenv cfg = {0};
	_cleanup_free_ char *prefix = NULL, *real_prefix = NULL, *real = NULL;
	int r;

	*out = NULL;
	r = pyvenv_find(path, &cfg, &prefix);
	if (r < 0 || !prefix)
		return r;
	if (cfg.home[0] != '/')
		return error_set(error, -ENOEXEC,
				 "'%s/pyvenv.cfg' names no absolute path as its home", prefix);
	real_prefix = realpath(prefix, NULL);
	real = realpath(path, NULL);
	if (real_prefix && real && !path_is_within(real, real_prefix))
		r = choose_linked_base(&cfg, real, out);
	else
		r = choose_copied_base(&cfg, out);
	if (r != 0)
		return r < 0 ? r : 0;
	error_hint(error, "give the path of an interpreter that is installed");
	return error_set(
		error, -ENOENT,
		"the base interpreter of the virtual environment '%s' is gone: there is no "
		"Python in '%s'",
		prefix, cfg.home);
}
