#include "warnings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "venvfs/cleanup.h"

int add_warning(struct string_list *warnings, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;
	int length;

	if (!warnings || warnings->count == WARNINGS_MAX)
		return 0;
	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return string_list_add(warnings, text, (size_t)length);
}
