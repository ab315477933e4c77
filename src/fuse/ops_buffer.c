#include <stdlib.h>

#include "ops.h"

static _Thread_local struct {
	char *data;
	size_t size;
} own;

char *ops_buffer(size_t size)
{
	if (size > own.size) {
		ops_buffer_free();
		own.data = malloc(size);
		own.size = own.data ? size : 0;
	}
	return own.data;
}

void ops_buffer_free(void)
{
	free(own.data);
	own.data = NULL;
	own.size = 0;
}
