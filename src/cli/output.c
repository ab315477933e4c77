#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"

#define COLOUR_ERROR   "\033[1;31m"
#define COLOUR_WARNING "\033[1;33m"
#define COLOUR_OFF     "\033[0m"

/* https://no-color.org: set and not empty means no. */
static bool wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && !(no_color && *no_color) && term && *term &&
	       strcmp(term, "dumb") != 0;
}

__attribute__((format(printf, 3, 0))) static void print(const char *kind, const char *colour,
							const char *format, va_list args)
{
	bool coloured = wants_colour();

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

void output_errors(const struct error_list *errors, int code)
{
	static const struct error none = ERROR_INIT;

	for (size_t i = 0; i < errors->count; i++)
		output_error(&errors->items[i], code);
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

size_t output_width(const char *text)
{
	size_t columns = 0;

	for (; *text; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}
