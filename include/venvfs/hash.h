/* Hashing for tables and for short names; not for anything that an attacker may forge. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* FNV-1a, 64 bits; chain by passing an earlier result as @seed, HASH_SEED first. */
#define HASH_SEED 0xcbf29ce484222325ull

static inline uint64_t hash_bytes(const void *bytes, size_t length, uint64_t seed)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < length; i++)
		seed = (seed ^ p[i]) * 0x100000001b3ull;
	return seed;
}
