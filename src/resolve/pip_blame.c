/* Which line of the requirements pip complains of: it names the line, or else the project. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lock_internal.h"
#include "venvfs/cleanup.h"
#include "venvfs/path.h"
#include "venvfs/project_name.h"

/* The number in "line 3 of ", which ends at @end; or 0. */
static unsigned number_before(const char *message, const char *end)
{
	static const char line[] = "line ", of[] = " of ";
	const char *at = end - (sizeof(of) - 1);

	if (end - message < (ptrdiff_t)(sizeof(of) - 1) || strncmp(at, of, sizeof(of) - 1) != 0)
		return 0;
	while (at > message && at[-1] >= '0' && at[-1] <= '9')
		at--;
	if (at - message < (ptrdiff_t)(sizeof(line) - 1) ||
	    strncmp(at - (sizeof(line) - 1), line, sizeof(line) - 1) != 0)
		return 0;
	return (unsigned)strtoul(at, NULL, 10);
}

/* "-r FILE (line 3)", "from line 3 of FILE": the number, or 0. */
static unsigned find_number(const char *message, const char *file)
{
	size_t length = strlen(file);
	unsigned number = 0;

	for (const char *at = strstr(message, file); at && number == 0;
	     at = strstr(at + length, file))
		if (sscanf(at + length, " (line %u)", &number) != 1)
			number = number_before(message, at);
	return number;
}

/* The line that asks for the project whose name begins at @text. */
static const struct requirements_line *find_asker(const struct requirements *requirements,
						  const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789._-");

	for (size_t i = 0; i < requirements->count; i++) {
		const struct requirements_line *line = &requirements->lines[i];

		if (line->requirement && !line->constraint &&
		    project_name_equal(line->requirement->name, strlen(line->requirement->name),
				       text, length))
			return line;
	}
	return NULL;
}

/* The line of a project that pip names, itself or as what requires another. */
static const struct requirements_line *find_named(const struct requirements *requirements,
						  const char *message)
{
	static const char *const heads[] = {"satisfies the requirement ", "(from ",
					    "Building wheel for "};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		const char *at = strstr(message, heads[i]);
		const struct requirements_line *line =
			at ? find_asker(requirements, at + strlen(heads[i])) : NULL;

		if (line)
			return line;
	}
	return NULL;
}

/* A path or URL as it is written. */
static const struct requirements_line *find_quoted(const struct requirements *requirements,
						   const char *message)
{
	for (size_t i = 0; i < requirements->count; i++) {
		const struct requirements_line *line = &requirements->lines[i];

		if (line->kind == REQUIREMENTS_NEEDS_PIP && strstr(message, line->text))
			return line;
	}
	return NULL;
}

/* Of a build, pip names only the project; a line that names none is its, if there is only one. */
static const struct requirements_line *find_nameless(const struct requirements *requirements,
						     const char *message)
{
	const struct requirements_line *found = NULL;

	if (!strstr(message, "Building wheel for "))
		return NULL;
	for (size_t i = 0; i < requirements->count; i++) {
		const struct requirements_line *line = &requirements->lines[i];

		if (line->kind != REQUIREMENTS_NEEDS_PIP || line->requirement)
			continue;
		if (found)
			return NULL;
		found = line;
	}
	return found;
}

void pip_blame(const struct making *making, struct error *error)
{
	const struct requirements *requirements = making->inputs->requirements;
	const struct requirements_line *line;

	if (!error->message || error->file)
		return;
	for (size_t i = 0; requirements && i < requirements->files.count; i++) {
		const char *file = requirements->files.items[i];
		unsigned number = find_number(error->message, file);

		if (number > 0) {
			error_at(error, file, number);
			return;
		}
	}
	line = requirements ? find_named(requirements, error->message) : NULL;
	if (requirements && !line)
		line = find_quoted(requirements, error->message);
	if (requirements && !line)
		line = find_nameless(requirements, error->message);
	if (line)
		error_at(error, line->file, line->line);
	else
		error_at(error, making->spec->path, making->spec->requirements_line);
}
