#include "venvfs/string_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/cleanup.h"

int string_list_add(struct string_list *list, const char *text, size_t length)
{
	/* The room doubles whenever the count reaches a power of two. */
	if ((list->count & (list->count - 1)) == 0) {
		size_t room = list->count > 0 ? list->count * 2 : 1;
		char **items = reallocarray(list->items, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		list->items = items;
	}
	list->items[list->count] = strndup(text, length);
	if (!list->items[list->count])
		return -ENOMEM;
	list->count++;
	return 0;
}

int string_list_vprintf(struct string_list *list, const char *format, va_list args)
{
	_cleanup_free_ char *text = NULL;
	int length = vasprintf(&text, format, args);

	if (length < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return string_list_add(list, text, (size_t)length);
}

int string_list_printf(struct string_list *list, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = string_list_vprintf(list, format, args);
	va_end(args);
	return r;
}

bool string_list_has(const struct string_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], text) == 0)
			return true;
	return false;
}

void string_list_clear(struct string_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct string_list){0};
}
