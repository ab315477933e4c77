#include "text.h"

#include <stdint.h>
#include <stdio.h>

void text_trim(const char **text, size_t *length)
{
	while (*length > 0 && ascii_is_space((*text)[*length - 1]))
		(*length)--;
	while (*length > 0 && ascii_is_space(**text)) {
		(*text)++;
		(*length)--;
	}
}

bool text_next_line(const char **text, size_t *left, const char **line, size_t *length)
{
	size_t end = 0;

	if (*left == 0)
		return false;
	while (end < *left && (*text)[end] != '\n' && (*text)[end] != '\r')
		end++;
	*line = *text;
	*length = end;
	if (end + 1 < *left && (*text)[end] == '\r' && (*text)[end + 1] == '\n')
		end++;
	if (end < *left)
		end++;
	*text += end;
	*left -= end;
	return true;
}

/* The bytes of the character that begins at @text, or 0 when it is not well-formed. */
static size_t utf8_length(const unsigned char *text, size_t left)
{
	uint32_t point, smallest;
	size_t length;

	if (text[0] < 0x80)
		return 1;
	if ((text[0] & 0xe0) == 0xc0)
		length = 2, point = text[0] & 0x1f, smallest = 0x80;
	else if ((text[0] & 0xf0) == 0xe0)
		length = 3, point = text[0] & 0x0f, smallest = 0x800;
	else if ((text[0] & 0xf8) == 0xf0)
		length = 4, point = text[0] & 0x07, smallest = 0x10000;
	else
		return 0;
	if (left < length)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (text[i] & 0x3f);
	}
	if (point < smallest || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	return length;
}

bool text_is_utf8(const char *text, size_t length)
{
	while (length > 0) {
		size_t n = utf8_length((const unsigned char *)text, length);

		if (n == 0)
			return false;
		text += n;
		length -= n;
	}
	return true;
}

bool text_has_control(const char *text, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)text;

	for (size_t i = 0; i < length; i++) {
		if (bytes[i] < 0x20 || bytes[i] == 0x7f)
			return true;
		/* U+0080 to U+009F are C2 80 to C2 9F; C2 is never a continuation. */
		if (bytes[i] == 0xc2 && i + 1 < length && bytes[i + 1] < 0xa0)
			return true;
	}
	return false;
}

static void strip_zeros(const char **digits, size_t *length)
{
	while (*length > 0 && **digits == '0') {
		(*digits)++;
		(*length)--;
	}
}

int text_compare_numbers(const char *a, size_t a_length, const char *b, size_t b_length)
{
	int r;

	strip_zeros(&a, &a_length);
	strip_zeros(&b, &b_length);
	if (a_length != b_length)
		return a_length < b_length ? -1 : 1;
	r = a_length > 0 ? memcmp(a, b, a_length) : 0;
	return (r > 0) - (r < 0);
}

const char *text_quote(const char *text, size_t length, char quoted[TEXT_QUOTE_SIZE])
{
	static const char cut[] = "...";
	char *p = quoted, *end = quoted + TEXT_QUOTE_SIZE - sizeof(cut);

	for (size_t i = 0; i < length; i++) {
		bool plain = text[i] >= 0x20 && text[i] < 0x7f;

		if (end - p < (plain ? 1 : 4)) {
			p = stpcpy(p, cut);
			break;
		}
		if (plain)
			*p++ = text[i];
		else
			p += sprintf(p, "\\x%02x", (unsigned)(unsigned char)text[i]);
	}
	*p = '\0';
	return quoted;
}
