#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"

#define TIMEOUT_MS      1000
#define KILL_TIMEOUT_MS 200
#define STATUS_LIMIT    65536

/* In a child of its own, as it may wait for a daemon that hangs for ever. Its exit status is an
 * errno. */
static _Noreturn void send_file(const char *path, int to)
{
	_cleanup_buffer_ struct buffer text = {0};
	int r = io_read_file(AT_FDCWD, path, STATUS_LIMIT, &text);

	if (r == 0 && text.length > 0)
		r = io_write_all(to, text.data, text.length);
	_exit(-r);
}

/* Ends a child that waits for a hung daemon, so that it no longer keeps the mount busy. One that
 * cannot even be killed, because the daemon has taken its request, is left to init. */
static void kill_reader(pid_t pid)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};

	kill(pid, SIGKILL);
	poll(&ended, 1, KILL_TIMEOUT_MS);
	waitpid(pid, NULL, WNOHANG);
}

/* Reads a file that may not answer. */
static int read_bounded(const char *path, struct buffer *out)
{
	_cleanup_close_ int reader = -1, writer = -1;
	int pipes[2], status, r;
	struct pollfd ready;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	reader = pipes[0], writer = pipes[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		send_file(path, writer);
	close(TAKE_FD(writer));

	/* The child writes all at once, after it has read all. */
	ready = (struct pollfd){.fd = reader, .events = POLLIN};
	do
		r = poll(&ready, 1, TIMEOUT_MS);
	while (r < 0 && errno == EINTR);
	if (r <= 0) {
		r = r < 0 ? -errno : -ETIMEDOUT;
		kill_reader(pid);
		return r;
	}
	r = io_read_fd(reader, STATUS_LIMIT, out);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return r;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/* The value of the line "@key: value", to be freed; NULL when there is none. */
static char *find_value(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = text; *line; line += *line == '\n') {
		const char *end = line + strcspn(line, "\n");

		if (strncmp(line, key, length) == 0 && line[length] == ':') {
			line += length + 1;
			line += strspn(line, " \t");
			return strndup(line, (size_t)(end - line));
		}
		line = end;
	}
	return NULL;
}

int status_read(const char *mountpoint, struct status *out)
{
	_cleanup_free_ char *path = NULL, *state = NULL, *pid = NULL;
	_cleanup_buffer_ struct buffer text = {0};
	int r;

	r = path_join(mountpoint, ".venvfs/status", &path);
	if (r == 0)
		r = read_bounded(path, &text);
	if (r < 0)
		return r;
	buffer_append(&text, "", 0);
	if (buffer_status(&text) < 0)
		return -ENOMEM;
	pid = find_value(text.data, "pid");
	state = find_value(text.data, "state");
	if (!pid || !state || atoi(pid) <= 0)
		return -EBADMSG;
	out->pid = (pid_t)atoi(pid);
	out->state = TAKE_PTR(state);
	out->share = find_value(text.data, "share");
	out->share_reason = find_value(text.data, "share-reason");
	return 0;
}

void status_free(struct status *status)
{
	free(status->state);
	free(status->share);
	free(status->share_reason);
	*status = (struct status){0};
}
