/* What pip says on stderr, made one sentence that a person can act on. */
#include <stdlib.h>
#include <string.h>

#include "python_internal.h"
#include "venvfs/cleanup.h"
#include "venvfs/pip.h"

#define ERROR_HEAD    "ERROR: "
#define COMPLAINT_MAX 4000

enum kind {
	LINE_EMPTY,
	LINE_ERROR,
	LINE_NOTICE, /* a warning, or news about pip itself */
	LINE_MORE,   /* of what came before, or something of other programs' */
};

struct line {
	const char *text; /* without white space around it */
	size_t length;
	bool indented;
};

static bool next_line(const char **text, struct line *line)
{
	const char *start = *text, *end = start + strcspn(start, "\n");

	if (!*start)
		return false;
	*text = *end ? end + 1 : end;
	line->text = start + strspn(start, " \t\r");
	line->indented = line->text > start;
	if (line->text > end)
		line->text = end;
	while (end > line->text && strchr(" \t\r", end[-1]))
		end--;
	line->length = (size_t)(end - line->text);
	return true;
}

static bool begins(const struct line *line, const char *head)
{
	return line->length >= strlen(head) && memcmp(line->text, head, strlen(head)) == 0;
}

static enum kind kind_of(const struct line *line)
{
	static const char *const notices[] = {"WARNING: ", "DEPRECATION: ", "[notice]", "begun: ",
					      "note: This error originates from a subprocess"};

	if (line->length == 0)
		return LINE_EMPTY;
	for (size_t i = 0; i < sizeof(notices) / sizeof(notices[0]); i++)
		if (begins(line, notices[i]))
			return LINE_NOTICE;
	return begins(line, ERROR_HEAD) ? LINE_ERROR : LINE_MORE;
}

/* Sentences follow each other, and a line that ends with a colon is told by the next. */
static void append(struct buffer *out, const struct line *line, size_t skip)
{
	if (out->length > 0)
		buffer_puts(out, strchr(".:;,", out->data[out->length - 1]) ? " " : "; ");
	buffer_append(out, line->text + skip, line->length - skip);
}

/* From the first error on, or, where there is none, everything; without notices and what continues
 * them. */
static void collect(const char *text, bool errors, struct buffer *out)
{
	bool skipping = errors, noticed = false;
	struct line line;

	while (next_line(&text, &line)) {
		enum kind kind = kind_of(&line);

		if (kind == LINE_ERROR)
			skipping = false;
		noticed = kind == LINE_NOTICE || (noticed && kind == LINE_MORE && line.indented);
		if (kind != LINE_EMPTY && !skipping && !noticed)
			append(out, &line, kind == LINE_ERROR ? strlen(ERROR_HEAD) : 0);
	}
}

static bool has_errors(const char *text)
{
	struct line line;

	while (next_line(&text, &line))
		if (kind_of(&line) == LINE_ERROR)
			return true;
	return false;
}

/* Without a network, the error is only that there are no versions. */
static void add_connection(const char *text, struct error *error)
{
	const char *found = strstr(text, "connection broken by ");

	if (found)
		error_hint(error, "an index could not be reached: %.*s",
			   (int)strcspn(found + strlen("connection broken by "), "\n"),
			   found + strlen("connection broken by "));
}

int pip_explain(const char *text, int code, struct error *error)
{
	_cleanup_buffer_ struct buffer said = {0};
	size_t length;

	if (pip_explain_step(text, code, error))
		return code;
	collect(text, has_errors(text), &said);
	if (buffer_status(&said) < 0 || said.length == 0)
		return error_set(error, code, "pip failed and did not say why");
	length = said.length < COMPLAINT_MAX ? said.length : COMPLAINT_MAX;
	while (length < said.length && ((unsigned char)said.data[length] & 0xc0) == 0x80)
		length--; /* not amid a character */
	error_set(error, code, "pip: %.*s", (int)length, said.data);
	add_connection(text, error);
	return code;
}
