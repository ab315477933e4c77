#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "venvfs/cleanup.h"
#include "venvfs/io.h"

/* Sets or clears the attribute, where there is one. */
static int set_immutable(int fd, bool immutable)
{
	int flags, wanted;

	if (geteuid() != 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return 0;
	wanted = immutable ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
	if (wanted == flags || ioctl(fd, FS_IOC_SETFLAGS, &wanted) == 0)
		return 0;
	/* A container's root may not; tmpfs and network file systems cannot. */
	return errno == EPERM || errno == EOPNOTSUPP || errno == ENOTTY ? 0 : -errno;
}

#define WRITE_BITS ((mode_t)(S_IWUSR | S_IWGRP | S_IWOTH))

static int drop_write_bits(int fd, const struct stat *st)
{
	struct stat now;

	if (!(st->st_mode & WRITE_BITS) || fchmod(fd, st->st_mode & 07777 & ~WRITE_BITS) == 0)
		return 0;
	/* Who imports the same wheel at the same time may have sealed it since. */
	if (errno == EPERM && fstat(fd, &now) == 0 && !(now.st_mode & WRITE_BITS))
		return 0;
	return -errno;
}

static int visit(int directory, const char *name, bool seal);

static int visit_entry(void *arg, int directory, const char *name, mode_t kind)
{
	(void)kind;
	return visit(directory, name, *(const bool *)arg);
}

/* Sealing begins below and ends above; unsealing the other way round. */
static int visit(int directory, const char *name, bool seal)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = 0;

	if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return 0; /* links have neither bits nor attribute */
	fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!seal)
		r = set_immutable(fd, false);
	if (r == 0 && S_ISDIR(st.st_mode))
		r = io_each_entry(io_open_directory(fd, "."), visit_entry, &seal);
	if (r == 0 && seal)
		r = drop_write_bits(fd, &st);
	if (r == 0 && seal)
		r = set_immutable(fd, true);
	return r;
}

int seal_tree(int directory, const char *name)
{
	return visit(directory, name, true);
}

int unseal_tree(int directory, const char *name)
{
	int r = visit(directory, name, false);

	return r == -ENOENT ? 0 : r;
}
