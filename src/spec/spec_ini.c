/*
 * Reading INI. inih splits "key = value"; all that it would take silently is refused before it
 * sees the line. Left alone, inih 55 takes the rest of a line beyond its buffer for a new line,
 * cuts a value at " ;", joins an indented line to the key above it, splits at ':' too, ignores what
 * follows a section's ']' and never mentions an empty section.
 */
#include "spec_internal.h"

#include <errno.h>
#include <ini.h>
#include <search.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"

struct first_line {
	unsigned line;
	char text[];
};

static int first_line_compare(const void *a, const void *b)
{
	const struct first_line *x = a, *y = b;

	return strcmp(x->text, y->text);
}

unsigned first_lines_add(struct first_lines *seen, const char *text, unsigned line)
{
	size_t size = strlen(text) + 1;
	_cleanup_free_ struct first_line *new = malloc(sizeof(*new) + size);
	struct first_line **found;

	if (!new)
		return 0;
	new->line = line;
	memcpy(new->text, text, size);
	found = tsearch(new, &seen->root, first_line_compare);
	if (!found)
		return 0;
	if (*found == new)
		TAKE_PTR(new);
	return (*found)->line;
}

void first_lines_clear(struct first_lines *seen)
{
	tdestroy(seen->root, free);
	seen->root = NULL;
}

/* The text being read: what inih's callbacks get. */
struct source {
	const char *file;
	const char *next, *end; /* what is still to be read */
	unsigned line;          /* the current one */
	char *section;          /* NULL: before the first; "": below a damaged header */
	struct first_lines seen;
	const struct spec_ini_handlers *handlers;
	void *user;
	struct error_list *errors;
	int result; /* 0; -EINVAL once an error was added; anything else ends the reading */
};

static bool source_ended(const struct source *source)
{
	return source->next == source->end || (source->result < 0 && source->result != -EINVAL);
}

static void source_note(struct source *source, int result)
{
	if (result < 0)
		source->result = result;
}

/* A new error about the current line, or NULL when there is no memory. */
static struct error *source_error(struct source *source)
{
	struct error *error = error_list_add(source->errors);

	source_note(source, error ? -EINVAL : -ENOMEM);
	error_at(error, source->file, source->line);
	return error;
}

/* Decodes one character and moves *next behind it. -1 and no move when there is none (RFC 3629:
 * the shortest form only, no surrogates, nothing above U+10FFFF). */
static int32_t utf8_next(const char **next, const char *end)
{
	static const struct {
		unsigned char mask, lead;
		int more;      /* bytes that follow */
		int32_t least; /* that needs this form */
	} forms[] = {
		{0x80, 0x00, 0, 0},
		{0xe0, 0xc0, 1, 0x80},
		{0xf0, 0xe0, 2, 0x800},
		{0xf8, 0xf0, 3, 0x10000},
	};
	const size_t count = sizeof(forms) / sizeof(forms[0]);
	const unsigned char *p = (const unsigned char *)*next;
	size_t form = 0;
	int32_t code;

	while (form < count && (*p & forms[form].mask) != forms[form].lead)
		form++;
	if (form == count || forms[form].more >= end - *next)
		return -1;
	code = *p++ & ~forms[form].mask;
	for (int i = 0; i < forms[form].more; i++, p++) {
		if ((*p & 0xc0) != 0x80)
			return -1;
		code = code << 6 | (*p & 0x3f);
	}
	if (code < forms[form].least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return -1;
	*next = (const char *)p;
	return code;
}

/* Control characters of Unicode, tab excepted, and its two line separators: some readers of
 * pyvenv.cfg would end a line at them (Python's splitlines()), and terminals obey some. */
static bool is_control(int32_t code)
{
	return (code < 0x20 && code != '\t') || (code >= 0x7f && code < 0xa0) || code == 0x2028 ||
	       code == 0x2029;
}

/* Whether the line is plain text; adds an error when it is not. */
static bool check_characters(struct source *source, const char *start, const char *end)
{
	while (start < end) {
		unsigned byte = (unsigned char)*start;
		int32_t code = utf8_next(&start, end);

		if (code >= 0 && !is_control(code))
			continue;
		if (code == 0) {
			error_set(source_error(source), -EINVAL, "there is a NUL byte");
			/* It is no text at all: an error for every line would help nobody. */
			source->next = source->end;
		} else if (code < 0) {
			error_set(source_error(source), -EINVAL, "the byte 0x%02x is not UTF-8",
				  byte);
		} else {
			error_set(source_error(source), -EINVAL,
				  "there is a control character, U+%04X", (unsigned)code);
		}
		return false;
	}
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Whether inih would take the line's tail for a comment. */
static bool has_inline_comment(const char *line)
{
	for (const char *p = strchr(line, ';'); p; p = strchr(p + 1, ';'))
		if (p > line && is_blank(p[-1]))
			return true;
	return false;
}

/* Takes the section's name from "[name]". Of a damaged header the name is "", and the keys below
 * it are passed over: nobody knows where they belong. */
static void read_section(struct source *source, const char *line)
{
	size_t length = strcspn(line + 1, "]");
	bool valid = length > 0 && line[1 + length] == ']' && line[2 + length] == '\0';
	unsigned first;

	free(source->section);
	source->section = strndup(line + 1, valid ? length : 0);
	if (!source->section) {
		source_note(source, -ENOMEM);
		return;
	}
	if (!valid) {
		error_set(source_error(source), -EINVAL, "expected '[section]', not '%s'", line);
		return;
	}
	/* With its bracket, so that it is no entry's text: those hold a newline. */
	first = first_lines_add(&source->seen, line, source->line);
	if (first == 0)
		source_note(source, -ENOMEM);
	else if (first < source->line)
		error_set(source_error(source), -EINVAL,
			  "second section %s; the first is in line %u", line, first);
	else
		source_note(source,
			    source->handlers->section(source->user, source->section, source->line));
}

/* Whether inih may have a line that is no section; adds an error when not. */
static bool check_entry(struct source *source, const char *line)
{
	struct error *error;

	/* Keeping " ;" in the value would surprise those who comment so, cutting it the others. */
	if (has_inline_comment(line)) {
		error = source_error(source);
		error_set(error, -EINVAL, "a ';' follows a blank in '%s'", line);
		error_hint(error, "a comment stands on a line of its own; no value can hold ' ;'");
		return false;
	}
	if (line[strcspn(line, "=:")] != '=') {
		error = source_error(source);
		error_set(error, -EINVAL, "expected 'key = value' or '[section]', not '%s'", line);
		error_hint(error, "every key and its value are one line, with '=' between them");
		return false;
	}
	return true;
}

/* Names the key, unless that is what is too long. */
static void refuse_long_line(struct source *source, const char *start, size_t length, size_t limit)
{
	const char *end = memchr(start, '=', limit);
	struct error *error = source_error(source);

	while (end && end > start && is_blank(end[-1]))
		end--;
	if (end)
		error_set(error, -EINVAL, "the line of '%.*s' has %zu bytes; at most %zu are read",
			  (int)(end - start), start, length, limit);
	else
		error_set(error, -EINVAL, "the line has %zu bytes; at most %zu are read", length,
			  limit);
	error_hint(error, "a long path can be relative to the spec, or go through a link");
}

/* inih's reader: puts the next line into @line, an empty one when inih need not see it. */
static char *read_line(char *line, int size, void *user)
{
	struct source *source = user;
	const char *start = source->next, *end;
	size_t limit = size - 2 < SPEC_LINE_MAX ? (size_t)size - 2 : SPEC_LINE_MAX;
	size_t length;

	if (source_ended(source))
		return NULL;
	source->line++;
	line[0] = '\0';
	end = memchr(start, '\n', (size_t)(source->end - start));
	source->next = end ? end + 1 : source->end;
	if (!end)
		end = source->end;
	if (end > start && end[-1] == '\r')
		end--;
	if (!check_characters(source, start, end))
		return line;
	while (start < end && is_blank(*start))
		start++;
	while (end > start && is_blank(end[-1]))
		end--;
	if (start == end || *start == '#' || *start == ';')
		return line;
	length = (size_t)(end - start);
	if (length > limit) {
		refuse_long_line(source, start, length, limit);
		return line;
	}
	memcpy(line, start, length);
	line[length] = '\0';
	if (line[0] == '[') {
		read_section(source, line);
		line[0] = '\0';
	} else if (!check_entry(source, line)) {
		line[0] = '\0';
	}
	return line;
}

/* inih's handler. Its @section is not used: inih saw none. Returns 1: errors are our own. */
static int read_entry(void *user, const char *section, const char *name, const char *value)
{
	struct source *source = user;
	const struct spec_entry entry = {source->section, name, value, source->line};
	_cleanup_buffer_ struct buffer text = {0};
	unsigned first = 0;

	(void)section;
	if (source->section && !source->section[0])
		return 1;
	if (!name[0]) {
		error_set(source_error(source), -EINVAL, "there is no key before '='");
		return 1;
	}
	buffer_printf(&text, "%s\n%s", source->section ? source->section : "", name);
	if (buffer_status(&text) == 0)
		first = first_lines_add(&source->seen, text.data, source->line);
	if (first == 0)
		source_note(source, -ENOMEM);
	else if (first < source->line)
		error_set(source_error(source), -EINVAL, "second '%s'; the first is in line %u",
			  name, first);
	else
		source_note(source, source->handlers->entry(source->user, &entry));
	return 1;
}

int spec_ini_read(const char *text, size_t length, const char *file,
		  const struct spec_ini_handlers *handlers, void *user, struct error_list *errors)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	struct source source = {
		.file = file,
		.next = text,
		.end = text + length,
		.handlers = handlers,
		.user = user,
		.errors = errors,
	};
	int r;

	if (length >= 3 && memcmp(text, byte_order_mark, 3) == 0)
		source.next += 3;
	r = ini_parse_stream(read_line, &source, read_entry, &source);
	if (r < 0) {
		source_note(&source, -ENOMEM);
	} else if (r > 0 && source.result == 0) {
		/* Only an inih that was built with other rules refuses a line that we let pass. */
		source.line = (unsigned)r;
		error_set(source_error(&source), -EINVAL, "inih refuses the line");
	}
	free(source.section);
	first_lines_clear(&source.seen);
	return source.result;
}
