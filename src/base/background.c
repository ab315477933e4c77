#include "venvfs/background.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "venvfs/cleanup.h"

/* The kernel's include/uapi/linux/ioprio.h, which Debian 12 does not install. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_IDLE	   (3 << 13)

/* Whatever of it is refused is not worth failing for. */
static void lower_priority(void)
{
	const struct sched_param none = {0};

	(void)setpriority(PRIO_PROCESS, 0, 19);
	(void)sched_setscheduler(0, SCHED_IDLE, &none);
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE);
}

/* Keeps @socket alone, as descriptor 3. */
static int let_go(int socket)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (socket != 3 && dup3(socket, 3, O_CLOEXEC) < 0)
		return -errno;
	if (close_range(4, ~0u, 0) < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

static _Noreturn void run(int socket, void (*work)(void *arg), void *arg)
{
	char word = 0;

	lower_priority();
	signal(SIGPIPE, SIG_IGN);
	if (let_go(socket) == 0 && send(3, &word, 1, MSG_NOSIGNAL) == 1 && read(3, &word, 1) == 1) {
		close(3);
		work(arg);
	}
	_exit(0);
}

/* Whether the process says that it has let go. */
static bool is_there(int socket)
{
	ssize_t n;
	char word;

	do
		n = read(socket, &word, 1);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

int background_prepare(void (*work)(void *arg), void *arg, struct background *out)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	int pair[2];
	pid_t pid;

	out->socket = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0], theirs = pair[1];
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		/* Twice, so that it is nobody's child, and never gets a terminal. */
		setsid();
		if (fork() == 0)
			run(theirs, work, arg);
		_exit(0);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(TAKE_FD(theirs));
	if (!is_there(ours))
		return -EAGAIN;
	out->socket = TAKE_FD(ours);
	return 0;
}

void background_start(struct background *background)
{
	if (background->socket >= 0)
		(void)send(background->socket, "", 1, MSG_NOSIGNAL);
	background_cancel(background);
}

void background_cancel(struct background *background)
{
	if (background->socket >= 0)
		close(TAKE_FD(background->socket));
}
