#include "venvfs/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "venvfs/cleanup.h"

/* Best effort: they guard against what a program should not do anyway. */
static void set_limits(const struct process_options *options)
{
	const struct rlimit cpu = {options->cpu_limit_s, options->cpu_limit_s + 1};
	const struct rlimit memory = {options->memory_limit, options->memory_limit};
	const struct rlimit none = {0, 0};

	if (options->cpu_limit_s > 0)
		(void)setrlimit(RLIMIT_CPU, &cpu);
	if (options->memory_limit > 0)
		(void)setrlimit(RLIMIT_AS, &memory);
	if (options->cpu_limit_s > 0 || options->memory_limit > 0)
		(void)setrlimit(RLIMIT_CORE, &none); /* whose end is expected */
}

/* Runs in the child, between fork and exec: async-signal-safe calls only. Does not return; what
 * went wrong goes through @report, which exec closes otherwise. */
static _Noreturn void child_exec(const struct process_options *options, int in, int out, int err,
				 int report)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;
	int code;

	setpgid(0, 0);
	set_limits(options);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (null >= 0 && dup2(in < 0 ? null : in, 0) >= 0 && dup2(out, 1) >= 0 &&
	    dup2(err < 0 ? null : err, 2) >= 0 &&
	    (!options->directory || chdir(options->directory) == 0)) {
		close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
		execve(options->argv[0], options->argv, options->envp ? options->envp : environ);
	}
	code = errno;
	(void)!write(report, &code, sizeof(code));
	_exit(127);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads what is there. Returns false at the end of the stream. */
static bool drain(int fd, size_t limit, struct buffer *out, bool *overflow)
{
	char chunk[4096];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	if (n <= 0)
		return n < 0 && (errno == EINTR || errno == EAGAIN);
	if (out->length + (size_t)n > limit) {
		*overflow = true;
		n = (ssize_t)(limit - out->length);
	}
	buffer_append(out, chunk, (size_t)n);
	return true;
}

/* Collects both streams until both have ended: 0, -ETIMEDOUT or -EFBIG. */
static int collect(const struct process_options *options, int out, int err,
		   struct process_result *result)
{
	struct pollfd fds[2] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};
	int64_t deadline = now_ms() + options->timeout_ms;

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		int64_t left = deadline - now_ms();
		bool overflow = false, ignored = false;

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].fd >= 0 && fds[0].revents &&
		    !drain(out, options->output_limit, &result->out, &overflow))
			fds[0].fd = -1;
		if (fds[1].fd >= 0 && fds[1].revents &&
		    !drain(err, options->output_limit, &result->err, &ignored))
			fds[1].fd = -1;
		if (overflow)
			return -EFBIG;
	}
	return 0;
}

/* Waits for the child itself, which may outlive its streams, until @deadline. */
static int reap(pid_t pid, int64_t deadline, int *status)
{
	struct timespec pause = {.tv_nsec = 1000000};

	for (;;) {
		pid_t done = waitpid(pid, status, WNOHANG);

		if (done == pid)
			return 0;
		if (done < 0 && errno != EINTR)
			return -errno;
		if (now_ms() >= deadline)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
}

int process_run(const struct process_options *options, struct process_result *result)
{
	_cleanup_close_ int out_read = -1, out_write = -1, err_read = -1, err_write = -1;
	_cleanup_close_ int report_read = -1, report_write = -1;
	int64_t deadline = now_ms() + options->timeout_ms;
	int pipes[2], r, code = 0;
	pid_t pid;

	*result = (struct process_result){0};
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	out_read = pipes[0], out_write = pipes[1];
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	err_read = pipes[0], err_write = pipes[1];
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	report_read = pipes[0], report_write = pipes[1];

	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child_exec(options, -1, out_write, err_write, report_write);
	setpgid(pid, pid);
	close(TAKE_FD(out_write));
	close(TAKE_FD(err_write));
	close(TAKE_FD(report_write));

	r = collect(options, out_read, err_read, result);
	if (r == 0)
		r = reap(pid, deadline, &result->status);
	if (r < 0) {
		kill(-pid, SIGKILL);
		while (waitpid(pid, &result->status, 0) < 0 && errno == EINTR)
			;
		return r;
	}
	if (read(report_read, &code, sizeof(code)) == sizeof(code))
		return -code;
	return buffer_status(&result->out);
}

void process_result_free(struct process_result *result)
{
	buffer_free(&result->out);
	buffer_free(&result->err);
}

int process_start(const struct process_options *options, struct process *out)
{
	_cleanup_close_ int ours = -1, theirs = -1, report_read = -1, report_write = -1;
	pid_t pid, parent = getpid();
	int pair[2], code = 0;

	*out = (struct process){.socket = -1};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0], theirs = pair[1];
	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0 || pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	report_read = pair[0], report_write = pair[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127); /* it had ended before */
		child_exec(options, theirs, theirs, -1, report_write);
	}
	setpgid(pid, pid);
	close(TAKE_FD(report_write));
	*out = (struct process){.pid = pid, .socket = TAKE_FD(ours)};
	if (read(report_read, &code, sizeof(code)) != sizeof(code))
		return 0;
	process_stop(out);
	return -code;
}

void process_stop(struct process *process)
{
	if (process->pid <= 0)
		return;
	kill(-process->pid, SIGKILL);
	while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(process->socket);
	*process = (struct process){.socket = -1};
}
