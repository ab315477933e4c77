#include "channel.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

const char *channel_opcode_name(unsigned opcode)
{
	static const char *const names[CHANNEL_OPCODES] = {
		[FUSE_LOOKUP] = "LOOKUP",
		[FUSE_FORGET] = "FORGET",
		[FUSE_GETATTR] = "GETATTR",
		[FUSE_SETATTR] = "SETATTR",
		[FUSE_READLINK] = "READLINK",
		[FUSE_SYMLINK] = "SYMLINK",
		[FUSE_MKNOD] = "MKNOD",
		[FUSE_MKDIR] = "MKDIR",
		[FUSE_UNLINK] = "UNLINK",
		[FUSE_RMDIR] = "RMDIR",
		[FUSE_RENAME] = "RENAME",
		[FUSE_LINK] = "LINK",
		[FUSE_OPEN] = "OPEN",
		[FUSE_READ] = "READ",
		[FUSE_WRITE] = "WRITE",
		[FUSE_STATFS] = "STATFS",
		[FUSE_RELEASE] = "RELEASE",
		[FUSE_FSYNC] = "FSYNC",
		[FUSE_SETXATTR] = "SETXATTR",
		[FUSE_GETXATTR] = "GETXATTR",
		[FUSE_LISTXATTR] = "LISTXATTR",
		[FUSE_REMOVEXATTR] = "REMOVEXATTR",
		[FUSE_FLUSH] = "FLUSH",
		[FUSE_INIT] = "INIT",
		[FUSE_OPENDIR] = "OPENDIR",
		[FUSE_READDIR] = "READDIR",
		[FUSE_RELEASEDIR] = "RELEASEDIR",
		[FUSE_FSYNCDIR] = "FSYNCDIR",
		[FUSE_GETLK] = "GETLK",
		[FUSE_SETLK] = "SETLK",
		[FUSE_SETLKW] = "SETLKW",
		[FUSE_ACCESS] = "ACCESS",
		[FUSE_CREATE] = "CREATE",
		[FUSE_INTERRUPT] = "INTERRUPT",
		[FUSE_BMAP] = "BMAP",
		[FUSE_DESTROY] = "DESTROY",
		[FUSE_IOCTL] = "IOCTL",
		[FUSE_POLL] = "POLL",
		[FUSE_NOTIFY_REPLY] = "NOTIFY_REPLY",
		[FUSE_BATCH_FORGET] = "BATCH_FORGET",
		[FUSE_FALLOCATE] = "FALLOCATE",
		[FUSE_READDIRPLUS] = "READDIRPLUS",
		[FUSE_RENAME2] = "RENAME2",
		[FUSE_LSEEK] = "LSEEK",
		[FUSE_COPY_FILE_RANGE] = "COPY_FILE_RANGE",
		[FUSE_SETUPMAPPING] = "SETUPMAPPING",
		[FUSE_REMOVEMAPPING] = "REMOVEMAPPING",
		[FUSE_SYNCFS] = "SYNCFS",
		[51] = "TMPFILE", /* newer than the headers that we build with */
		[52] = "STATX",
	};

	return opcode < CHANNEL_OPCODES ? names[opcode] : NULL;
}

/* What libfuse 3.14 accepts in `want` and never tells the kernel (lib/fuse_lowlevel.c, do_init). */
#define INIT_FLAGS_ADDED FUSE_PARALLEL_DIROPS

/* The same for passthrough, of which it knows nothing: bit 37, in the second word; and over how
 * many stacked file systems it may go. The kernel passes over bits that it does not know. */
#define INIT_FLAGS2_PASSTHROUGH (1u << (37 - 32))
#define INIT_STACK_DEPTH        1

void channel_negotiate(void *userdata, struct fuse_conn_info *connection)
{
	/* No opens at all, and whatever the kernel was told stays cached. */
	const unsigned wanted = FUSE_CAP_NO_OPEN_SUPPORT | FUSE_CAP_NO_OPENDIR_SUPPORT |
				FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_PARALLEL_DIROPS |
				FUSE_CAP_READDIRPLUS;
	/*
	 * ATOMIC_O_TRUNC would lose O_TRUNC where nothing is opened; AUTO_INVAL_DATA drops the
	 * cache after one's own writes; READDIRPLUS_AUTO sends plain READDIRs; a dropped set-id bit
	 * is exactly as ext4's only if the kernel does it; splicing costs more than copying what is
	 * asked for here.
	 */
	const unsigned unwanted = FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_AUTO_INVAL_DATA |
				  FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_HANDLE_KILLPRIV |
				  FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
				  FUSE_CAP_SPLICE_MOVE;

	(void)userdata;
	connection->want |= wanted & connection->capable;
	connection->want &= ~unwanted;
	connection->max_write = CHANNEL_MAX_WRITE;
	connection->max_readahead = CHANNEL_MAX_WRITE;
}

#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 13)
/* Whether this is the answer to INIT, in two parts as libfuse sends it. */
static bool is_init_answer(const struct channel *channel, const struct iovec *iov, int count)
{
	const struct fuse_out_header *head = iov[0].iov_base;

	return count == 2 && iov[0].iov_len == sizeof(*head) && head->error == 0 &&
	       head->unique == channel->init_unique &&
	       iov[1].iov_len >= FUSE_COMPAT_22_INIT_OUT_SIZE &&
	       iov[1].iov_len <= sizeof(struct fuse_init_out);
}

static ssize_t write_answer(int fd, struct iovec *iov, int count, void *userdata)
{
	const struct channel *channel = userdata;
	struct fuse_init_out init;
	struct iovec changed[2];

	if (!is_init_answer(channel, iov, count))
		return writev(fd, iov, count);
	memcpy(&init, iov[1].iov_base, iov[1].iov_len);
	init.flags |= INIT_FLAGS_ADDED;
	if (channel->passthrough && iov[1].iov_len == sizeof(init)) {
		init.flags |= FUSE_INIT_EXT;
		init.flags2 |= INIT_FLAGS2_PASSTHROUGH;
		init.unused[0] = INIT_STACK_DEPTH;
	}
	changed[0] = iov[0];
	changed[1] = (struct iovec){.iov_base = &init, .iov_len = iov[1].iov_len};
	return writev(fd, changed, 2);
}

/* libfuse wants one, and never calls it: requests are read in channel_serve(). */
static ssize_t read_request(int fd, void *buffer, size_t size, void *userdata)
{
	(void)userdata;
	return read(fd, buffer, size);
}

static int hook(struct fuse_session *fuse, int fd)
{
	static const struct fuse_custom_io io = {.writev = write_answer, .read = read_request};

	return fuse_session_custom_io(fuse, &io, fd);
}
#else
/* Before 3.13 libfuse has no hooks: directory operations are then not parallel. */
static int hook(struct fuse_session *fuse, int fd)
{
	(void)fuse;
	(void)fd;
	return 0;
}
#endif

int channel_attach(struct channel *channel, struct fuse_session *fuse)
{
	channel->fuse = fuse;
	channel->fd = fuse_session_fd(fuse);
	return hook(fuse, channel->fd);
}

void channel_enter(struct channel *channel)
{
	for (int i = 0; i < CHANNEL_THREADS; i++) {
		pid_t none = 0;

		if (atomic_compare_exchange_strong(&channel->own_threads[i], &none, gettid()))
			return;
	}
}

void channel_leave(struct channel *channel)
{
	for (int i = 0; i < CHANNEL_THREADS; i++) {
		pid_t self = gettid();

		if (atomic_compare_exchange_strong(&channel->own_threads[i], &self, 0))
			return;
	}
}

static bool is_own(const struct channel *channel, uint32_t pid)
{
	for (int i = 0; pid != 0 && i < CHANNEL_THREADS && channel->own_threads[i]; i++)
		if ((uint32_t)channel->own_threads[i] == pid)
			return true;
	return false;
}

static void answer_error(const struct channel *channel, const struct fuse_in_header *head, int error)
{
	const struct fuse_out_header answer = {
		.len = sizeof(answer),
		.error = error,
		.unique = head->unique,
	};

	(void)!write(channel->fd, &answer, sizeof(answer));
}

/* What needs neither the tree nor libfuse. */
static bool answer_at_once(const struct channel *channel, const struct fuse_in_header *head)
{
	if (is_own(channel, head->pid))
		answer_error(channel, head, -EDEADLK);
	/* Up to 3.13, Python asks at each open whether the file is a terminal, and the kernel hands
	 * it on whatever was answered before. */
	else if (head->opcode == FUSE_IOCTL)
		answer_error(channel, head, -ENOTTY);
	else
		return false;
	return true;
}

static void count_request(struct channel *channel, uint32_t opcode)
{
	if (opcode < CHANNEL_OPCODES)
		atomic_fetch_add_explicit(&channel->requests[opcode], 1, memory_order_relaxed);
}

ssize_t channel_serve(struct channel *channel, void *buffer)
{
	const struct fuse_in_header *head = buffer;
	struct fuse_buf request = {.mem = buffer};
	ssize_t n = read(channel->fd, buffer, CHANNEL_REQUEST_SIZE);

	/* ENOENT: the request was interrupted before we had it. */
	if (n < 0)
		return errno == ENOENT || errno == EINTR || errno == EAGAIN ? 0 : -errno;
	if ((size_t)n < sizeof(*head))
		return -EIO;
	count_request(channel, head->opcode);
	if (head->opcode == FUSE_INIT)
		channel->init_unique = head->unique;
	request.size = (size_t)n;
	if (!answer_at_once(channel, head))
		fuse_session_process_buf(channel->fuse, &request);
	return n;
}
