#include "venvfs/compiler.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "python_internal.h"
#include "venvfs/cleanup.h"

/* For a batch; 10,000 lines take a second. */
#define CPU_LIMIT_S  120
#define MEMORY_LIMIT (UINT64_C(2) << 30)

/* No .pyc that anybody wants is larger. */
#define ANSWER_LIMIT (UINT64_C(64) << 20)

#define CHUNK (1u << 16)

/* How a conversation goes wrong: the other side ended it, or says what it cannot. */
#define GONE (-ECONNRESET)

struct compiler {
	const char *executable, *tag;
	struct process process;
	size_t left;    /* sources of the batch that are still to come */
	bool announced; /* and the process knows how many */
};

struct compiler *compiler_new(const char *executable, const char *tag)
{
	struct compiler *compiler = malloc(sizeof(*compiler));

	if (compiler)
		*compiler = (struct compiler){
			.executable = executable,
			.tag = tag,
			.process = {.socket = -1},
		};
	return compiler;
}

void compiler_free(struct compiler *compiler)
{
	if (!compiler)
		return;
	process_stop(&compiler->process);
	free(compiler);
}

/* Talking. */

static int wait_for(int socket, short events, int64_t deadline)
{
	struct pollfd fd = {.fd = socket, .events = events};

	for (;;) {
		struct timespec now;
		int64_t left;
		int n;

		clock_gettime(CLOCK_MONOTONIC, &now);
		left = deadline - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
		if (left <= 0)
			return -ETIMEDOUT;
		n = poll(&fd, 1, left < INT32_MAX ? (int)left : INT32_MAX);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

static int say(int socket, const void *data, size_t size, int64_t deadline)
{
	const char *bytes = data;
	int r = 0;

	while (r == 0 && size > 0) {
		ssize_t n = send(socket, bytes, size, MSG_NOSIGNAL);

		if (n >= 0) {
			bytes += n;
			size -= (size_t)n;
		} else if (errno == EAGAIN) {
			r = wait_for(socket, POLLOUT, deadline);
		} else if (errno != EINTR) {
			r = GONE;
		}
	}
	return r;
}

/* Appends @size bytes to @out. */
static int hear(int socket, uint64_t size, int64_t deadline, struct buffer *out)
{
	char chunk[CHUNK];
	int r = 0;

	while (r == 0 && size > 0) {
		ssize_t n = recv(socket, chunk, size < CHUNK ? size : CHUNK, 0);

		if (n > 0) {
			buffer_append(out, chunk, (size_t)n);
			size -= (uint64_t)n;
		} else if (n == 0) {
			r = GONE;
		} else if (errno == EAGAIN) {
			r = wait_for(socket, POLLIN, deadline);
		} else if (errno != EINTR) {
			r = GONE;
		}
	}
	return r == 0 ? buffer_status(out) : r;
}

static int hear_answer(int socket, int64_t deadline, struct buffer *out)
{
	_cleanup_buffer_ struct buffer head = {0};
	uint64_t size;
	int r = hear(socket, sizeof(size), deadline, &head);

	if (r < 0)
		return r;
	memcpy(&size, head.data, sizeof(size));
	size = le64toh(size);
	return size > ANSWER_LIMIT ? GONE : hear(socket, size, deadline, out);
}

/* The process. */

static int greet(const struct compiler *compiler, int64_t deadline, struct error *error)
{
	_cleanup_buffer_ struct buffer tag = {0};
	int r = hear_answer(compiler->process.socket, deadline, &tag);

	if (r == GONE)
		return error_set(error, -ENOEXEC, "'%s' cannot be asked to compile",
				 compiler->executable);
	if (r == 0 && strcmp(tag.data ? tag.data : "", compiler->tag) != 0)
		return error_set(error, -ENOEXEC, "'%s' is another interpreter by now",
				 compiler->executable);
	return r;
}

static int start(struct compiler *compiler, int64_t deadline, struct error *error)
{
	/* What is compiled depends on hashes, in the order of a set. So not -E: nothing of the
	 * user's variables is left anyway. */
	_cleanup_free_ char **environment = python_environment("PYTHONHASHSEED=0");
	const char *argv[] = {compiler->executable, "-sSB", "-c", python_compile_script, NULL};
	const struct process_options options = {
		.argv = (char *const *)argv,
		.envp = environment,
		.directory = "/",
		.cpu_limit_s = CPU_LIMIT_S,
		.memory_limit = MEMORY_LIMIT,
	};
	int r = environment ? process_start(&options, &compiler->process) : -ENOMEM;

	compiler->announced = false;
	if (r < 0)
		return error_set_errno(error, r, "'%s' cannot be run", compiler->executable);
	r = greet(compiler, deadline, error);
	if (r < 0)
		process_stop(&compiler->process);
	return r;
}

void compiler_begin(struct compiler *compiler, size_t count)
{
	compiler->left = count;
	compiler->announced = false;
}

static int ask(struct compiler *compiler, const struct compiler_source *source, int64_t deadline)
{
	int socket = compiler->process.socket;
	uint64_t count = htole64(compiler->left);
	uint64_t head[3] = {
		htole64((uint64_t)source->mtime),
		htole64(strlen(source->name)),
		htole64(source->size),
	};
	int r = compiler->announced ? 0 : say(socket, &count, sizeof(count), deadline);

	compiler->announced = true;
	if (r == 0)
		r = say(socket, head, sizeof(head), deadline);
	if (r == 0)
		r = say(socket, source->name, strlen(source->name), deadline);
	if (r == 0)
		r = say(socket, source->text, source->size, deadline);
	return r;
}

int compiler_compile(struct compiler *compiler, const struct compiler_source *source,
		     int64_t deadline, struct buffer *out, struct error *error)
{
	int r = compiler->process.pid > 0 ? 0 : start(compiler, deadline, error);

	if (r < 0)
		return r;
	r = ask(compiler, source, deadline);
	if (r == 0)
		r = hear_answer(compiler->process.socket, deadline, out);
	compiler->left--;
	if (r < 0) {
		process_stop(&compiler->process);
		buffer_free(out);
	}
	return r == GONE ? 0 : r;
}
