/* A growing list of strings that it owns. Zero-initialised. */
#pragma once

#include <stddef.h>

struct string_list {
	char **items;
	size_t count;
};

#define _cleanup_string_list_ __attribute__((cleanup(string_list_clear)))

/* Appends a copy of the @length bytes at @text. 0 or -ENOMEM. */
int string_list_add(struct string_list *list, const char *text, size_t length);

void string_list_clear(struct string_list *list);
