#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "venvfs/cleanup.h"
#include "venvfs/io.h"

/* Whether the file system, or a container's root, cannot do it at all: tmpfs and network file
 * systems know no attributes. */
static bool is_unsupported(int code)
{
	return code == EPERM || code == EOPNOTSUPP || code == ENOTTY || code == ENOSYS ||
	       code == EINVAL;
}

/* Sets or clears the attribute, where there is one. */
static int set_immutable(int fd, bool immutable)
{
	int flags, wanted;

	if (geteuid() != 0)
		return 0;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return is_unsupported(errno) ? 0 : -errno;
	wanted = immutable ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
	if (wanted == flags || ioctl(fd, FS_IOC_SETFLAGS, &wanted) == 0)
		return 0;
	return is_unsupported(errno) ? 0 : -errno;
}

/* Everybody may read, whatever the umask of who imported, and nobody write. */
static mode_t sealed_mode(mode_t mode)
{
	return S_ISDIR(mode) || mode & 0111 ? 0555 : 0444;
}

static int set_mode(int fd, const struct stat *st)
{
	mode_t wanted = sealed_mode(st->st_mode);
	struct stat now;

	if ((st->st_mode & 07777) == wanted || fchmod(fd, wanted) == 0)
		return 0;
	/* Who imports the same wheel at the same time may have sealed it since. */
	if (errno == EPERM && fstat(fd, &now) == 0 && (now.st_mode & 07777) == wanted)
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
		r = set_mode(fd, &st);
	if (r == 0 && seal)
		r = set_immutable(fd, true);
	return r;
}

/* Whether the attribute is to be expected of what is in @directory: not where we could not set it,
 * nor where nobody can write in any case. */
static bool wants_immutable(int directory)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2] = {0};
	struct statvfs system;

	if (geteuid() != 0 || syscall(SYS_capget, &header, sets) < 0)
		return false;
	return sets[0].effective & 1u << CAP_LINUX_IMMUTABLE && fstatvfs(directory, &system) == 0 &&
	       !(system.f_flag & ST_RDONLY);
}

static int find_unsealed(void *arg, int directory, const char *name, mode_t kind)
{
	const bool *immutable = arg;
	struct statx st;

	(void)kind;
	if (statx(directory, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st) < 0)
		return -errno;
	if (!S_ISREG(st.stx_mode) && !S_ISDIR(st.stx_mode))
		return 0;
	if ((st.stx_mode & 07777) != sealed_mode(st.stx_mode))
		return 1;
	if (*immutable && st.stx_attributes_mask & ~st.stx_attributes & STATX_ATTR_IMMUTABLE)
		return 1;
	if (!S_ISDIR(st.stx_mode))
		return 0;
	return io_each_entry(io_open_directory(directory, name), find_unsealed, arg);
}

int seal_is_missing(int directory, const char *name)
{
	bool immutable = wants_immutable(directory);

	return find_unsealed(&immutable, directory, name, 0);
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
