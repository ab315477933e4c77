#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "channel.h"
#include "notify.h"
#include "ops.h"
#include "passthrough.h"
#include "report.h"
#include "venvfs/ahead.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/log.h"
#include "venvfs/mountinfo.h"
#include "venvfs/unmount.h"

/*
 * A request may wait for a slow disk: others are answered meanwhile. All threads read from one
 * queue, and the kernel wakes for each request the one that has waited longest (fs/fuse/dev.c).
 *
 * What an answer takes is decided by where the scheduler wakes whom. On one processor a round trip
 * is 3 us, across two of a virtual machine 20 - 60 us, because each direction is an interrupt, and
 * it wakes us and our caller where nobody else runs, so apart whenever a processor is idle (kernel/
 * sched/fair.c, select_idle_sibling()). With one reader the two stay as they came to lie, so the
 * same work took 3 or 40 us for seconds; with several, whose places differ, it is in between, 6 -
 * 14 us. Tried with tests/bench/roundtrip, and worse or no better: one reader that others join when
 * requests wait; polling for the next request instead of sleeping; keeping processors from halting;
 * a reader bound to one processor, unless the caller is bound to it too (then pip installs at 1.1
 * times its native time instead of 2.2). With 4 or 8 threads there is no difference.
 */
#define THREADS 8

/* The shortest that the scheduler grants. */
#define SLICE_NS 100000

/* See serve_one(). */
#define LARGE_REQUEST (64 << 10)
#define PATIENCE      64

/* After a signal, those who still have files open may go on for so long. */
#define GRACE_MS 5000

#define WAKE_AGAIN_NS  10000000
#define MESSAGES_LIMIT 4096

struct session {
	struct environment *environment;
	char *place; /* the mount point without links: fusermount3 and umount2() follow none */
	struct channel channel;
	struct passthrough *passthrough; /* NULL: it was not asked for */
	struct report report;
	struct notifier *notifier;
	pthread_t threads[THREADS];
	unsigned thread_count;
	atomic_uint serving;  /* threads that still do */
	atomic_bool stopping; /* they are to end, although the mount has not */
	int ended;            /* eventfd: the last of them does no more */
	int signals;          /* signalfd */
	dev_t device;         /* of what is mounted */
	bool left;            /* we end while it is still in use */
};

/* Messages. */

/* What libfuse has to say goes to our log; in the foreground with -d, each request. */
static void forward_log(enum fuse_log_level level, const char *format, va_list args)
{
	_cleanup_free_ char *text = NULL;

	if (vasprintf(&text, format, args) < 0) {
		text = NULL;
		return;
	}
	text[strcspn(text, "\n")] = '\0';
	if (*text)
		log_message(level >= FUSE_LOG_INFO      ? LOG_LEVEL_DEBUG
			    : level >= FUSE_LOG_WARNING ? LOG_LEVEL_WARNING
							: LOG_LEVEL_ERROR,
			    "%s", text);
}

/* The last line of what libfuse or fusermount3 complained of, as the message of @error. */
static void explain_failure(char *text, const char *mountpoint, struct error *error)
{
	char *line = NULL, *save = NULL;

	for (char *next = strtok_r(text, "\n", &save); next; next = strtok_r(NULL, "\n", &save))
		if (!line || strstr(next, "fusermount3"))
			line = next;
	error_set(error, -EIO, "cannot mount at %s: %s", mountpoint,
		  line ? line : "no reason given");
	if (line && strstr(line, "user_allow_other"))
		error_hint(error, "root can add the line user_allow_other to /etc/fuse.conf");
	else if (line && strstr(line, "/dev/fuse"))
		error_hint(error, "you need read and write permission on /dev/fuse");
}

/* fuse_session_mount(), which only prints why it failed, as does the fusermount3 that it runs. */
static int mount_captured(struct fuse_session *fuse, const char *mountpoint, struct error *error)
{
	_cleanup_close_ int messages = memfd_create("messages", MFD_CLOEXEC);
	_cleanup_close_ int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	_cleanup_buffer_ struct buffer text = {0};
	int r;

	if (messages < 0 || dup2(messages, STDERR_FILENO) < 0)
		return error_set_errno(error, -errno, "cannot mount at %s", mountpoint);
	r = fuse_session_mount(fuse, mountpoint);
	if (saved < 0 || dup2(saved, STDERR_FILENO) < 0)
		close(STDERR_FILENO);
	if (r == 0)
		return 0;
	if (lseek(messages, 0, SEEK_SET) < 0 || io_read_fd(messages, MESSAGES_LIMIT, &text) < 0)
		text.length = 0;
	buffer_append(&text, "", 0);
	explain_failure(buffer_status(&text) == 0 ? text.data : (char[]){""}, mountpoint, error);
	return -EIO;
}

/* Mounting. */

/* Appends ",KEY=VALUE" as libfuse takes it apart (lib/fuse_opt.c). */
static void add_value(struct buffer *out, const char *key, const char *value)
{
	buffer_printf(out, ",%s=", key);
	for (; *value; value++) {
		if (*value == ',' || *value == '\\')
			buffer_putc(out, '\\');
		buffer_putc(out, *value);
	}
}

/* The options of the mount, as one string to be freed. */
static char *option_list(const struct environment *environment, const struct mount_options *options)
{
	_cleanup_buffer_ struct buffer list = {0};

	buffer_puts(&list, "default_permissions,nosuid,nodev,subtype=venvfs");
	/* The spec, not our name: mount -a tells by it what is mounted already. */
	add_value(&list, "fsname", environment->spec->path);
	if (options->read_only)
		buffer_puts(&list, ",ro");
	if (options->allow_other)
		buffer_puts(&list, ",allow_other");
	if (options->noexec)
		buffer_puts(&list, ",noexec");
	if (options->noatime)
		buffer_puts(&list, ",noatime");
	return buffer_take(&list);
}

static struct fuse_session *new_session(struct session *session,
					const struct mount_options *options)
{
	static struct fuse_lowlevel_ops ops;
	_cleanup_free_ char *list = option_list(session->environment, options);
	char *argv[] = {(char *)"venvfs", (char *)"-o", list, (char *)"-d", NULL};
	struct fuse_args args = FUSE_ARGS_INIT(options->debug ? 4 : 3, argv);
	struct fuse_session *fuse;

	if (!list)
		return NULL;
	ops.init = channel_negotiate;
	ops_fill_attributes(&ops);
	ops_fill_data(&ops);
	ops_fill_names(&ops);
	ops_fill_listing(&ops);
	if (session->channel.passthrough)
		passthrough_fill(&ops);
	fuse = fuse_session_new(&args, &ops, sizeof(ops), &session->channel);
	fuse_opt_free_args(&args);
	return fuse;
}

/* Whether the kernel does what the mount was asked for. If not, the files are read through us. */
static int try_passthrough(struct session *session)
{
	struct environment *environment = session->environment;
	_cleanup_close_ int sample = environment_open_sample(environment);
	int r = sample < 0 ? sample : passthrough_try(session->passthrough, sample);

	if (r == 0)
		return 0;
	return share_give_up(&environment->share, "the kernel refuses passthrough: %s",
			     strerror(-r));
}

/* Mounts, and answers the first request, INIT. */
static int start(struct session *session, const struct mount_options *options, struct error *error)
{
	const char *mountpoint = session->environment->mountpoint;
	struct fuse_session *fuse = new_session(session, options);
	_cleanup_free_ char *buffer = malloc(CHANNEL_REQUEST_SIZE);
	int r;

	if (!fuse || !buffer)
		return error_set_errno(error, -ENOMEM, "cannot mount at %s", mountpoint);
	session->channel.fuse = fuse;
	session->place = realpath(mountpoint, NULL);
	if (!session->place)
		return error_set_errno(error, -errno, "cannot mount at %s", mountpoint);
	r = mount_captured(fuse, session->place, error);
	if (r < 0)
		return r;
	fuse_set_log_func(forward_log);
	r = channel_attach(&session->channel, fuse);
	if (r == 0) {
		ssize_t n = channel_serve(&session->channel, buffer);

		r = n < 0 ? (int)n : 0;
	}
	if (r == 0 && session->passthrough)
		r = try_passthrough(session);
	if (r < 0)
		error_set_errno(error, r, "cannot mount at %s", mountpoint);
	return r;
}

/* Serving. */

/* The kernel's struct sched_attr, which C libraries have not known for long. */
struct slice_attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/*
 * A request takes microseconds, and somebody waits for it. Threads that ask for short slices are
 * taken sooner where others compute, and get no more of the processor in all (from Linux 6.12 on:
 * kernel/sched/fair.c, PREEMPT_SHORT). With a machine's processors taken several times over, the
 * median of an ioctl's round trip was 7 us without and 5 us with them, the upper quartile 17 and
 * 10 us. Elsewhere nothing changes.
 */
static void ask_for_short_slices(void)
{
	struct slice_attributes attributes = {
		.size = sizeof(attributes),
		.policy = SCHED_OTHER,
		.nice = getpriority(PRIO_PROCESS, 0),
		.runtime = SLICE_NS,
	};

	/* Who runs us under another policy has a reason. */
	if (sched_getscheduler(0) == SCHED_OTHER)
		(void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

/*
 * Serves one request. Large ones leave a megabyte behind in each thread, which is given back when
 * enough small ones have come since; *small_requests counts them.
 */
static int serve_one(struct session *session, char *buffer, unsigned *small_requests)
{
	ssize_t n = channel_serve(&session->channel, buffer);

	if (n < 0)
		return (int)n;
	if (n > LARGE_REQUEST)
		*small_requests = 0;
	else if (++*small_requests == PATIENCE)
		(void)madvise(buffer + LARGE_REQUEST, CHANNEL_REQUEST_SIZE - LARGE_REQUEST,
			      MADV_DONTNEED);
	return 0;
}

static void *serve(void *arg)
{
	struct session *session = arg;
	_cleanup_free_ char *buffer =
		aligned_alloc((size_t)sysconf(_SC_PAGESIZE), CHANNEL_REQUEST_SIZE);
	unsigned small_requests = PATIENCE;
	int r = buffer ? 0 : -ENOMEM;

	ask_for_short_slices();
	channel_enter(&session->channel);
	while (r == 0 && !session->stopping)
		r = serve_one(session, buffer, &small_requests);
	channel_leave(&session->channel);
	if (r < 0 && r != -ENODEV)
		log_error("serving ends: %s", strerror(-r));
	ops_buffer_free();
	if (atomic_fetch_sub(&session->serving, 1) == 1)
		(void)eventfd_write(session->ended, 1);
	return NULL;
}

static int start_threads(struct session *session, unsigned count)
{
	session->serving = count;
	for (unsigned i = 0; i < count; i++) {
		int r = pthread_create(&session->threads[i], NULL, serve, session);

		if (r != 0 && i == 0)
			return -r;
		if (r != 0) { /* fewer will do */
			atomic_fetch_sub(&session->serving, count - i);
			break;
		}
		session->thread_count++;
	}
	return 0;
}

/* Called by the watch over the base, from its own thread. */
static void invalidate(void *arg, uint64_t id, bool data)
{
	struct session *session = arg;

	fuse_lowlevel_notify_inval_inode(session->channel.fuse, id, data ? 0 : -1, 0);
}

/* Waits until serving has ended (true), or a signal came or @timeout_ms is over (false). */
static bool wait_for_end(struct session *session, int timeout_ms)
{
	struct pollfd fds[2] = {{.fd = session->ended, .events = POLLIN},
				{.fd = session->signals, .events = POLLIN}};
	int r;

	do
		r = poll(fds, timeout_ms < 0 ? 2 : 1, timeout_ms);
	while (r < 0 && errno == EINTR);
	return r > 0 && fds[0].revents;
}

/* What programs have written to mapped pages is known to the kernel alone, until it is synced. */
static void *sync_mapped(void *arg)
{
	const char *mountpoint = arg;
	_cleanup_close_ int root =
		open(mountpoint, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);

	if (root >= 0 && syncfs(root) < 0)
		log_warning("mapped pages may be lost: %s", strerror(errno));
	return NULL;
}

/* In a thread of its own, because a store that hangs must not keep us from ending. */
static void sync_all(const char *mountpoint)
{
	struct timespec until;
	pthread_t thread;

	if (pthread_create(&thread, NULL, sync_mapped, (void *)mountpoint) != 0)
		return;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += GRACE_MS / 1000;
	if (pthread_timedjoin_np(thread, NULL, &until) == 0)
		return;
	pthread_detach(thread);
	log_warning("mapped pages may be lost: the store does not answer");
}

/* Unmounts what is ours, wherever it is by now: a directory above it may have been renamed, and
 * another environment be mounted where it was. */
static void unmount_own(const struct session *session)
{
	_cleanup_mountinfo_ struct mountinfo mounts = {0};
	bool synced = false;

	if (mountinfo_read(&mounts) < 0)
		log_error("cannot unmount: it is not known where");
	for (size_t i = mounts.count; i-- > 0;) {
		const struct mountinfo_entry *entry = &mounts.entries[i];
		_cleanup_error_ struct error error = ERROR_INIT;

		if (makedev(entry->major, entry->minor) != session->device)
			continue;
		if (!synced)
			sync_all(entry->mountpoint);
		synced = true;
		if (unmount_at(entry->mountpoint, true, &error) < 0)
			log_error("%s", error.message ? error.message : "cannot unmount");
	}
}

/* Waits for the end of the mount. A signal unmounts; who is still in there then has a while. */
static void wait_for_unmount(struct session *session)
{
	if (wait_for_end(session, -1))
		return;
	log_info("asked to end: unmounting");
	unmount_own(session);
	session->left = !wait_for_end(session, GRACE_MS);
	if (session->left)
		log_warning("ending although the environment is in use");
}

/* Before anybody is told that the environment can be used: threads may be refused. */
static int start_serving(struct session *session, unsigned threads, struct error *error)
{
	struct stat st;
	int r = -ENOMEM;

	session->notifier = notifier_start(session->environment->tree, &session->channel);
	if (session->notifier)
		r = start_threads(session, threads);
	if (r == 0 && stat(session->environment->mountpoint, &st) == 0)
		session->device = st.st_dev;
	if (r == 0)
		ahead_serving(session->channel.ahead, session->device);
	return r < 0 ? error_set_errno(error, r, "cannot serve") : 0;
}

static void serve_until_unmounted(struct session *session)
{
	struct base_watch *watch = base_watch_start(session->environment, invalidate, session);

	wait_for_unmount(session);
	base_watch_stop(watch);
}

static void wake_up(int signal)
{
	(void)signal;
}

/* Joins the threads. One that still waits for requests is woken by a signal; as that may come just
 * before it begins to wait, again and again. */
static void stop_threads(struct session *session)
{
	const struct sigaction action = {.sa_handler = wake_up};

	session->stopping = true;
	sigaction(SIGUSR1, &action, NULL);
	for (unsigned i = 0; i < session->thread_count; i++) {
		struct timespec soon;

		do {
			if (session->serving > 0)
				pthread_kill(session->threads[i], SIGUSR1);
			clock_gettime(CLOCK_REALTIME, &soon);
			soon.tv_nsec += WAKE_AGAIN_NS;
			soon.tv_sec += soon.tv_nsec / 1000000000;
			soon.tv_nsec %= 1000000000;
		} while (pthread_timedjoin_np(session->threads[i], NULL, &soon) == ETIMEDOUT);
	}
}

static int block_signals(struct session *session)
{
	sigset_t mask;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
		return -errno;
	session->signals = signalfd(-1, &mask, SFD_CLOEXEC);
	session->ended = eventfd(0, EFD_CLOEXEC);
	return session->signals < 0 || session->ended < 0 ? -errno : 0;
}

/*
 * Ends the connection of a mount that is still in use. While it lives, libfuse would unmount by
 * path (fuse_kern_unmount() in lib/mount.c), where another environment may be by now. It asks by
 * poll(2) whether the connection is over: in its place it finds a pipe that nobody reads, which
 * says so.
 */
static void disconnect(const struct session *session)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	close(ends[0]);
	(void)dup3(ends[1], session->channel.fd, O_CLOEXEC);
	close(ends[1]);
}

static void session_close(struct session *session)
{
	stop_threads(session);
	notifier_stop(session->notifier);
	ahead_stop(session->channel.ahead);
	if (session->channel.fuse) {
		if (session->left)
			disconnect(session);
		fuse_session_unmount(session->channel.fuse);
		fuse_session_destroy(session->channel.fuse);
	}
	passthrough_free(session->passthrough);
	cleanup_close(&session->signals);
	cleanup_close(&session->ended);
	free(session->place);
}

int session_run(struct environment *environment, const struct mount_options *options,
		int (*ready)(void *arg), void *arg, struct error *error)
{
	struct session session = {
		.environment = environment,
		.channel = {.tree = environment->tree, .fd = -1},
		.signals = -1,
		.ended = -1,
	};
	int r;

	session.report = (struct report){.environment = environment, .channel = &session.channel};
	umask(0); /* modes come from the kernel, which has applied the caller's */
	r = block_signals(&session);
	if (r == 0 && environment->share.used == SHARE_PASSTHROUGH) {
		session.passthrough = passthrough_new(&session.channel);
		r = session.passthrough ? 0 : -ENOMEM;
	}
	if (r == 0)
		r = report_add(&session.report);
	if (r < 0)
		error_set_errno(error, r, "cannot serve");
	if (r == 0 && !options->no_ahead)
		session.channel.ahead = ahead_start(environment);
	if (r == 0)
		r = start(&session, options, error);
	if (r == 0)
		ahead_mounted(session.channel.ahead, session.place);
	if (r == 0)
		r = start_serving(&session, options->single_threaded ? 1 : THREADS, error);
	if (r == 0)
		r = ready(arg);
	if (r == 0)
		serve_until_unmounted(&session);
	session_close(&session);
	return r;
}
