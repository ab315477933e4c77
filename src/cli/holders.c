#include "holders.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"

#define SHOWN      5
#define MAPS_LIMIT ((size_t)16 << 20)

static bool link_is_within(int dirfd, const char *name, const char *mountpoint)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(dirfd, name, target, sizeof(target) - 1);

	if (length < 0)
		return false;
	target[length] = '\0';
	return path_is_within(target, mountpoint);
}

static bool has_open_file(int process, const char *mountpoint)
{
	int fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir && fd >= 0)
		close(fd);
	while (dir && (entry = readdir(dir)) != NULL)
		if (link_is_within(fd, entry->d_name, mountpoint))
			return true;
	return false;
}

/* A line of maps ends in " /the/mapped/file". */
static bool has_mapped_file(int process, const char *mountpoint)
{
	_cleanup_buffer_ struct buffer maps = {0};
	_cleanup_free_ char *wanted = NULL;

	if (io_read_file(process, "maps", MAPS_LIMIT, &maps) < 0 || maps.length == 0)
		return false;
	if (asprintf(&wanted, " %s/", mountpoint) < 0) {
		wanted = NULL;
		return false;
	}
	return strstr(maps.data, wanted) != NULL;
}

static bool process_holds(int process, const char *mountpoint)
{
	return link_is_within(process, "cwd", mountpoint) ||
	       link_is_within(process, "root", mountpoint) ||
	       link_is_within(process, "exe", mountpoint) || has_open_file(process, mountpoint) ||
	       has_mapped_file(process, mountpoint);
}

bool holders_has_open(pid_t process, const struct stat *what)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)process);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)) != NULL) {
		struct stat st;

		if (entry->d_name[0] != '.' && fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
		    st.st_dev == what->st_dev && st.st_ino == what->st_ino)
			return true;
	}
	return false;
}

static void describe(int process, const char *pid, struct buffer *out)
{
	_cleanup_buffer_ struct buffer comm = {0};
	const char *name = "?";

	if (io_read_file(process, "comm", 4096, &comm) == 0 && comm.length > 0)
		name = comm.data;
	buffer_printf(out, "%s%.*s (pid %s)", out->length > 0 ? ", " : "", (int)strcspn(name, "\n"),
		      name, pid);
}

char *holders_describe(const char *mountpoint)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	_cleanup_buffer_ struct buffer text = {0};
	const struct dirent *entry;
	unsigned shown = 0;

	while (proc && (entry = readdir(proc)) != NULL) {
		_cleanup_close_ int process = -1;

		if (entry->d_name[strspn(entry->d_name, "0123456789")] != '\0' ||
		    atoi(entry->d_name) == getpid())
			continue;
		process = openat(dirfd(proc), entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (process < 0 || !process_holds(process, mountpoint))
			continue;
		if (shown++ == SHOWN) {
			buffer_puts(&text, " and others");
			break;
		}
		describe(process, entry->d_name, &text);
	}
	return shown > 0 ? buffer_take(&text) : NULL;
}
