#include "venvfs/ahead.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ahead_helper.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/log.h"
#include "venvfs/mountinfo.h"

#define FILE_NAME "ahead"

/* What was noted is written down when nothing new has come for SETTLE_MS, or after so many times
 * that in a row. */
#define SETTLE_MS    2000
#define SETTLE_LIMIT 15

/* So long a helper may take to end once it is killed. */
#define END_MS 1000

struct helper {
	_Atomic pid_t pid; /* 0: there is none (any more) */
	_Atomic int pidfd; /* -1: the same */
};

struct ahead {
	struct environment *environment;
	struct ahead_progress *progress; /* shared with the helpers */
	struct helper reader, walker;
	int go; /* the walker begins when a byte comes through; -1: it has, or there is none */
	int stopping; /* eventfd */
	int noted;    /* eventfd: something is not written down yet */
	bool knows;   /* something was remembered */
	bool keeps;   /* the keeper runs */
	pthread_t keeper;

	pthread_mutex_t lock; /* a leaf, for what follows */
	struct ahead_list list;
	uint64_t changes; /* of the list */
	bool unwritten;
};

/* The file. */

/* Nobody else may say what we fetch. */
static int open_file(const struct env_store *store)
{
	_cleanup_close_ int fd = io_open_regular(store->fd, FILE_NAME, O_RDONLY, 0);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_uid != geteuid() && st.st_uid != 0) || st.st_mode & (S_IWGRP | S_IWOTH))
		return -EPERM;
	return TAKE_FD(fd);
}

static int load(struct ahead *ahead)
{
	_cleanup_close_ int fd = open_file(ahead->environment->store);
	_cleanup_buffer_ struct buffer data = {0};
	int r = fd < 0 ? fd : io_read_fd(fd, AHEAD_FILE_MAX, &data);

	if (r == 0)
		r = ahead_list_decode(data.data, data.length, (unsigned)ahead->environment->minor,
				      &ahead->list);
	return r;
}

/* Whole or not at all, but not brought to disk at once: it is a hint, and has a checksum. */
static int publish(const struct env_store *store, const struct buffer *data)
{
	_cleanup_close_ int work = env_store_open_work(store);
	_cleanup_close_ int fd = -1;
	int r;

	if (work < 0)
		return work;
	(void)unlinkat(work, FILE_NAME, 0);
	fd = openat(work, FILE_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = io_write_all(fd, data->data, data->length);
	if (r == 0 && (fchmod(fd, 0600) < 0 || renameat(work, FILE_NAME, store->fd, FILE_NAME) < 0))
		r = -errno;
	if (r < 0)
		(void)unlinkat(work, FILE_NAME, 0);
	return r;
}

static void write_down(struct ahead *ahead)
{
	_cleanup_buffer_ struct buffer data = {0};
	int r = 0;

	pthread_mutex_lock(&ahead->lock);
	if (ahead->unwritten)
		r = ahead_list_encode(&ahead->list, (unsigned)ahead->environment->minor, &data);
	ahead->unwritten = false;
	pthread_mutex_unlock(&ahead->lock);
	if (r == 0 && data.length > 0)
		r = publish(ahead->environment->store, &data);
	if (r < 0)
		log_debug("what was used is not remembered: %s", strerror(-r));
}

/* Notes. */

static void note(struct ahead *ahead, uint64_t id, const char *name, uint8_t what, uint64_t start,
		 uint64_t end)
{
	_cleanup_buffer_ struct buffer path = {0};
	bool first = false;

	if (tree_path(ahead->environment->tree, id, name, &path) < 0)
		return;
	buffer_append(&path, "", 0);
	if (buffer_status(&path) < 0)
		return;
	pthread_mutex_lock(&ahead->lock);
	if (ahead_list_note(&ahead->list, path.data, what, start, end)) {
		ahead->changes++;
		first = !ahead->unwritten;
		ahead->unwritten = true;
	}
	pthread_mutex_unlock(&ahead->lock);
	if (first)
		(void)eventfd_write(ahead->noted, 1);
}

/* Whether what process @pid asks is to be noted. 0 is one of another PID namespace. */
static bool counts(const struct ahead *ahead, pid_t pid)
{
	return ahead && !ahead->environment->read_only && (pid == 0 || pid != ahead->walker.pid);
}

void ahead_note(struct ahead *ahead, uint64_t id, const char *name, enum ahead_what what, pid_t pid)
{
	if (counts(ahead, pid))
		note(ahead, id, name, (uint8_t)what, 0, 0);
}

void ahead_note_read(struct ahead *ahead, uint64_t id, uint64_t offset, uint64_t size, pid_t pid)
{
	if (counts(ahead, pid))
		note(ahead, id, NULL, AHEAD_READ, offset, offset + size);
}

void ahead_made(struct ahead *ahead, uint64_t parent, const char *name)
{
	_cleanup_buffer_ struct buffer path = {0};

	if (!ahead || tree_path(ahead->environment->tree, parent, name, &path) < 0)
		return;
	pthread_mutex_lock(&ahead->lock);
	ahead_list_made(&ahead->list, path.data);
	pthread_mutex_unlock(&ahead->lock);
}

/* The helpers. */

/* In the child: nobody may wait for us, and we end with our parent. */
static void become_helper(pid_t parent)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || null < 0)
		_exit(1);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	close(null);
	log_set_fd(-1);
	setsid();
	(void)!chdir("/");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Forks a helper: 0 in the child. */
static pid_t fork_helper(struct helper *helper)
{
	pid_t parent = getpid();

	helper->pid = fork();
	if (helper->pid == 0)
		become_helper(parent);
	if (helper->pid < 0)
		helper->pid = 0;
	else if (helper->pid > 0)
		helper->pidfd = (int)syscall(SYS_pidfd_open, helper->pid, 0);
	else
		return 0;
	return 1;
}

/* Closes what is neither a file nor a directory: somebody may wait for the end of a pipe. */
static int close_others(void *arg, int directory, const char *name, mode_t kind)
{
	int fd = atoi(name);
	struct stat st;

	(void)arg;
	(void)kind;
	if (fd > STDERR_FILENO && fd != directory && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) &&
	    !S_ISDIR(st.st_mode))
		close(fd);
	return 0;
}

/* It keeps no more open than it needs: the locks of the store end with the last descriptor. */
static void start_reader(struct ahead *ahead, bool base)
{
	struct environment *environment = ahead->environment;

	if (fork_helper(&ahead->reader) != 0)
		return;
	env_store_free(environment->store);
	(void)io_each_entry(io_open_directory(AT_FDCWD, "/proc/self/fd"), close_others, NULL);
	tree_forbid_loans(); /* we may be killed at any moment, and the daemon would not know */
	ahead_read(&ahead->list, environment, base, ahead->progress);
	_exit(0);
}

void ahead_mounted(struct ahead *ahead, const char *place)
{
	int ends[2];

	if (!ahead || !ahead->knows || pipe2(ends, O_CLOEXEC) < 0)
		return;
	if (fork_helper(&ahead->walker) == 0) {
		/* Least of all /dev/fuse. */
		dup2(ends[0], 3);
		close_range(4, ~0u, 0);
		ahead_walk(&ahead->list, place, 3, ahead->progress);
		_exit(0);
	}
	close(ends[0]);
	ahead->go = ends[1];
}

/* Takes note of a helper that has ended. */
static void reap(struct helper *helper)
{
	if (helper->pidfd < 0 || waitpid(helper->pid, NULL, WNOHANG) == 0)
		return;
	close(helper->pidfd);
	helper->pidfd = -1;
	helper->pid = 0;
}

/* One that a dead disk keeps from ending is left to itself. */
static void end(struct helper *helper)
{
	struct pollfd ended = {.fd = helper->pidfd, .events = POLLIN};

	if (helper->pidfd < 0)
		return;
	kill(helper->pid, SIGKILL);
	(void)poll(&ended, 1, END_MS);
	reap(helper);
}

/* The keeper. */

/* The walker's own mount keeps the file system alive after it was unmounted for everybody else. */
static bool is_mounted(dev_t device)
{
	_cleanup_mountinfo_ struct mountinfo mounts = {0};

	if (mountinfo_read(&mounts) < 0)
		return true;
	for (size_t i = 0; i < mounts.count; i++)
		if (makedev(mounts.entries[i].major, mounts.entries[i].minor) == device)
			return true;
	return false;
}

/* Whether it is time to write down: nothing new has come, or too long something has. */
static bool has_settled(struct ahead *ahead, uint64_t *changes, unsigned *rounds)
{
	bool settled;

	pthread_mutex_lock(&ahead->lock);
	settled = *changes == ahead->changes || ++*rounds == SETTLE_LIMIT;
	*changes = ahead->changes;
	pthread_mutex_unlock(&ahead->lock);
	return settled;
}

/* Waits for the helpers' ends, and for notes to write down. */
static void *keep(void *arg)
{
	struct ahead *ahead = arg;
	_cleanup_close_ int mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	bool unsettled = false;
	uint64_t changes = 0;
	unsigned rounds = 0;

	for (;;) {
		struct pollfd fds[] = {
			{.fd = ahead->stopping, .events = POLLIN},
			{.fd = unsettled ? -1 : ahead->noted, .events = POLLIN},
			{.fd = ahead->reader.pidfd, .events = POLLIN},
			{.fd = ahead->walker.pidfd, .events = POLLIN},
			{.fd = mounts, .events = POLLPRI},
		};
		int r = poll(fds, sizeof(fds) / sizeof(fds[0]), unsettled ? SETTLE_MS : -1);

		if (r < 0 && errno != EINTR)
			return NULL;
		if (fds[0].revents)
			return NULL;
		if (fds[1].revents && !ahead->environment->read_only) {
			unsettled = true;
			changes = 0, rounds = 0;
		} else if (r == 0 && has_settled(ahead, &changes, &rounds)) {
			eventfd_t count;

			unsettled = false;
			(void)eventfd_read(ahead->noted, &count);
			write_down(ahead);
		}
		if (fds[2].revents)
			reap(&ahead->reader);
		if (fds[3].revents)
			reap(&ahead->walker);
		if (fds[4].revents && !is_mounted((dev_t)ahead->progress->device))
			end(&ahead->walker);
		if (ahead->walker.pidfd < 0) {
			cleanup_close(&mounts);
			mounts = -1;
		}
	}
}

void ahead_serving(struct ahead *ahead, dev_t device)
{
	if (!ahead)
		return;
	ahead->progress->device = device;
	ahead->keeps = pthread_create(&ahead->keeper, NULL, keep, ahead) == 0;
	if (ahead->go >= 0 && ahead->keeps)
		(void)!write(ahead->go, "", 1);
	cleanup_close(&ahead->go);
	ahead->go = -1;
}

static void ahead_free(struct ahead *ahead)
{
	end(&ahead->reader);
	end(&ahead->walker);
	if (ahead->progress)
		munmap(ahead->progress, sizeof(*ahead->progress));
	cleanup_close(&ahead->go);
	cleanup_close(&ahead->noted);
	cleanup_close(&ahead->stopping);
	pthread_mutex_destroy(&ahead->lock);
	ahead_list_clear(&ahead->list);
	free(ahead);
}

struct ahead *ahead_start(struct environment *environment)
{
	struct ahead *ahead = environment->store ? calloc(1, sizeof(*ahead)) : NULL;
	void *shared = mmap(NULL, sizeof(*ahead->progress), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool base;
	int r;

	if (!ahead) {
		if (shared != MAP_FAILED)
			munmap(shared, sizeof(*ahead->progress));
		return NULL;
	}
	*ahead = (struct ahead){
		.environment = environment,
		.progress = shared == MAP_FAILED ? NULL : shared,
		.reader.pidfd = -1,
		.walker.pidfd = -1,
		.go = -1,
		.stopping = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.noted = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	pthread_mutex_init(&ahead->lock, NULL);
	if (!ahead->progress || ahead->stopping < 0 || ahead->noted < 0) {
		ahead_free(ahead);
		return NULL;
	}
	r = load(ahead);
	if (r < 0 && r != -ENOENT)
		log_debug("what was used last time is not fetched ahead: %s", strerror(-r));
	ahead->knows = ahead->list.count > 0;
	base = ahead_base_is_cold(environment);
	if (ahead->knows || base)
		start_reader(ahead, base);
	return ahead;
}

void ahead_stop(struct ahead *ahead)
{
	if (!ahead)
		return;
	if (ahead->keeps) {
		(void)eventfd_write(ahead->stopping, 1);
		pthread_join(ahead->keeper, NULL);
	}
	end(&ahead->reader);
	end(&ahead->walker);
	if (!ahead->environment->read_only)
		write_down(ahead);
	ahead_free(ahead);
}

void ahead_report(const struct ahead *ahead, struct buffer *out)
{
	const struct ahead_progress *progress;
	const char *state = "done";

	if (!ahead)
		return buffer_puts(out, "ahead: no\n");
	progress = ahead->progress;
	if (!ahead->knows)
		state = "nothing known";
	else if (ahead->reader.pidfd >= 0 || ahead->walker.pidfd >= 0)
		state = "running";
	else if (progress->walk_refused)
		state = "files only";
	buffer_printf(out, "ahead: %s\n", state);
	buffer_printf(out, "ahead-names: %u in %u ms\n", progress->entries, progress->walk_ms);
	buffer_printf(out, "ahead-files: %u, %llu bytes in %u ms\n", progress->files,
		      (unsigned long long)progress->bytes, progress->read_ms);
	buffer_printf(out, "ahead-base: %u\n", progress->base_files);
}
