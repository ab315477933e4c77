#include "venvfs/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"

__attribute__((format(printf, 1, 0))) static char *format_string(const char *format, va_list args)
{
	char *string;

	return vasprintf(&string, format, args) < 0 ? NULL : string;
}

static void replace(char **slot, char *value)
{
	free(*slot);
	*slot = value;
}

int error_set(struct error *error, int code, const char *format, ...)
{
	va_list args;

	if (!error)
		return code;
	va_start(args, format);
	replace(&error->message, format_string(format, args));
	va_end(args);
	return code;
}

int error_set_errno(struct error *error, int code, const char *format, ...)
{
	_cleanup_free_ char *prefix = NULL;
	va_list args;

	if (!error)
		return code;
	va_start(args, format);
	prefix = format_string(format, args);
	va_end(args);
	return error_set(error, code, "%s: %s", prefix ? prefix : "error", strerror(-code));
}

void error_at(struct error *error, const char *file, unsigned line)
{
	if (!error)
		return;
	replace(&error->file, file ? strdup(file) : NULL);
	error->line = line;
}

void error_hint(struct error *error, const char *format, ...)
{
	va_list args;

	if (!error)
		return;
	va_start(args, format);
	replace(&error->hint, format_string(format, args));
	va_end(args);
}

void error_clear(struct error *error)
{
	free(error->message);
	free(error->file);
	free(error->hint);
	*error = (struct error)ERROR_INIT;
}

char *error_format(const struct error *error)
{
	_cleanup_buffer_ struct buffer text = {0};

	if (error->file && error->line > 0)
		buffer_printf(&text, "%s:%u: ", error->file, error->line);
	else if (error->file)
		buffer_printf(&text, "%s: ", error->file);
	buffer_puts(&text, error->message ? error->message : "unknown error");
	if (error->hint)
		buffer_printf(&text, "\n  %s", error->hint);
	return buffer_take(&text);
}

struct error *error_list_add(struct error_list *list)
{
	struct error *items;

	items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (!items)
		return NULL;
	list->items = items;
	items[list->count] = (struct error)ERROR_INIT;
	return &items[list->count++];
}

int error_list_take(struct error_list *list, struct error *error, int code)
{
	struct error *item = error->message ? error_list_add(list) : NULL;

	if (item) {
		*item = *error;
		*error = (struct error)ERROR_INIT;
	}
	return code;
}

void error_list_clear(struct error_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		error_clear(&list->items[i]);
	free(list->items);
	*list = (struct error_list){0};
}
