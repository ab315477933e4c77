/*
 * A growing byte buffer. A failed allocation is remembered, so that a renderer may append a hundred
 * times and ask once, with buffer_status(). The bytes are always followed by a NUL that `length`
 * does not count.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct buffer {
	char *data; /* NULL while nothing was appended */
	size_t length;
	size_t capacity;
	bool failed;
};

#define _cleanup_buffer_ __attribute__((cleanup(buffer_free)))

void buffer_append(struct buffer *buffer, const void *bytes, size_t length);
void buffer_puts(struct buffer *buffer, const char *string);
void buffer_putc(struct buffer *buffer, char c);
void buffer_printf(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* 0, or -ENOMEM when any append failed. */
int buffer_status(const struct buffer *buffer);

/* Hands the bytes over as a string to be freed ("" when empty); NULL after a failed append. The
 * buffer is empty afterwards. */
char *buffer_take(struct buffer *buffer);

void buffer_free(struct buffer *buffer);
