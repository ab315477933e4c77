/* SHA-256, by libcrypto. */
#pragma once

#include <stdint.h>

#include "venvfs/buffer.h"

#define DIGEST_SIZE     32
#define DIGEST_HEX_SIZE (2 * DIGEST_SIZE + 1) /* with the NUL */

/* Of all bytes of a file, from its start. The descriptor's offset is not used. */
int digest_fd(int fd, uint8_t digest[DIGEST_SIZE]);

/* The same by another method, "sha384" or "sha512" say, appended to @hex. -EOPNOTSUPP: it is not
 * known. */
int digest_fd_hex(int fd, const char *algorithm, struct buffer *hex);

/* Of @size bytes at @data. */
int digest_bytes(const void *data, uint64_t size, uint8_t digest[DIGEST_SIZE]);

/* As lower-case hexadecimal digits. */
void digest_to_hex(const uint8_t digest[DIGEST_SIZE], char hex[DIGEST_HEX_SIZE]);
