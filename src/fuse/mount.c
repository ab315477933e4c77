/*
 * `venvfs mount`: the process that is called, and the daemon that it leaves behind.
 *
 * The daemon is forked first and does everything, so no thread, lock or descriptor has to survive
 * a fork. What it has to say, success or all that is wrong, comes through a pipe; the caller waits
 * for that, prints it, and puts the directory right when it failed.
 */
#include "venvfs/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "mount_point.h"
#include "session.h"
#include "trust.h"
#include "venvfs/background.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/log.h"
#include "venvfs/mountinfo.h"
#include "venvfs/path.h"
#include "venvfs/unmount.h"

#define DEVICE       "/dev/fuse"
#define REPORT_LIMIT (1u << 20)
#define FILE_LIMIT   65536 /* open files; beyond that, some programs that we run get slow */

const char *mount_fuse_version(void)
{
	return fuse_pkgversion();
}

/* The report of the daemon: a code, and four strings for each error, all ended by NULs. */

static void add_field(struct buffer *report, const char *text)
{
	buffer_puts(report, text ? text : "");
	buffer_putc(report, '\0');
}

static int send_report(int fd, int code, const struct error_list *errors)
{
	_cleanup_buffer_ struct buffer report = {0};

	buffer_printf(&report, "%d", code);
	buffer_putc(&report, '\0');
	for (size_t i = 0; errors && i < errors->count; i++) {
		const struct error *error = &errors->items[i];
		char line[16];

		snprintf(line, sizeof(line), "%u", error->line);
		add_field(&report, error->message);
		add_field(&report, error->file);
		add_field(&report, line);
		add_field(&report, error->hint);
	}
	if (buffer_status(&report) < 0)
		return -ENOMEM;
	return io_write_all(fd, report.data, report.length);
}

/* The next field, or NULL when the report is over. */
static const char *next_field(const struct buffer *report, size_t *at)
{
	const char *field = report->data + *at;

	if (*at >= report->length)
		return NULL;
	*at += strlen(field) + 1;
	return field;
}

/* Takes the report apart: the code, and the errors into @errors. -EBADMSG: there is none. */
static int read_report(int fd, struct error_list *errors)
{
	_cleanup_buffer_ struct buffer report = {0};
	const char *code, *message, *file, *line, *hint;
	size_t at = 0;
	int r = io_read_fd(fd, REPORT_LIMIT, &report);

	if (r < 0)
		return r;
	code = next_field(&report, &at);
	if (!code)
		return -EBADMSG;
	while ((message = next_field(&report, &at)) && (file = next_field(&report, &at)) &&
	       (line = next_field(&report, &at)) && (hint = next_field(&report, &at))) {
		struct error *error = error_list_add(errors);

		error_set(error, -EIO, "%s", message);
		if (*file)
			error_at(error, file, (unsigned)strtoul(line, NULL, 10));
		if (*hint)
			error_hint(error, "%s", hint);
	}
	return atoi(code);
}

/* The daemon. */

struct daemon {
	const struct mount_options *options;
	const char *spec, *mountpoint; /* absolute */
	struct mount_point *point;
	int report;                    /* where the caller waits; -1: in the foreground */
	struct environment *environment;
	struct background compiling; /* what will compile layers, when the environment can be used */
};

/* Lets go of the caller's terminal, directory and descriptors. */
static int detach(const struct daemon *daemon)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || chdir("/") < 0)
		return -errno;
	setsid();
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (daemon->environment->store && daemon->environment->store->log_fd >= 0)
		log_set_fd(daemon->environment->store->log_fd);
	return 0;
}

/* The environment can be used from now on. A caller that is gone cannot be told: then we end too.
 */
static int ready(void *arg)
{
	struct daemon *daemon = arg;
	const struct share *share = &daemon->environment->share;
	int r = daemon->report < 0 ? 0 : detach(daemon);

	mount_point_release(daemon->point);
	log_info("%s is mounted at %s", daemon->spec, daemon->mountpoint);
	if (share->reason)
		log_info("share=%s: %s", share_mode_name(share->used), share->reason);
	if (daemon->report < 0) {
		background_start(&daemon->compiling);
		return r;
	}
	if (r == 0)
		r = send_report(daemon->report, 0, NULL);
	if (r == 0)
		close(TAKE_FD(daemon->report));
	if (r == 0)
		background_start(&daemon->compiling);
	return r;
}

static void compile(void *environment)
{
	environment_compile(environment);
}

/* Forked while there are no threads, and nothing of /dev/fuse is open. */
static void prepare_compiling(struct daemon *daemon)
{
	int r = background_prepare(compile, daemon->environment, &daemon->compiling);

	if (r < 0)
		log_warning("layers are not compiled: %s", strerror(-r));
}

/* Files that are deleted while they are in use, layers and caches take descriptors. The usual limit
 * of 1024 is for programs that use select(2); the hard limit is meant for the likes of us. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= FILE_LIMIT)
		return;
	limit.rlim_cur = limit.rlim_max < FILE_LIMIT ? limit.rlim_max : FILE_LIMIT;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* less is worse, and no reason to fail */
}

static int serve(struct daemon *daemon, struct error_list *errors)
{
	const struct environment_options options = {
		.read_only = daemon->options->read_only,
		.others = daemon->options->allow_other,
		.share = daemon->options->share,
	};
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	raise_file_limit();
	r = environment_open(daemon->spec, daemon->mountpoint, &options, &daemon->environment,
			     errors);
	if (r < 0)
		return r;
	if (daemon->options->debug)
		log_set_level(LOG_LEVEL_DEBUG);
	if (daemon->options->allow_other)
		r = trust_check(daemon->environment, &error);
	if (r == 0 && environment_lacks_bytecode(daemon->environment))
		prepare_compiling(daemon);
	if (r == 0)
		r = session_run(daemon->environment, daemon->options, ready, daemon, &error);
	if (r == 0)
		log_info("%s is unmounted", daemon->mountpoint);
	background_cancel(&daemon->compiling);
	log_set_fd(-1);
	environment_free(daemon->environment);
	return error_list_take(errors, &error, r);
}

/* In the forked process. */
static void run_daemon(struct daemon *daemon)
{
	_cleanup_error_list_ struct error_list errors = {0};
	int report = daemon->report, r;

	/* Nothing of the caller's is kept open: somebody may be waiting for its end. */
	if (report != 3 && dup3(report, 3, O_CLOEXEC) == 3)
		report = 3;
	close_range(report == 3 ? 4 : report + 1, ~0u, 0);
	daemon->point->lock = -1; /* the caller's, who waits for us with it */
	signal(SIGPIPE, SIG_IGN);
	daemon->report = report;
	r = serve(daemon, &errors);
	if (r < 0 && daemon->report >= 0)
		(void)send_report(daemon->report, r, &errors);
}

/* The caller. */

/* The daemon ended without a word: says so, and removes the mount that it may have left at @place,
 * which is free of links. */
static int daemon_died(pid_t pid, const char *place, struct error *error)
{
	_cleanup_mountinfo_ struct mountinfo mounts = {0};
	const struct mountinfo_entry *entry;
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (mountinfo_read(&mounts) == 0) {
		entry = mountinfo_find(&mounts, place);
		if (entry && mountinfo_is_venvfs(entry))
			(void)unmount_at(entry->mountpoint, true, NULL);
	}
	if (WIFSIGNALED(status))
		return error_set(error, -EIO, "the daemon was ended by signal %d",
				 WTERMSIG(status));
	return error_set(error, -EIO, "the daemon ended unexpectedly");
}

static int wait_for_daemon(pid_t pid, int report, const char *place, struct error_list *errors)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = read_report(report, errors);

	if (r == -EBADMSG)
		return error_list_take(errors, &error, daemon_died(pid, place, &error));
	if (r < 0) /* its mount and its lock are gone when it is */
		waitpid(pid, NULL, 0);
	return r;
}

static int start_daemon(struct daemon *daemon, struct error_list *errors)
{
	_cleanup_free_ char *place = realpath(daemon->mountpoint, NULL);
	_cleanup_close_ int reader = -1, writer = -1;
	int pipes[2];
	pid_t pid;

	if (!place || pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	reader = pipes[0], writer = pipes[1];
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		daemon->report = writer;
		reader = writer = -1; /* closed with all others */
		run_daemon(daemon);
		return MOUNT_DAEMON_ENDED;
	}
	close(TAKE_FD(writer));
	return wait_for_daemon(pid, reader, place, errors);
}

/* What every mount needs of the host. */
static int check_host(struct error *error)
{
	_cleanup_free_ char *fusermount = NULL;

	if (access(DEVICE, F_OK) < 0) {
		error_set_errno(error, -errno, DEVICE);
		error_hint(error, "load the kernel's module (modprobe fuse), or give the container "
				  "the device (--device " DEVICE ")");
		return -ENODEV;
	}
	if (geteuid() == 0)
		return 0;
	fusermount = fusermount_find();
	if (fusermount)
		return 0;
	error_set(error, -ENOENT, "fusermount3 was not found");
	error_hint(error, "ordinary users mount through it; it is in the package fuse3");
	return -ENOENT;
}

int mount_environment(const struct mount_options *options, struct error_list *errors)
{
	_cleanup_mount_point_ struct mount_point point = MOUNT_POINT_INIT;
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *spec = NULL;
	struct daemon daemon = {.options = options, .report = -1, .compiling = {-1}};
	int r = path_absolute(options->spec, NULL, &spec);

	if (r < 0)
		error_set_errno(&error, r, "%s", options->spec);
	if (r == 0)
		r = check_host(&error);
	if (r == 0)
		r = mount_point_prepare(options->directory, options->nonempty, &point, &error);
	if (r < 0)
		return error_list_take(errors, &error, r);
	daemon.spec = spec;
	daemon.mountpoint = point.path;
	daemon.point = &point;
	r = options->foreground ? serve(&daemon, errors) : start_daemon(&daemon, errors);
	if (r < 0)
		mount_point_restore(&point);
	return r;
}
