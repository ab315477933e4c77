#include "venvfs/path.h"

#include <errno.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"

/* Appends @path to the absolute, normalised path in @out, folding "//", "." and "..". */
static void append_normalised(struct buffer *out, const char *path)
{
	while (*path) {
		size_t length = strcspn(path, "/");

		if (length == 2 && memcmp(path, "..", 2) == 0) {
			while (out->length > 0 && out->data[--out->length] != '/')
				;
		} else if (length > 0 && !(length == 1 && *path == '.')) {
			buffer_putc(out, '/');
			buffer_append(out, path, length);
		}
		path += length;
		path += strspn(path, "/");
	}
}

int path_absolute(const char *path, const char *base, char **out)
{
	_cleanup_buffer_ struct buffer text = {0};
	_cleanup_free_ char *cwd = NULL;

	if (path[0] != '/') {
		if (!base) {
			cwd = get_current_dir_name();
			if (!cwd)
				return -errno;
			base = cwd;
		}
		append_normalised(&text, base);
	}
	append_normalised(&text, path);
	if (text.length == 0)
		buffer_putc(&text, '/');
	else
		buffer_append(&text, "", 0);
	*out = buffer_take(&text);
	return *out ? 0 : -ENOMEM;
}

/* The user's home directory in *out (to be freed). */
static int path_home(char **out)
{
	const char *home = getenv("HOME");
	struct passwd entry, *found = NULL;
	char scratch[4096];

	if (!home || home[0] != '/') {
		if (getpwuid_r(getuid(), &entry, scratch, sizeof(scratch), &found) != 0 || !found)
			return -ENOENT;
		home = found->pw_dir;
	}
	*out = strdup(home);
	return *out ? 0 : -ENOMEM;
}

int path_expand(const char *path, const char *base, char **out)
{
	_cleanup_free_ char *home = NULL;
	int r;

	if (path[0] != '~' || (path[1] != '/' && path[1] != '\0'))
		return path_absolute(path, base, out);
	r = path_home(&home);
	if (r < 0)
		return r;
	path += 1;
	path += strspn(path, "/");
	return path_absolute(path, home, out);
}

int path_join(const char *a, const char *b, char **out)
{
	_cleanup_buffer_ struct buffer text = {0};

	buffer_puts(&text, a);
	if (a[0] && b[0] && a[strlen(a) - 1] != '/')
		buffer_putc(&text, '/');
	buffer_puts(&text, b);
	*out = buffer_take(&text);
	return *out ? 0 : -ENOMEM;
}

bool path_is_within(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	if (length > 0 && directory[length - 1] == '/')
		length--;
	return strncmp(path, directory, length) == 0 &&
	       (path[length] == '/' || path[length] == '\0');
}

bool path_others_can_search(const char *path)
{
	for (const char *end = path; *end;) {
		_cleanup_free_ char *part = NULL;
		struct stat st;

		end += strspn(end, "/");
		end += strcspn(end, "/");
		part = strndup(path, (size_t)(end - path));
		if (!part || stat(part, &st) < 0 || !(st.st_mode & S_IXOTH))
			return false;
	}
	return true;
}

const char *path_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool path_is_shared_library(const char *path)
{
	const char *name = path_basename(path);

	for (const char *so = strstr(name, ".so"); so; so = strstr(so + 1, ".so"))
		if (so[3] == '\0' || (so[3] == '.' && so[4] >= '0' && so[4] <= '9'))
			return true;
	return false;
}

int path_xdg(const char *variable, const char *fallback, char **out)
{
	const char *value = getenv(variable);
	_cleanup_free_ char *home = NULL, *base = NULL;
	int r;

	if (value && value[0] == '/')
		return path_join(value, "venvfs", out);
	r = path_home(&home);
	if (r < 0)
		return r;
	r = path_join(home, fallback, &base);
	if (r < 0)
		return r;
	return path_join(base, "venvfs", out);
}

/* One part of a path, which must not be a link; *from is closed and replaced. */
static int step_into(int *from, int root, const char *part)
{
	int fd = openat(*from < 0 ? root : *from, part, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	cleanup_close(from);
	*from = fd;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISLNK(st.st_mode) ? -ELOOP : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

/* Folds "", "." and ".." in a relative path. Where nothing is a link, that is what they mean.
 * -EXDEV: it leads out. */
static int fold(char *path)
{
	size_t length = 0;

	if (path[0] == '/')
		return -EXDEV;
	for (char *save = NULL, *part = strtok_r(path, "/", &save); part;
	     part = strtok_r(NULL, "/", &save)) {
		size_t size = strlen(part);

		if (strcmp(part, ".") == 0)
			continue;
		if (strcmp(part, "..") == 0) {
			if (length == 0)
				return -EXDEV;
			while (length > 0 && path[--length] != '/')
				;
			continue;
		}
		if (length > 0)
			path[length++] = '/';
		memmove(path + length, part, size);
		length += size;
	}
	path[length] = '\0';
	return 0;
}

/* What openat2(2) does, part by part, for kernels before 5.6 and sandboxes (and valgrind) that do
 * not know it. */
static int walk(int root, const char *path, int flags, mode_t mode)
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int from = -1;
	char *part = copy, *slash;
	int fd, r = copy ? fold(copy) : -ENOMEM;

	while (r == 0 && (slash = strchr(part, '/')) != NULL) {
		*slash = '\0';
		r = step_into(&from, root, part);
		part = slash + 1;
	}
	if (r < 0)
		return r;
	fd = openat(from < 0 ? root : from, part[0] ? part : ".", flags | O_NOFOLLOW | O_CLOEXEC,
		    mode);
	return fd < 0 ? -errno : fd;
}

static int open_step(int root, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
	};
	long fd;

	/* The kernel asks for a retry when something was renamed during the walk (openat2(2)). */
	do
		fd = syscall(SYS_openat2, root, path[0] ? path : ".", &how, sizeof(how));
	while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	if (fd < 0 && errno == ENOSYS)
		return walk(root, path, flags, mode);
	return fd < 0 ? -errno : (int)fd;
}

int path_open_beneath(int root, const char *path, int flags, mode_t mode)
{
	_cleanup_close_ int from = -1;

	/* A tree may be deeper than the kernel takes paths at once: programs walk down by chdir. */
	while (strlen(path) >= PATH_MAX) {
		const char *slash = memrchr(path, '/', PATH_MAX - 1);
		_cleanup_free_ char *head = slash ? strndup(path, (size_t)(slash - path)) : NULL;
		int next;

		if (!head)
			return slash ? -ENOMEM : -ENAMETOOLONG;
		next = open_step(from < 0 ? root : from, head, O_PATH | O_DIRECTORY, 0);
		if (next < 0)
			return next;
		cleanup_close(&from);
		from = next;
		path = slash + 1;
	}
	return open_step(from < 0 ? root : from, path, flags, mode);
}
