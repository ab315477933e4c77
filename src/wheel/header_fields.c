#include "header_fields.h"

#include <strings.h>

#include "text.h"

/* A name is printable ASCII but for the colon that ends it. 0: the line does not begin with one. */
static size_t name_length(const char *line, size_t length)
{
	size_t n = 0;

	while (n < length && line[n] > ' ' && line[n] < 0x7f && line[n] != ':')
		n++;
	return n < length && line[n] == ':' ? n : 0;
}

static bool is_continuation(const char *text, size_t left)
{
	return left > 0 && (*text == ' ' || *text == '\t');
}

/* Appends a line of the value, with a space between it and those before. */
static void append_line(struct buffer *value, const char *line, size_t length)
{
	text_trim(&line, &length);
	if (value->length > 0 && length > 0)
		buffer_putc(value, ' ');
	buffer_append(value, line, length);
}

bool header_next(const char **text, size_t *left, struct header_field *field)
{
	const char *line;
	size_t length, name;

	field->value.length = 0;
	if (!text_next_line(text, left, &line, &length))
		return false;
	name = name_length(line, length);
	if (name == 0)
		return false;
	field->name = line;
	field->name_length = name;
	append_line(&field->value, line + name + 1, length - name - 1);
	while (is_continuation(*text, *left) && text_next_line(text, left, &line, &length))
		append_line(&field->value, line, length);
	return buffer_status(&field->value) == 0;
}

bool header_is(const struct header_field *field, const char *name)
{
	return field->name_length == strlen(name) &&
	       strncasecmp(field->name, name, field->name_length) == 0;
}
