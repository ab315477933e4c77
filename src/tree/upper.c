#include "upper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loan.h"
#include "venvfs/cleanup.h"
#include "venvfs/hash.h"
#include "venvfs/io.h"
#include "venvfs/log.h"

bool upper_is_reserved(const char *name)
{
	return strncmp(name, WHITEOUT_PREFIX, strlen(WHITEOUT_PREFIX)) == 0;
}

/* The file that whites @name out; *is_long when it must hold the name. */
static void whiteout_name(const char *name, char out[NAME_MAX + 1], bool *is_long)
{
	size_t length = strlen(name);

	*is_long = length > NAME_MAX - strlen(WHITEOUT_PREFIX);
	if (*is_long)
		snprintf(out, NAME_MAX + 1, WHITEOUT_LONG "%016llx",
			 (unsigned long long)hash_bytes(name, length, HASH_SEED));
	else
		snprintf(out, NAME_MAX + 1, WHITEOUT_PREFIX "%.*s",
			 (int)(NAME_MAX - strlen(WHITEOUT_PREFIX)), name);
}

/* Another descriptor of the directory @fd, to be listed. */
static int open_for_listing(int fd)
{
	return loan_open(fd, O_RDONLY | O_DIRECTORY, S_IRUSR | S_IXUSR);
}

/* A mark's content, which is a name or a path: short, without NUL, and a regular file. */
static int read_mark(int fd, const char *mark, struct buffer *out)
{
	_cleanup_close_ int file = -1;
	struct stat st;
	int r;

	/* O_NONBLOCK: someone may have put a FIFO there. */
	file = openat(fd, mark, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (file < 0 || fstat(file, &st) < 0)
		return errno == ELOOP ? -EUCLEAN : -errno;
	if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size >= PATH_MAX)
		return -EUCLEAN;
	r = io_read_fd(file, PATH_MAX, out);
	if (r == 0 && strlen(out->data) != out->length)
		r = -EUCLEAN;
	return r;
}

/* Whether a path stays where it is joined: relative, and no part is empty, "." or "..". */
static bool is_plain_path(const char *path)
{
	for (;;) {
		size_t length = strcspn(path, "/");

		if (length == 0 || length > NAME_MAX || (length == 1 && path[0] == '.') ||
		    (length == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		if (path[length] == '\0')
			return true;
		path += length + 1;
	}
}

static int read_redirect(int fd, struct upper_marks *out)
{
	_cleanup_buffer_ struct buffer path = {0};
	int r = read_mark(fd, WHITEOUT_REDIRECT, &path);

	if (r == 0 && !is_plain_path(path.data))
		r = -EUCLEAN;
	if (r < 0)
		return r;
	out->redirect = buffer_take(&path);
	return out->redirect ? 0 : -ENOMEM;
}

static int read_long_whiteout(int fd, const char *mark, struct upper_marks *out)
{
	_cleanup_buffer_ struct buffer name = {0};
	int r = read_mark(fd, mark, &name);

	if (r < 0)
		return r;
	r = name_table_add(&out->whiteouts, name.data, 0);
	return r == -EEXIST ? 0 : r;
}

static int read_one_mark(int fd, const char *mark, struct upper_marks *out)
{
	int r;

	if (strcmp(mark, WHITEOUT_OPAQUE) == 0) {
		out->opaque = true;
		return 0;
	}
	if (strcmp(mark, WHITEOUT_REDIRECT) == 0)
		return read_redirect(fd, out);
	if (strncmp(mark, WHITEOUT_LONG, strlen(WHITEOUT_LONG)) == 0)
		return read_long_whiteout(fd, mark, out);
	r = name_table_add(&out->whiteouts, mark + strlen(WHITEOUT_PREFIX), 0);
	return r == -EEXIST ? 0 : r;
}

static int read_if_mark(void *arg, int directory, const char *name, mode_t kind)
{
	int r = upper_is_reserved(name) ? read_one_mark(directory, name, arg) : 0;

	(void)kind;
	if (r == -EUCLEAN)
		log_error(
			"the store is damaged: a mark named %s cannot be understood; remove it to "
			"give up what it says",
			name);
	return r;
}

int upper_read_marks(int fd, struct upper_marks *out)
{
	_cleanup_loan_ struct loan loan = LOAN_NONE;
	int r;

	*out = (struct upper_marks){0};
	r = loan_take(fd, S_IRUSR | S_IXUSR, &loan);
	if (r == 0)
		r = io_each_entry(open_for_listing(fd), read_if_mark, out);
	if (r < 0)
		upper_marks_clear(out);
	return r;
}

void upper_marks_clear(struct upper_marks *marks)
{
	free(marks->redirect);
	name_table_clear(&marks->whiteouts);
	*marks = (struct upper_marks){0};
}

int upper_sync(int fd)
{
	_cleanup_close_ int directory = loan_open(fd, O_RDONLY | O_DIRECTORY, S_IRUSR);

	if (directory < 0)
		return directory;
	return fsync(directory) < 0 ? -errno : 0;
}

/* An empty mark: one system call, nothing to close. */
static int add_empty(int fd, const char *mark)
{
	return mknodat(fd, mark, S_IFREG | 0600, 0) < 0 && errno != EEXIST ? -errno : 0;
}

/* The same as a link to one file for all of them: removing a package leaves thousands, and a quota
 * counts inodes. */
static int link_empty(int work_fd, int fd, const char *mark)
{
	int r = linkat(work_fd, UPPER_EMPTY_MARK, fd, mark, 0) < 0 ? -errno : 0;

	if (r == 0 || r == -EEXIST)
		return 0;
	/* There is none yet, or it has all the links that it can have. */
	if (r == -EMLINK)
		(void)unlinkat(work_fd, UPPER_EMPTY_MARK, 0);
	if ((r == -EMLINK || r == -ENOENT) && add_empty(work_fd, UPPER_EMPTY_MARK) == 0 &&
	    linkat(work_fd, UPPER_EMPTY_MARK, fd, mark, 0) == 0)
		return 0;
	return add_empty(fd, mark);
}

/* A mark with a content: whole or not there, and nothing beside it. */
static int publish_mark(int work_fd, int fd, const char *mark, const char *text)
{
	char temporary[UPPER_TEMPORARY_SIZE];
	_cleanup_close_ int file = -1;
	int r;

	upper_temporary_name(temporary);
	file = openat(work_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file < 0)
		return -errno;
	r = io_write_all(file, text, strlen(text));
	if (r == 0 && (fsync(file) < 0 || renameat(work_fd, temporary, fd, mark) < 0))
		r = -errno;
	if (r < 0)
		unlinkat(work_fd, temporary, 0);
	return r;
}

int upper_add_whiteout(int work_fd, int fd, const char *name)
{
	char mark[NAME_MAX + 1];
	bool is_long;

	whiteout_name(name, mark, &is_long);
	return is_long ? publish_mark(work_fd, fd, mark, name) : link_empty(work_fd, fd, mark);
}

int upper_remove_whiteout(int fd, const char *name)
{
	char mark[NAME_MAX + 1];
	bool is_long;

	whiteout_name(name, mark, &is_long);
	return unlinkat(fd, mark, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int upper_mark_opaque(int fd)
{
	return add_empty(fd, WHITEOUT_OPAQUE);
}

int upper_mark_redirect(int work_fd, int fd, const char *path)
{
	return publish_mark(work_fd, fd, WHITEOUT_REDIRECT, path);
}

static int remove_if_mark(void *arg, int directory, const char *name, mode_t kind)
{
	(void)arg;
	(void)kind;
	return upper_is_reserved(name) && unlinkat(directory, name, 0) < 0 ? -errno : 0;
}

int upper_remove_marks(int fd)
{
	/* First the redirect: without it, no layer's entry can show for want of its whiteout. */
	if (unlinkat(fd, WHITEOUT_REDIRECT, 0) < 0 && errno != ENOENT)
		return -errno;
	return io_each_entry(open_for_listing(fd), remove_if_mark, NULL);
}

struct lister {
	int (*fn)(void *arg, const char *name, mode_t kind);
	void *arg;
};

static int list_unless_mark(void *arg, int directory, const char *name, mode_t kind)
{
	const struct lister *lister = arg;

	(void)directory;
	return upper_is_reserved(name) ? 0 : lister->fn(lister->arg, name, kind);
}

int upper_list(int fd, int (*fn)(void *arg, const char *name, mode_t kind), void *arg)
{
	struct lister lister = {.fn = fn, .arg = arg};

	return io_each_entry(open_for_listing(fd), list_unless_mark, &lister);
}

void upper_temporary_name(char name[UPPER_TEMPORARY_SIZE])
{
	static atomic_uint_fast64_t counter;

	snprintf(name, UPPER_TEMPORARY_SIZE, "t%u-%llu", (unsigned)getpid(),
		 (unsigned long long)atomic_fetch_add(&counter, 1));
}
