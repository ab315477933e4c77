#include "venvfs/requirements_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"
#include "requirements_foreign.h"
#include "requirements_line.h"
#include "text.h"

/* Moves @error to the end of @errors, as something that is wrong at @line of @file. Returns @code,
 * or -ENOMEM. */
static int report(struct error_list *errors, struct error *error, const char *file, unsigned line,
		  int code)
{
	struct error *slot = error_list_add(errors);

	if (!slot)
		return -ENOMEM;
	*slot = *error;
	*error = (struct error)ERROR_INIT;
	error_at(slot, file, line);
	return code;
}

/* Where the comment of a line begins: at a "#" that opens the line or follows white space. */
static size_t find_comment(const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (line[i] == '#' && (i == 0 || ascii_is_space(line[i - 1])))
			return i;
	}
	return length;
}

static bool is_variable_char(char c)
{
	return (c >= 'A' && c <= 'Z') || ascii_is_digit(c) || c == '_';
}

/* Appends @text with "${NAME}" replaced where the environment has NAME, as pip does. */
static void append_expanded(struct buffer *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length;) {
		_cleanup_free_ char *name = NULL;
		size_t end = i + 2;
		const char *value;

		while (end < length && is_variable_char(text[end]))
			end++;
		if (text[i] == '$' && i + 1 < length && text[i + 1] == '{' && end > i + 2 &&
		    end < length && text[end] == '}')
			name = strndup(text + i + 2, end - i - 2);
		value = name ? getenv(name) : NULL;
		if (value) {
			buffer_puts(out, value);
			i = end + 1;
		} else {
			buffer_putc(out, text[i++]);
		}
	}
}

/* Whether a line goes on in the next one: it ends in a backslash and is no comment. */
static bool is_continued(const char *line, size_t length)
{
	size_t start = 0;

	while (start < length && ascii_is_space(line[start]))
		start++;
	return start < length && line[start] != '#' && line[length - 1] == '\\';
}

/* The next logical line in @out, joined and without its comment, and where it begins in *first;
 * false at the end. */
static bool next_logical_line(const char **text, size_t *left, unsigned *number, unsigned *first,
			      struct buffer *out)
{
	bool any = false, continued = true;
	const char *line;
	size_t length;

	out->length = 0;
	while (continued && text_next_line(text, left, &line, &length)) {
		++*number;
		if (!any)
			*first = *number;
		continued = is_continued(line, length);
		while (continued && length > 0 && line[length - 1] == '\\')
			length--;
		/* A comment that ends a continued line needs space in front of it to be one. */
		if (any && length > 0 && line[0] == '#')
			buffer_putc(out, ' ');
		buffer_append(out, line, length);
		any = true;
	}
	if (any && !out->failed)
		out->length = find_comment(out->data, out->length);
	return any;
}

/* The file that is being read, and those that led to it. */
struct chain {
	const char *path;
	const struct chain *parent;
	const struct requirements_line *line; /* that names it, or NULL */
};

static int load_file(struct requirements *requirements, const struct chain *chain, bool constraint,
		     struct error_list *errors);

static bool chain_has(const struct chain *chain, const char *path)
{
	for (; chain; chain = chain->parent) {
		if (strcmp(chain->path, path) == 0)
			return true;
	}
	return false;
}

/* Appends the file that @line names. */
static int follow_line(struct requirements *requirements, const struct requirements_line *line,
		       const struct chain *chain, struct error_list *errors)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct chain next = {line->value, chain, line};

	if (chain_has(chain, line->value)) {
		error_set(&error, -EINVAL, "'%s' includes itself", QUOTE(line->value));
		return report(errors, &error, line->file, line->line, -EINVAL);
	}
	return load_file(requirements, &next, line->kind == REQUIREMENTS_CONSTRAINTS, errors);
}

/* Replaces the lines from @first on that name files by what those hold, which goes to the end. */
static int follow(struct requirements *requirements, size_t first, const struct chain *chain,
		  struct error_list *errors)
{
	int result = 0;

	for (size_t left = requirements->count - first; left > 0; left--) {
		struct requirements_line *lines = requirements->lines, line = lines[first];
		int r;

		if (line.kind != REQUIREMENTS_FILE && line.kind != REQUIREMENTS_CONSTRAINTS) {
			first++;
			continue;
		}
		requirements->count--;
		memmove(&lines[first], &lines[first + 1],
			(requirements->count - first) * sizeof(*lines));
		r = follow_line(requirements, &line, chain, errors);
		requirements_line_clear(&line);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			result = r;
	}
	return result;
}

/* Adds one logical line, and the files that it names unless @chain is NULL. */
static int add_line(struct requirements *requirements, const struct requirements_place *place,
		    const char *line, size_t length, const struct chain *chain,
		    struct error_list *errors)
{
	_cleanup_buffer_ struct buffer expanded = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	size_t first = requirements->count;
	int r;

	append_expanded(&expanded, line, length);
	r = buffer_status(&expanded);
	if (r == 0 && memchr(expanded.data, '\0', expanded.length))
		r = error_set(&error, -EINVAL, "the line holds a NUL");
	if (r == 0)
		r = requirements_add_line(requirements, place, expanded.data, &error);
	if (r == -EINVAL)
		return report(errors, &error, place->file, place->line, r);
	if (r == 0 && chain)
		r = follow(requirements, first, chain, errors);
	return r;
}

/* Adds the lines of a text. Goes on after lines that are wrong, and then returns what the last of
 * them did. */
static int add_text(struct requirements *requirements, const char *path, bool constraint,
		    const char *text, size_t length, const struct chain *chain,
		    struct error_list *errors)
{
	struct requirements_place place = {.constraint = constraint};
	_cleanup_buffer_ struct buffer joined = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *directory = NULL;
	unsigned number = 0;
	int result = 0;

	if (string_list_add(&requirements->files, path, strlen(path)) < 0)
		return -ENOMEM;
	place.file = requirements->files.items[requirements->files.count - 1];
	directory = strndup(path, (size_t)(path_basename(path) - path));
	if (!directory)
		return -ENOMEM;
	place.directory = directory;
	if (text_starts_with(text, length, "\xef\xbb\xbf")) {
		text += 3;
		length -= 3;
	}
	if (requirements_check_foreign(path, text, length, &error) < 0)
		return error_list_take(errors, &error, -EINVAL);
	while (next_logical_line(&text, &length, &number, &place.line, &joined)) {
		const char *line = joined.data;
		size_t line_length = joined.length;
		int r = buffer_status(&joined);

		text_trim(&line, &line_length);
		if (r == 0 && line_length > 0)
			r = add_line(requirements, &place, line, line_length, chain, errors);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			result = r;
	}
	return result;
}

static int load_file(struct requirements *requirements, const struct chain *chain, bool constraint,
		     struct error_list *errors)
{
	_cleanup_buffer_ struct buffer text = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	if (requirements->files.count == REQUIREMENTS_FILES_MAX) {
		error_set(&error, -EINVAL, "more than %d requirements files",
			  REQUIREMENTS_FILES_MAX);
		return report(errors, &error, chain->path, 0, -EINVAL);
	}
	r = io_read_file(AT_FDCWD, chain->path, REQUIREMENTS_FILE_MAX, &text);
	if (r < 0) {
		error_set_errno(&error, r, "the requirements %s cannot be read", chain->path);
		return report(errors, &error, chain->line ? chain->line->file : chain->path,
			      chain->line ? chain->line->line : 0, r);
	}
	return add_text(requirements, chain->path, constraint, text.data ? text.data : "",
			text.length, chain, errors);
}

int requirements_load(const char *path, struct requirements **out, struct error_list *errors)
{
	_cleanup_requirements_ struct requirements *requirements = NULL;
	struct chain chain = {.path = path};
	int r;

	requirements = calloc(1, sizeof(*requirements));
	if (!requirements)
		return -ENOMEM;
	r = load_file(requirements, &chain, false, errors);
	if (r < 0)
		return r;
	*out = TAKE_PTR(requirements);
	return 0;
}

int requirements_parse(const char *path, const char *text, size_t length, struct requirements **out,
		       struct error_list *errors)
{
	_cleanup_requirements_ struct requirements *requirements = NULL;
	int r;

	requirements = calloc(1, sizeof(*requirements));
	if (!requirements)
		return -ENOMEM;
	r = add_text(requirements, path, false, text, length, NULL, errors);
	if (r < 0)
		return r;
	*out = TAKE_PTR(requirements);
	return 0;
}

void requirements_free(struct requirements *requirements)
{
	if (!requirements)
		return;
	for (size_t i = 0; i < requirements->count; i++)
		requirements_line_clear(&requirements->lines[i]);
	free(requirements->lines);
	string_list_clear(&requirements->files);
	free(requirements);
}

void requirements_freep(struct requirements **requirements)
{
	requirements_free(*requirements);
}
