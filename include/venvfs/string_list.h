/* A growing list of strings that it owns. Zero-initialised. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct string_list {
	char **items;
	size_t count;
};

#define _cleanup_string_list_ __attribute__((cleanup(string_list_clear)))

/* Appends a copy of the @length bytes at @text. 0 or -ENOMEM. */
int string_list_add(struct string_list *list, const char *text, size_t length);

/* The same of a text that is made for it. */
int string_list_printf(struct string_list *list, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int string_list_vprintf(struct string_list *list, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

bool string_list_has(const struct string_list *list, const char *text);

void string_list_clear(struct string_list *list);
