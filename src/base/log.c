#include "venvfs/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"

static atomic_int log_level = LOG_LEVEL_INFO;
static atomic_int log_fd = -1;

void log_set_level(enum log_level level)
{
	log_level = level;
}

void log_set_fd(int fd)
{
	log_fd = fd;
}

static void append_time(struct buffer *line)
{
	char text[32];
	struct tm tm;
	time_t now = time(NULL);

	if (localtime_r(&now, &tm) && strftime(text, sizeof(text), "%F %T ", &tm) > 0)
		buffer_puts(line, text);
}

void log_message(enum log_level level, const char *format, ...)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	_cleanup_buffer_ struct buffer line = {0};
	_cleanup_free_ char *message = NULL;
	int fd = log_fd;
	va_list args;

	if ((int)level > log_level)
		return;
	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	if (!message)
		return;

	if (fd >= 0)
		append_time(&line);
	else
		buffer_puts(&line, "venvfs: ");
	buffer_printf(&line, "%s: %s\n", names[level], message);
	if (buffer_status(&line) == 0)
		(void)io_write_all(fd >= 0 ? fd : STDERR_FILENO, line.data, line.length);
}
