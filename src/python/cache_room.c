/* Private directories below the user's cache. */
#include "python_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"

static int check_owner(int fd, const char *path, struct error *error)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid == geteuid() && (st.st_mode & 022) == 0)
		return 0;
	r = error_set(error, -EPERM, "the cache '%s' %s", path,
		      st.st_uid == geteuid() ? "can be written to by other users"
					     : "belongs to another user");
	error_hint(error, "remove it, or set XDG_CACHE_HOME to a directory of your own");
	return r;
}

int cache_room_open(const char *name, char **path, struct error *error)
{
	_cleanup_free_ char *cache = NULL, *room = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	r = path_xdg("XDG_CACHE_HOME", ".cache", &cache);
	if (r < 0) {
		error_hint(error, "set XDG_CACHE_HOME");
		return error_set_errno(error, r, "there is no home directory for the cache");
	}
	if (path_join(cache, name, &room) < 0)
		return -ENOMEM;
	r = io_make_directories(room, 0700);
	if (r == 0)
		fd = open(room, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && fd < 0)
		r = -errno;
	if (r < 0) {
		error_hint(error, "set XDG_CACHE_HOME to a directory that you can write to");
		return error_set_errno(error, r, "cannot use the cache '%s'", room);
	}
	r = check_owner(fd, room, error);
	if (r < 0)
		return r;
	if (path)
		*path = TAKE_PTR(room);
	return TAKE_FD(fd);
}
