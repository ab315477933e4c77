#include "venvfs/string_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

void string_list_clear(struct string_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct string_list){0};
}
