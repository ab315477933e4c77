/* What the fuzzers have in common. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "venvfs/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process in a way that libFuzzer reports and keeps the input of. */
static inline void require(bool condition)
{
	if (!condition)
		__builtin_trap();
}

/* A reader's answer is one of those that its header lists, and a refusal has a sentence. */
static inline void require_answer(int r, int refusal, struct error *error)
{
	require(r == 0 || r == refusal);
	require((r == 0) == (error->message == NULL));
	require(r == 0 || (error->message[0] && !strchr(error->message, '\n')));
	error_clear(error);
}
