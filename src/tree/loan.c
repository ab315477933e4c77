#include "loan.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "venvfs/tree.h"

#define HANDLE_PATH_SIZE 32

/* Held while something is lent, and while a mode is changed; a leaf. Recursive, for whoever needs
 * something else meanwhile. */
static pthread_mutex_t lending = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

/* Nothing is lent: this process is a copy of the one that takes back what it lends. */
static bool forbidden;

/* The way to what an O_PATH descriptor refers to, for calls that do not take one. */
static void handle_path(int fd, char path[HANDLE_PATH_SIZE])
{
	snprintf(path, HANDLE_PATH_SIZE, "/proc/self/fd/%d", fd);
}

static int change_mode(int fd, mode_t mode)
{
	char path[HANDLE_PATH_SIZE];

	handle_path(fd, path);
	return chmod(path, mode & 07777) < 0 ? -errno : 0;
}

/* With the lock held. */
static int take_locked(int fd, mode_t bits, struct loan *out)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & bits) == bits)
		return 0;
	if (forbidden)
		return -EACCES;
	if (change_mode(fd, st.st_mode | bits) < 0)
		return -EACCES;
	*out = (struct loan){.fd = fd, .mode = st.st_mode};
	return 0;
}

int loan_take(int fd, mode_t bits, struct loan *out)
{
	int r;

	*out = LOAN_NONE;
	if (geteuid() == 0)
		return 0;
	pthread_mutex_lock(&lending);
	r = take_locked(fd, bits, out);
	if (out->fd < 0)
		pthread_mutex_unlock(&lending);
	return r;
}

void loan_return(struct loan *loan)
{
	if (loan->fd < 0)
		return;
	/* It was ours to change a moment ago. */
	(void)change_mode(loan->fd, loan->mode);
	loan->fd = -1;
	pthread_mutex_unlock(&lending);
}

void tree_forbid_loans(void)
{
	forbidden = true;
}

int loan_open(int fd, int flags, mode_t bits)
{
	_cleanup_loan_ struct loan loan = LOAN_NONE;
	char path[HANDLE_PATH_SIZE];
	int opened, r;

	handle_path(fd, path);
	opened = open(path, flags | O_CLOEXEC);
	if (opened >= 0 || errno != EACCES)
		return opened < 0 ? -errno : opened;
	r = loan_take(fd, bits, &loan);
	if (r < 0)
		return r;
	opened = open(path, flags | O_CLOEXEC);
	return opened < 0 ? -errno : opened;
}

int loan_handle(int directory, const char *name)
{
	const int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
	_cleanup_loan_ struct loan loan = LOAN_NONE;
	int fd = openat(directory, name, flags), r;

	if (fd >= 0 || errno != EACCES)
		return fd < 0 ? -errno : fd;
	r = loan_take(directory, S_IXUSR, &loan);
	if (r < 0)
		return r;
	fd = openat(directory, name, flags);
	return fd < 0 ? -errno : fd;
}

int loan_chmod(int fd, mode_t mode)
{
	int r;

	pthread_mutex_lock(&lending);
	r = change_mode(fd, mode);
	pthread_mutex_unlock(&lending);
	return r;
}
