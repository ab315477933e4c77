/*
 * Looking at text that others wrote: bytes, not the locale's opinion of them, and never further
 * than their length.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool ascii_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool ascii_is_alnum(char c)
{
	return ascii_is_digit(c) || ascii_is_alpha(c);
}

static inline char ascii_to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* 0 to 15, or -1. */
static inline int ascii_hex_value(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_to_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline bool ascii_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Whether @text begins with @prefix, a string. */
static inline bool text_starts_with(const char *text, size_t length, const char *prefix)
{
	size_t wanted = strlen(prefix);

	return length >= wanted && memcmp(text, prefix, wanted) == 0;
}

static inline bool text_ends_with(const char *text, size_t length, const char *suffix)
{
	size_t wanted = strlen(suffix);

	return length >= wanted && memcmp(text + length - wanted, suffix, wanted) == 0;
}

/* Whether the bytes are @string and nothing else. */
static inline bool text_equals(const char *text, size_t length, const char *string)
{
	return length == strlen(string) && memcmp(text, string, length) == 0;
}

/* Takes the white space off both ends. */
void text_trim(const char **text, size_t *length);

/* A line of a text, without its end ("\n", "\r\n" or "\r"). Moves *@text and *@left behind it;
 * false when nothing is left. */
bool text_next_line(const char **text, size_t *left, const char **line, size_t *length);

/* Well-formed UTF-8 (RFC 3629): no overlong form, no surrogate, nothing above U+10FFFF. */
bool text_is_utf8(const char *text, size_t length);

/* Whether it holds a control character: C0, DEL, or C1 in UTF-8 form. */
bool text_has_control(const char *text, size_t length);

/* Decimal numbers of any length as -1, 0, 1; an empty one is 0. */
int text_compare_numbers(const char *a, size_t a_length, const char *b, size_t b_length);

/* Room for what text_quote() makes. */
#define TEXT_QUOTE_SIZE 160

/* The text as a message may show it: what is not printable ASCII as \xNN, and no more than fits,
 * with "..." where it was cut. Returns @quoted. */
const char *text_quote(const char *text, size_t length, char quoted[TEXT_QUOTE_SIZE]);

/* The same, in a place of its own that lasts as long as the enclosing block. */
#define QUOTE_TEXT(text, length) text_quote(text, length, (char[TEXT_QUOTE_SIZE]){0})
#define QUOTE(string)            QUOTE_TEXT(string, strlen(string))
