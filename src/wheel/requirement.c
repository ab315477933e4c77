#include "venvfs/requirement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/cleanup.h"
#include "venvfs/project_name.h"
#include "text.h"

struct reader {
	const char *requirement;
	const char *p;
	struct error *error;
};

static int expected(const struct reader *reader, const char *what)
{
	if (*reader->p == '\0')
		return error_set(reader->error, -EINVAL,
				 "the requirement '%s' ends where %s should be",
				 QUOTE(reader->requirement), what);
	return error_set(reader->error, -EINVAL, "the requirement '%s' has no %s at '%s'",
			 QUOTE(reader->requirement), what, QUOTE(reader->p));
}

static void skip_space(struct reader *reader)
{
	while (ascii_is_space(*reader->p))
		reader->p++;
}

static bool skip_char(struct reader *reader, char c)
{
	if (*reader->p != c)
		return false;
	reader->p++;
	return true;
}

/* The name of a project or of an extra that comes next, in *name and *length. */
static int read_name(struct reader *reader, const char *what, const char **name, size_t *length)
{
	*name = reader->p;
	while (ascii_is_alnum(*reader->p) || (*reader->p && strchr("-_.", *reader->p)))
		reader->p++;
	*length = (size_t)(reader->p - *name);
	if (project_name_is_valid(*name, *length))
		return 0;
	reader->p = *name;
	return expected(reader, what);
}

static int read_extras(struct reader *reader, struct string_list *extras)
{
	if (!skip_char(reader, '['))
		return 0;
	skip_space(reader);
	if (skip_char(reader, ']'))
		return 0;
	for (;;) {
		_cleanup_free_ char *normalised = NULL;
		const char *name;
		size_t length;
		int r;

		r = read_name(reader, "extra", &name, &length);
		if (r < 0)
			return r;
		normalised = project_name_normalise(name, length);
		if (!normalised)
			return -ENOMEM;
		r = string_list_add(extras, normalised, strlen(normalised));
		if (r < 0)
			return r;
		skip_space(reader);
		if (skip_char(reader, ']'))
			return 0;
		if (!skip_char(reader, ','))
			return expected(reader, "',' or ']'");
		skip_space(reader);
	}
}

static int read_url(struct reader *reader, char **url)
{
	size_t length;

	skip_space(reader);
	length = strcspn(reader->p, " ");
	if (length == 0)
		return expected(reader, "URL");
	*url = strndup(reader->p, length);
	if (!*url)
		return -ENOMEM;
	reader->p += length;
	return 0;
}

/* The first comma without a specifier before it, or NULL. A list may end in a comma, as Python's
 * readers have it. */
static const char *find_stray_comma(const char *list, size_t length)
{
	bool specifier = false;

	for (size_t i = 0; i < length; i++) {
		if (list[i] == ',' && !specifier)
			return list + i;
		specifier = list[i] != ',' && (specifier || list[i] != ' ');
	}
	return NULL;
}

static int read_specifiers(struct reader *reader, struct specifier_set *specifiers)
{
	bool parenthesis = skip_char(reader, '(');
	size_t length = strcspn(reader->p, parenthesis ? ";)" : ";");
	const char *start = reader->p, *stray;
	int r;

	stray = find_stray_comma(start, length);
	if (stray) {
		reader->p = stray;
		return expected(reader, "version specifier");
	}
	r = specifier_set_parse(start, length, specifiers, reader->error);
	if (r < 0)
		return r;
	reader->p += length;
	if (parenthesis && !skip_char(reader, ')'))
		return expected(reader, "closing parenthesis");
	return 0;
}

static int read_marker(struct reader *reader, char **marker)
{
	skip_space(reader);
	if (*reader->p == '\0')
		return 0;
	if (!skip_char(reader, ';'))
		return expected(reader, "';' or end");
	skip_space(reader);
	*marker = strdup(reader->p);
	if (!*marker)
		return -ENOMEM;
	return marker_check(*marker, reader->error);
}

static int read_requirement(struct reader *reader, struct requirement *requirement)
{
	const char *name;
	size_t length;
	int r;

	r = read_name(reader, "name", &name, &length);
	if (r < 0)
		return r;
	requirement->name = strndup(name, length);
	requirement->normalised = project_name_normalise(name, length);
	if (!requirement->name || !requirement->normalised)
		return -ENOMEM;
	skip_space(reader);
	r = read_extras(reader, &requirement->extras);
	if (r < 0)
		return r;
	skip_space(reader);
	if (skip_char(reader, '@'))
		r = read_url(reader, &requirement->url);
	else
		r = read_specifiers(reader, &requirement->specifiers);
	return r < 0 ? r : read_marker(reader, &requirement->marker);
}

int requirement_parse(const char *text, size_t length, struct requirement **out,
		      struct error *error)
{
	_cleanup_requirement_ struct requirement *requirement = NULL;
	_cleanup_free_ char *copy = NULL;
	struct reader reader = {.error = error};
	int r;

	text_trim(&text, &length);
	if (length > REQUIREMENT_MAX)
		return error_set(error, -EINVAL, "the requirement '%s' is longer than %d bytes",
				 QUOTE_TEXT(text, length), REQUIREMENT_MAX);
	copy = strndup(text, length);
	requirement = calloc(1, sizeof(*requirement));
	if (!copy || !requirement)
		return -ENOMEM;
	for (char *p = copy; *p; p++)
		*p = *p == '\t' ? ' ' : *p;
	if (strlen(copy) != length || text_has_control(copy, length) || !text_is_utf8(copy, length))
		return error_set(error, -EINVAL,
				 "the requirement '%s' holds a control character or is not UTF-8",
				 QUOTE_TEXT(text, length));
	reader.requirement = reader.p = copy;
	r = read_requirement(&reader, requirement);
	if (r < 0)
		return r;
	*out = TAKE_PTR(requirement);
	return 0;
}

void requirement_free(struct requirement *requirement)
{
	if (!requirement)
		return;
	free(requirement->name);
	free(requirement->normalised);
	string_list_clear(&requirement->extras);
	specifier_set_clear(&requirement->specifiers);
	free(requirement->url);
	free(requirement->marker);
	free(requirement);
}

void requirement_freep(struct requirement **requirement)
{
	requirement_free(*requirement);
}

int requirement_applies(const struct requirement *requirement,
			const struct marker_environment *environment,
			const struct string_list *extras, bool *out, struct error *error)
{
	struct marker_environment with_extra = *environment;
	size_t count = extras ? extras->count : 0;
	bool applies = !requirement->marker;
	int r;

	for (size_t i = 0; !applies && i < (count > 0 ? count : 1); i++) {
		with_extra.values[MARKER_EXTRA] = count > 0 ? extras->items[i] : "";
		r = marker_evaluate(requirement->marker, &with_extra, &applies, error);
		if (r < 0)
			return r;
	}
	*out = applies;
	return 0;
}
