/*
 * A directory that all threads change at once. What a call finds is a matter of luck, so only such
 * errors are wrong as luck cannot explain; and at the end the tree must be whole.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "many_files.h"

#define DEPTH 3
#define NAMES 5

/* What may come of names that others change meanwhile. */
static const int lucky[] = {ENOENT, EEXIST, ENOTDIR, EISDIR, ENOTEMPTY, EINVAL,
			    ELOOP,  EPERM,  EMLINK,  ENXIO,  EAGAIN};

static void check_error(int result, const char *what, const char *path)
{
	if (result >= 0)
		return;
	for (size_t i = 0; i < COUNT_OF(lucky); i++)
		if (errno == lucky[i])
			return;
	fail("%s %s", what, path);
}

/* A path of @depth names. */
static void pick(const char *base, unsigned depth, struct random *random, char path[PATH_MAX])
{
	int length = snprintf(path, PATH_MAX, "%s", base);

	for (unsigned i = 0; i < depth; i++)
		length += snprintf(path + length, PATH_MAX - (size_t)length, "/%c",
				   (char)('a' + random_below(random, NAMES)));
}

static void write_some(const char *path, int flags, struct random *random)
{
	char bytes[8192];
	size_t size = random_below(random, sizeof(bytes));
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | flags, 0644);

	check_error(fd, "open", path);
	if (fd < 0)
		return;
	memset(bytes, (int)size, size);
	check_error((int)pwrite(fd, bytes, size, (off_t)random_below(random, 10000)), "write",
		    path);
	close(fd);
}

static void read_some(const char *path)
{
	char bytes[8192];
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	check_error(fd, "open", path);
	if (fd < 0)
		return;
	check_error((int)read(fd, bytes, sizeof(bytes)), "read", path);
	close(fd);
}

static void list(const char *path)
{
	DIR *dir = opendir(path);

	check_error(dir ? 0 : -1, "opendir", path);
	if (!dir)
		return;
	errno = 0;
	while (readdir(dir))
		;
	check_error(errno ? -1 : 0, "readdir", path);
	closedir(dir);
}

/* Never downwards, or directories would end up in one another deeper and deeper. */
static void move(const char *from, const char *to, bool same_depth, struct random *random)
{
	static const unsigned choices[] = {0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE};
	unsigned flags = choices[random_below(random, COUNT_OF(choices))];

	if (flags == RENAME_EXCHANGE && !same_depth)
		flags = 0;
	check_error(renameat2(AT_FDCWD, from, AT_FDCWD, to, flags), "rename", from);
}

void common_step(const char *base, struct random *random)
{
	unsigned depth = 1 + (unsigned)random_below(random, DEPTH);
	unsigned other_depth = 1 + (unsigned)random_below(random, depth);
	char path[PATH_MAX], other[PATH_MAX];
	struct stat st;

	pick(base, depth, random, path);
	pick(base, other_depth, random, other);
	switch (random_below(random, 16)) {
	case 0:
	case 1:
		write_some(path, O_CREAT, random);
		break;
	case 2:
		write_some(path, O_TRUNC, random);
		break;
	case 3:
		read_some(path);
		break;
	case 4:
	case 5:
		check_error(mkdir(path, 0755), "mkdir", path);
		break;
	case 6:
		check_error(unlink(path), "unlink", path);
		break;
	case 7:
		check_error(rmdir(path), "rmdir", path);
		break;
	case 8:
	case 9:
	case 10:
		move(path, other, depth == other_depth, random);
		break;
	case 11:
		check_error(link(path, other), "link", path);
		break;
	case 12:
		check_error(symlink("a", path), "symlink", path);
		break;
	case 13:
		check_error(chmod(path, 0600 | (mode_t)random_below(random, 0200)), "chmod", path);
		break;
	case 14:
		list(path);
		break;
	default:
		check_error(lstat(path, &st), "stat", path);
		check_error(truncate(path, (off_t)random_below(random, 10000)), "truncate", path);
		break;
	}
}

static void verify_file(const char *path, const struct stat *st)
{
	off_t total = 0;
	char bytes[16384];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail("open %s at the end", path);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		total += n;
	if (n < 0 || total != st->st_size)
		fail("%s has %lld bytes and says %lld", path, (long long)total,
		     (long long)st->st_size);
	close(fd);
}

void common_verify(const char *path)
{
	DIR *dir = opendir(path);
	unsigned long seen[4] = {0}; /* one bit for each first byte of a name */
	struct dirent *entry;

	if (!dir)
		fail("opendir %s at the end", path);
	while ((entry = readdir(dir)) != NULL) {
		unsigned char first = (unsigned char)entry->d_name[0];
		char below[PATH_MAX];
		struct stat st;

		if (first == '.')
			continue;
		if (seen[first / 64] >> first % 64 & 1)
			fail("%s is listed twice in %s", entry->d_name, path);
		seen[first / 64] |= 1ul << first % 64;
		if (snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) >= PATH_MAX)
			continue;
		if (lstat(below, &st) < 0)
			fail("%s is listed and cannot be looked at", below);
		if ((mode_t)DTTOIF(entry->d_type) != (st.st_mode & S_IFMT))
			fail("%s is listed as another kind", below);
		if (S_ISDIR(st.st_mode))
			common_verify(below);
		else if (S_ISREG(st.st_mode))
			verify_file(below, &st);
	}
	closedir(dir);
}

void common_prepare(const char *base)
{
	struct random random = random_seeded(7);

	for (int i = 0; i < 2000; i++)
		common_step(base, &random);
}
