/*
 * Reading and writing whole things. Nothing is half done: what is published appears complete and
 * durable, or not at all.
 */
#pragma once

#include <sys/types.h>

#include "venvfs/buffer.h"

/* Appends the whole of a file to @out. -EFBIG when it is larger than @limit. By name, -EINVAL: it
 * is a FIFO, which might have nothing to say for ever. */
int io_read_fd(int fd, size_t limit, struct buffer *out);
int io_read_file(int dirfd, const char *path, size_t limit, struct buffer *out);

/* Opens a regular file as openat(2) does; a new one has @mode. Never waits for the other end of a
 * FIFO, nor follows a link. -EINVAL: it is something else. */
int io_open_regular(int dirfd, const char *name, int flags, mode_t mode);

int io_write_all(int fd, const void *data, size_t length);

/* Copies up to @length bytes from the start of one file to the start of another: reflink where the
 * whole file is wanted and the file system can, else copy_file_range, else read and write. Holes
 * stay holes. Descriptors' offsets are not used. */
int io_copy(int from, int to, off_t length);

/* Creates a file for what is to be renamed when it is complete: a descriptor for writing, and its
 * name in @dirfd, which begins with a dot; or a negative errno. Its mode is 0600. */
#define IO_TEMPORARY_SIZE 32
int io_create_temporary(int dirfd, char name[IO_TEMPORARY_SIZE]);

/* Makes @name in @dirfd hold @data, replacing what was there: temporary in the same directory,
 * fsync, rename, fsync of the directory. */
int io_publish(int dirfd, const char *name, const void *data, size_t length, mode_t mode);

/* mkdir -p. Fine when it exists as a directory. */
int io_make_directories(const char *path, mode_t mode);

/* Whether it would make them, and the last one can be written to: 0 or -errno. Makes nothing. */
int io_check_directories(const char *path);

/* Opens the directory @name in @dirfd, not through a link, to be listed. A descriptor or -errno. */
int io_open_directory(int dirfd, const char *name);

/*
 * Calls @fn for each entry of a directory but "." and "..", with its kind (S_IFMT bits; 0:
 * unknown). A nonzero result ends it and is returned. @fd is taken over; a negative one is an
 * errno, and is returned: io_each_entry(io_open_directory(…), …). @directory is a descriptor of the
 * same directory.
 */
typedef int io_entry_fn(void *arg, int directory, const char *name, mode_t kind);
int io_each_entry(int fd, io_entry_fn *fn, void *arg);

/* rm -rf of @name in @dirfd, without following links or leaving the file system's tree; gives
 * itself search and write permission on directories that it owns. Absent: 0. */
int io_remove_tree(int dirfd, const char *name);
