#include "path_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "venvfs/cleanup.h"
#include "venvfs/path.h"

/* As many as the kernel follows. */
#define MAX_LINKS 40

/* An entry of the directory comes, goes, or was written to. */
#define ENTRY_EVENTS (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE)

/* The directory itself goes. What else happens in /tmp or /home is of no interest. */
#define OWN_EVENTS (IN_MOVE_SELF | IN_DELETE_SELF)

static int watch(int inotify, const char *directory, uint32_t events)
{
	events |= IN_ONLYDIR | IN_MASK_ADD;
	return inotify_add_watch(inotify, directory, events) < 0 ? -errno : 0;
}

/* Watches for @path as an entry of its directory. */
static int watch_entry(int inotify, const char *path)
{
	size_t length = (size_t)(path_basename(path) - path);
	_cleanup_free_ char *directory = strndup(path, length > 1 ? length - 1 : 1);

	return directory ? watch(inotify, directory, ENTRY_EVENTS) : -ENOMEM;
}

/* Where "@link/@rest" leads, in *out. No link is on the way to @link. */
static int follow(const char *link, const char *rest, char **out)
{
	_cleanup_free_ char *parent = strndup(link, (size_t)(path_basename(link) - link));
	_cleanup_free_ char *absolute = NULL;
	char target[PATH_MAX];
	ssize_t length = readlink(link, target, sizeof(target) - 1);
	int r;

	if (length < 0)
		return -errno;
	target[length] = '\0';
	r = parent ? path_absolute(target, parent, &absolute) : -ENOMEM;
	return r < 0 ? r : path_join(absolute, rest, out);
}

/* Watches along @path, which is cut meanwhile, up to the first link, the first entry that is
 * absent, or its end. After a link *next is the path to go on with. */
static int watch_way(int inotify, char *path, char **next)
{
	char *slash = path;

	do {
		struct stat st = {0};
		bool found;

		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		found = lstat(path, &st) == 0;
		if (!found || !S_ISDIR(st.st_mode)) {
			int r = watch_entry(inotify, path);

			if (r == 0 && S_ISLNK(st.st_mode))
				r = follow(path, slash ? slash + 1 : "", next);
			return r;
		}
		(void)watch(inotify, path, OWN_EVENTS); /* it may not be ours to read */
		if (slash)
			*slash = '/';
	} while (slash);
	return 0;
}

int path_watch(int inotify, const char *path)
{
	_cleanup_free_ char *way = strdup(path);
	int r = way ? 0 : -ENOMEM;

	for (int links = 0; r == 0 && way && links <= MAX_LINKS; links++) {
		char *next = NULL;

		r = watch_way(inotify, way, &next);
		free(way);
		way = next;
	}
	return r;
}
