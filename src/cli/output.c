#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"

#define COLOUR_ERROR   "\033[1;31m"
#define COLOUR_WARNING "\033[1;33m"
#define COLOUR_OFF     "\033[0m"
#define LINE_CLEAR     "\033[K"

/* Whoever reads them begins with the first. */
#define ERRORS_OF_FILE_MAX 20

/* Whether stderr understands more than lines. */
static bool is_terminal(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

/* https://no-color.org: set and not empty means no. */
static bool wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR");

	return is_terminal() && !(no_color && *no_color);
}

__attribute__((format(printf, 3, 0))) static void print(const char *kind, const char *colour,
							const char *format, va_list args)
{
	bool coloured = wants_colour();

	output_progress_clear();
	/* What went to stdout before belongs above it. */
	fflush(stdout);
	fprintf(stderr, "%s: %s%s:%s ", program_invocation_short_name, coloured ? colour : "", kind,
		coloured ? COLOUR_OFF : "");
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void output_problem(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print("error", COLOUR_ERROR, format, args);
	va_end(args);
}

void output_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print("warning", COLOUR_WARNING, format, args);
	va_end(args);
}

void output_hint(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("  ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

void output_error(const struct error *error, int code)
{
	_cleanup_free_ char *text = error->message ? error_format(error) : NULL;

	output_problem("%s", text ? text : strerror(-code));
}

static bool are_of_one_file(const struct error *a, const struct error *b)
{
	return a->file && b->file && strcmp(a->file, b->file) == 0;
}

void output_errors(const struct error_list *errors, int code)
{
	static const struct error none = ERROR_INIT;
	size_t end = 0;

	for (size_t start = 0; start < errors->count; start = end) {
		const struct error *first = &errors->items[start];

		for (end = start + 1;
		     end < errors->count && are_of_one_file(first, &errors->items[end]);)
			end++;
		for (size_t i = start; i < end && i < start + ERRORS_OF_FILE_MAX; i++)
			output_error(&errors->items[i], code);
		if (end - start > ERRORS_OF_FILE_MAX)
			output_problem("%s: and %zu more", first->file,
				       end - start - ERRORS_OF_FILE_MAX);
	}
	if (errors->count == 0)
		output_error(&none, code);
}

char *output_escape(const char *text)
{
	_cleanup_buffer_ struct buffer escaped = {0};

	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f || *p == '\\')
			buffer_printf(&escaped, "\\%03o", *p);
		else
			buffer_putc(&escaped, (char)*p);
	}
	return buffer_take(&escaped);
}

/* Progress. */

#define COLUMNS_UNKNOWN 80

static bool progress_shown; /* at any time before */
static bool progress_visible;

/* The bytes of the first @columns characters, taken as UTF-8. */
static size_t cut(const char *text, size_t columns)
{
	size_t bytes = 0;

	while (text[bytes] && (columns > 0 || ((unsigned char)text[bytes] & 0xc0) == 0x80)) {
		columns -= ((unsigned char)text[bytes] & 0xc0) != 0x80;
		bytes++;
	}
	return bytes;
}

size_t output_columns(int fd)
{
	struct winsize size;

	if (!isatty(fd))
		return 0;
	return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : COLUMNS_UNKNOWN;
}

void output_progress(size_t done, size_t total, const char *name)
{
	_cleanup_free_ char *escaped = NULL;
	size_t columns, used;
	int counted;

	output_progress_clear();
	if (!name || !is_terminal())
		return;
	escaped = output_escape(name);
	counted = fprintf(stderr, "%zu/%zu ", done, total);
	columns = output_columns(STDERR_FILENO);
	used = counted > 0 ? (size_t)counted : 0;
	/* A line that is full would break. */
	if (escaped && used + output_width(escaped) + 1 <= columns)
		fputs(escaped, stderr);
	else if (escaped && used + 2 < columns)
		fprintf(stderr, "%.*s\xe2\x80\xa6", (int)cut(escaped, columns - used - 2), escaped);
	fflush(stderr);
	progress_shown = progress_visible = true;
}

void output_progress_clear(void)
{
	if (!progress_visible)
		return;
	fflush(stdout);
	fputs("\r" LINE_CLEAR, stderr);
	fflush(stderr);
	progress_visible = false;
}

void output_progress_end(const char *format, ...)
{
	va_list args;

	output_progress_clear();
	if (!progress_shown)
		return;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

size_t output_width(const char *text)
{
	size_t columns = 0;

	for (; *text; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}
