/* venvfs materialize */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "output.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/materialize.h"
#include "venvfs/mountinfo.h"
#include "venvfs/path.h"

static const char help[] =
	"Makes files of an environment's own of what it shows as links into the wheel store, so "
	"that\n"
	"they can be changed, or are found where they are. PATH is such a link, or a directory.\n\n"
	"Options:\n"
	"  -r, --recursive  everything that is below the directories PATH, too\n"
	"  -h, --help       this text\n";

static const struct option long_options[] = {
	{"recursive", no_argument, NULL, 'r'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

/* The directory that has @path and its name there, without following it: *real is the path with the
 * directory's links resolved. All are to be freed. */
static int split(const char *path, char **directory, char **name, char **real)
{
	_cleanup_free_ char *absolute = NULL, *parent = NULL;
	int r = path_absolute(path, NULL, &absolute);

	if (r < 0)
		return r;
	*name = strdup(path_basename(absolute));
	parent = strndup(absolute, (size_t)(path_basename(absolute) - absolute));
	if (!*name || !parent)
		return -ENOMEM;
	*directory = realpath(parent, NULL);
	return *directory ? path_join(*directory, *name, real) : -errno;
}

/* Whether @path, which is free of links, lies in an environment that we mounted. Whoever mounted it
 * says where its links lead: another's may lead to what only we can read. */
static int check_place(const char *path, struct error *error)
{
	_cleanup_mountinfo_ struct mountinfo mounts = {0};
	const struct mountinfo_entry *entry;
	int r = mountinfo_read(&mounts);
	unsigned uid;

	if (r < 0)
		return error_set_errno(error, r, "cannot read /proc/self/mountinfo");
	entry = mountinfo_containing(&mounts, path);
	if (!entry || !mountinfo_is_venvfs(entry))
		return error_set(error, -EINVAL, "'%s' is not in a mounted environment", path);
	if (!mountinfo_owner(entry, &uid) || uid != geteuid())
		return error_set(error, -EPERM, "'%s' was mounted by another user",
				 entry->mountpoint);
	return 0;
}

static int explain(const char *path, int r, struct error *error)
{
	if (r == -EISDIR) {
		error_set(error, r, "'%s' is a directory", path);
		error_hint(error, "-r makes files of all links that are below it");
		return r;
	}
	if (r == -EINVAL)
		return error_set(error, r, "'%s' is no link", path);
	if (r == -ENOLINK)
		return error_set(error, r, "'%s' is a link, but not to a file of the wheel store",
				 path);
	return error_set_errno(error, r, "'%s'", path);
}

static int materialize(const char *path, bool recursive, struct error *error)
{
	_cleanup_free_ char *parent = NULL, *name = NULL, *real = NULL;
	_cleanup_close_ int directory = -1;
	size_t count = 0;
	struct stat st;
	int r = split(path, &parent, &name, &real);

	if (r == 0 && lstat(real, &st) < 0)
		r = -errno;
	if (r < 0)
		return error_set_errno(error, r, "'%s'", path);
	r = check_place(real, error);
	if (r < 0)
		return r;
	if (S_ISREG(st.st_mode)) {
		_cleanup_free_ char *shown = output_escape(path);

		printf("%s is a regular file already\n", shown ? shown : path);
	} else if (S_ISDIR(st.st_mode)) {
		r = recursive ? materialize_tree(io_open_directory(AT_FDCWD, real), &count)
			      : -EISDIR;
	} else {
		directory = io_open_directory(AT_FDCWD, parent);
		r = directory < 0 ? directory : materialize_file(directory, name);
	}
	return r < 0 ? explain(path, r, error) : 0;
}

static int materialize_run(const struct command *command, int argc, char *argv[])
{
	bool recursive = false;
	const struct command_switch switches[] = {{'r', &recursive}, {0}};
	int status = command_read_switches(command, argc, argv, switches);

	if (status != -1)
		return status;
	if (optind == argc)
		return command_bad_usage(command, "a path is needed");
	return command_each_argument(argc, argv, materialize, recursive);
}

const struct command command_materialize = {
	.name = "materialize",
	.summary = "make files of links into the wheel store",
	.usage = "[-r] PATH...",
	.help = help,
	.short_options = ":rh",
	.long_options = long_options,
	.run = materialize_run,
};
