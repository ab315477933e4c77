#include "venvfs/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "venvfs/cleanup.h"

int io_read_fd(int fd, size_t limit, struct buffer *out)
{
	char chunk[16384];
	size_t total = 0;

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return buffer_status(out);
		total += (size_t)n;
		if (total > limit)
			return -EFBIG;
		buffer_append(out, chunk, (size_t)n);
	}
}

int io_read_file(int dirfd, const char *path, size_t limit, struct buffer *out)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISFIFO(st.st_mode) ? -EINVAL : io_read_fd(fd, limit, out);
}

int io_open_regular(int dirfd, const char *name, int flags, mode_t mode)
{
	_cleanup_close_ int fd =
		openat(dirfd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);
	struct stat st;

	if (fd < 0)
		return errno == ENXIO ? -EINVAL : -errno; /* a FIFO that nobody reads */
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? TAKE_FD(fd) : -EINVAL;
}

int io_write_all(int fd, const void *data, size_t length)
{
	const char *p = data;

	while (length > 0) {
		ssize_t n = write(fd, p, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		length -= (size_t)n;
	}
	return 0;
}

/* Copies the bytes [*offset, end) and moves *offset to the end. Starts with copy_file_range and
 * falls back to read and write where two file systems refuse it. */
static int copy_extent(int from, int to, off_t *offset, off_t end)
{
	static const int refused[] = {ENOSYS, EXDEV, EINVAL, EOPNOTSUPP, EPERM, EBADF};
	_cleanup_free_ char *chunk = NULL;
	const size_t chunk_size = 256 * 1024;

	while (!chunk && *offset < end) {
		off_t in = *offset, out = *offset;
		ssize_t n = copy_file_range(from, &in, to, &out, (size_t)(end - *offset), 0);

		if (n > 0) {
			*offset += n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		/* Some file systems answer 0 where they cannot: read(2) then decides. */
		if (n < 0) {
			bool known = false;

			for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
				known = known || errno == refused[i];
			if (!known)
				return -errno;
		}
		chunk = malloc(chunk_size);
		if (!chunk)
			return -ENOMEM;
	}
	while (*offset < end) {
		size_t want =
			(size_t)(end - *offset) < chunk_size ? (size_t)(end - *offset) : chunk_size;
		ssize_t n = pread(from, chunk, want, *offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		for (ssize_t done = 0; done < n;) {
			ssize_t w = pwrite(to, chunk + done, (size_t)(n - done), *offset + done);

			if (w < 0 && errno == EINTR)
				continue;
			if (w < 0)
				return -errno;
			done += w;
		}
		*offset += n;
	}
	return 0;
}

int io_copy(int from, int to, off_t length)
{
	struct stat st;
	off_t offset = 0;

	if (fstat(from, &st) < 0)
		return -errno;
	if (length >= st.st_size) {
		length = st.st_size;
		if (ioctl(to, FICLONE, from) == 0)
			return 0;
	}
	while (offset < length) {
		off_t data = lseek(from, offset, SEEK_DATA);
		off_t hole;
		int r;

		if (data < 0 && errno == ENXIO)
			break; /* a hole up to the end */
		if (data < 0)
			data = offset;
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0 || hole > length)
			hole = length;
		if (data >= length)
			break;
		r = copy_extent(from, to, &data, hole);
		if (r < 0)
			return r;
		if (data < hole)
			break; /* the source ended early */
		offset = hole;
	}
	return ftruncate(to, length) < 0 ? -errno : 0;
}

int io_create_temporary(int dirfd, char name[IO_TEMPORARY_SIZE])
{
	uint64_t random;
	int fd;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	snprintf(name, IO_TEMPORARY_SIZE, ".tmp-%016llx", (unsigned long long)random);
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

int io_publish(int dirfd, const char *name, const void *data, size_t length, mode_t mode)
{
	char temporary[IO_TEMPORARY_SIZE];
	_cleanup_close_ int fd = io_create_temporary(dirfd, temporary);
	int r;

	if (fd < 0)
		return fd;
	r = io_write_all(fd, data, length);
	if (r == 0 &&
	    (fchmod(fd, mode) < 0 || fsync(fd) < 0 || renameat(dirfd, temporary, dirfd, name) < 0))
		r = -errno;
	if (r < 0) {
		unlinkat(dirfd, temporary, 0);
		return r;
	}
	return fsync(dirfd) < 0 ? -errno : 0;
}

int io_make_directories(const char *path, mode_t mode)
{
	_cleanup_free_ char *copy = strdup(path);
	struct stat st;

	if (!copy)
		return -ENOMEM;
	for (char *p = copy; *p;) {
		char saved;

		p += strspn(p, "/");
		p += strcspn(p, "/");
		saved = *p;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST) {
			int code = -errno;

			/* A read-only or forbidden parent is fine where the directory exists. */
			if (stat(copy, &st) < 0)
				return code;
		}
		*p = saved;
	}
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int io_check_directories(const char *path)
{
	_cleanup_free_ char *nearest = strdup(path);
	struct stat st;

	if (!nearest)
		return -ENOMEM;
	/* The nearest ancestor that exists must let us make the rest. */
	while (stat(nearest, &st) < 0) {
		char *slash = strrchr(nearest, '/');

		if (errno != ENOENT || !slash)
			return -errno;
		slash[slash == nearest] = '\0';
	}
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return faccessat(AT_FDCWD, nearest, W_OK | X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

int io_open_directory(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int io_each_entry(int fd, io_entry_fn *fn, void *arg)
{
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int r = 0;

	if (!dir) {
		r = fd < 0 ? fd : -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (r == 0) {
		struct dirent *entry;

		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return -errno;
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = fn(arg, fd, entry->d_name, DTTOIF(entry->d_type));
	}
	return r;
}

static int open_for_removal(int dirfd, const char *name)
{
	int fd = io_open_directory(dirfd, name);

	if (fd == -EACCES && fchmodat(dirfd, name, 0700, 0) == 0)
		fd = io_open_directory(dirfd, name);
	return fd;
}

static int remove_entry(void *arg, int directory, const char *name, mode_t kind)
{
	(void)arg;
	(void)kind;
	return io_remove_tree(directory, name);
}

static int remove_contents(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && (st.st_mode & 0700) != 0700)
		(void)fchmod(fd, 0700);
	return io_each_entry(fd, remove_entry, NULL);
}

int io_remove_tree(int dirfd, const char *name)
{
	int fd, r;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM && errno != EACCES)
		return -errno;
	fd = open_for_removal(dirfd, name);
	if (fd < 0)
		return fd;
	r = remove_contents(fd);
	if (r < 0)
		return r;
	return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}
