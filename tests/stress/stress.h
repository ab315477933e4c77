/* What the programs of this directory share: numbers at random, and how they fail. */
#pragma once

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Says what is wrong, with errno if it has a value, and ends the process. */
__attribute__((format(printf, 1, 2), noreturn)) static inline void fail(const char *format, ...)
{
	int code = errno;
	char text[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "%s%s%s\n", text, code ? ": " : "", code ? strerror(code) : "");
	_exit(1);
}

/* xorshift64*: the same for the same seed everywhere. */
struct random {
	uint64_t state;
};

static inline struct random random_seeded(uint64_t seed)
{
	return (struct random){.state = seed * 0x9e3779b97f4a7c15 | 1};
}

/* A number below @limit. */
static inline uint64_t random_below(struct random *random, uint64_t limit)
{
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return (random->state * 0x2545f4914f6cdd1d >> 11) % limit;
}
