#include <stdlib.h>

#include "ops.h"

/* More than this is given back when so many calls in a row were content with less. */
#define LARGE	 (64u << 10)
#define PATIENCE 64

static _Thread_local struct {
	char *data;
	size_t size;
	unsigned small_calls;
} own;

char *ops_buffer(size_t size)
{
	if (size > LARGE)
		own.small_calls = 0;
	else if (own.size > LARGE && ++own.small_calls > PATIENCE)
		ops_buffer_free();
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
	own.small_calls = 0;
}
