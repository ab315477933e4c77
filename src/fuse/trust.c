#include "trust.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "venvfs/cleanup.h"

/* In a sticky directory nobody can replace what is not theirs. */
static bool others_may_change(const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return true;
	if (S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX)
		return false;
	return st->st_mode & (S_IWGRP | S_IWOTH);
}

/* Looks at @path, which is free of links, and at all that is above it. */
static int check_upwards(const char *path, struct error *error)
{
	_cleanup_free_ char *part = strdup(path);

	if (!part)
		return -ENOMEM;
	for (;;) {
		struct stat st;
		char *slash;

		if (lstat(part, &st) < 0)
			return error_set_errno(error, -errno, "%s", part);
		if (others_may_change(&st)) {
			error_set(error, -EPERM,
				  "allow_other: %s can be changed by other users than root and you",
				  part);
			error_hint(error,
				   "what others run must be in your hands: chown it, or "
				   "chmod go-w '%s'",
				   part);
			return -EPERM;
		}
		if (part[1] == '\0')
			return 0;
		slash = strrchr(part, '/');
		slash[slash == part] = '\0';
	}
}

static int check(const char *path, struct error *error)
{
	_cleanup_free_ char *real = realpath(path, NULL);

	if (!real)
		return error_set_errno(error, -errno, "%s", path);
	return check_upwards(real, error);
}

int trust_check(const struct environment *environment, struct error *error)
{
	const struct spec *spec = environment->spec;
	int r = check(spec->path, error);

	if (r == 0)
		r = check(environment->executable, error);
	if (r == 0 && environment->store)
		r = check(environment->store->path, error);
	for (size_t i = 0; r == 0 && i < spec->layer_count; i++)
		r = check(spec->layers[i].path, error);
	return r;
}
