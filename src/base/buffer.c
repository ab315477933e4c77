#include "venvfs/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/cleanup.h"

static bool buffer_reserve(struct buffer *buffer, size_t more)
{
	size_t capacity = buffer->capacity ? buffer->capacity : 64;
	char *data;

	if (buffer->failed)
		return false;
	while (capacity - buffer->length <= more) {
		if (__builtin_mul_overflow(capacity, 2, &capacity)) {
			buffer->failed = true;
			return false;
		}
	}
	if (capacity == buffer->capacity)
		return true;
	data = realloc(buffer->data, capacity);
	if (!data) {
		buffer->failed = true;
		return false;
	}
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
	if (!buffer_reserve(buffer, length))
		return;
	if (length > 0)
		memcpy(buffer->data + buffer->length, bytes, length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
}

void buffer_puts(struct buffer *buffer, const char *string)
{
	buffer_append(buffer, string, strlen(string));
}

void buffer_putc(struct buffer *buffer, char c)
{
	buffer_append(buffer, &c, 1);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0) {
		text = NULL;
		buffer->failed = true;
		return;
	}
	buffer_append(buffer, text, (size_t)length);
}

int buffer_status(const struct buffer *buffer)
{
	return buffer->failed ? -ENOMEM : 0;
}

char *buffer_take(struct buffer *buffer)
{
	char *data;

	buffer_append(buffer, "", 0);
	if (buffer->failed)
		buffer_free(buffer);
	data = buffer->data;
	*buffer = (struct buffer){0};
	return data;
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){0};
}
