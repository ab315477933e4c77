#include "venvfs/project_name.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define PROJECT_NAME_MAX 255

static bool is_separator(char c)
{
	return c == '-' || c == '_' || c == '.';
}

bool project_name_is_valid(const char *name, size_t length)
{
	if (length == 0 || length > PROJECT_NAME_MAX)
		return false;
	for (size_t i = 0; i < length; i++) {
		bool end = i == 0 || i == length - 1;

		if (!ascii_is_alnum(name[i]) && (end || !is_separator(name[i])))
			return false;
	}
	return true;
}

/* The next byte of the normalised name, from *position on; '\0' at its end. */
static char next_normalised(const char *name, size_t length, size_t *position)
{
	if (*position == length)
		return '\0';
	if (!is_separator(name[*position]))
		return ascii_to_lower(name[(*position)++]);
	while (*position < length && is_separator(name[*position]))
		(*position)++;
	return '-';
}

char *project_name_normalise(const char *name, size_t length)
{
	char *normalised = malloc(length + 1);
	size_t position = 0;

	for (char *p = normalised; p; p++) {
		*p = next_normalised(name, length, &position);
		if (*p == '\0')
			break;
	}
	return normalised;
}

bool project_name_equal(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t i = 0, j = 0;
	char c, d;

	do {
		c = next_normalised(a, a_length, &i);
		d = next_normalised(b, b_length, &j);
	} while (c == d && c != '\0');
	return c == d;
}
