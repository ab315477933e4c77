/* The hashes in a RECORD. Private to record.c and record_hash.c. */
#pragma once

#include <stdbool.h>

/* Whether @hash is the name of an algorithm that counts, "=", and a digest of its length in
 * URL-safe base64 without padding. What is weaker than SHA-256 does not count (PEP 427). */
bool record_hash_is_valid(const char *hash);
