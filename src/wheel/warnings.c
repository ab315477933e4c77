#include "warnings.h"

#include <stdarg.h>

int add_warning(struct string_list *warnings, const char *format, ...)
{
	va_list args;
	int r;

	if (!warnings || warnings->count == WARNINGS_MAX)
		return 0;
	va_start(args, format);
	r = string_list_vprintf(warnings, format, args);
	va_end(args);
	return r;
}
