#include "digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "venvfs/cleanup.h"

#define CHUNK (1u << 20)

static void free_context(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}

/* Of all bytes of a file, by any method; @digest has room for EVP_MAX_MD_SIZE. */
static int digest_file(int fd, const EVP_MD *method, uint8_t *digest)
{
	_cleanup_(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
	_cleanup_free_ char *chunk = malloc(CHUNK);
	off_t offset = 0;
	ssize_t n;

	if (!context || !chunk || EVP_DigestInit_ex(context, method, NULL) != 1)
		return -ENOMEM;
	while ((n = pread(fd, chunk, CHUNK, offset)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (EVP_DigestUpdate(context, chunk, (size_t)n) != 1)
			return -EIO;
		offset += n;
	}
	return EVP_DigestFinal_ex(context, digest, NULL) == 1 ? 0 : -EIO;
}

int digest_fd(int fd, uint8_t digest[DIGEST_SIZE])
{
	return digest_file(fd, EVP_sha256(), digest);
}

int digest_fd_hex(int fd, const char *algorithm, struct buffer *hex)
{
	const EVP_MD *method = EVP_get_digestbyname(algorithm);
	uint8_t digest[EVP_MAX_MD_SIZE];
	int r = method ? digest_file(fd, method, digest) : -EOPNOTSUPP;

	for (int i = 0; r == 0 && i < EVP_MD_get_size(method); i++)
		buffer_printf(hex, "%02x", digest[i]);
	return r < 0 ? r : buffer_status(hex);
}

int digest_bytes(const void *data, uint64_t size, uint8_t digest[DIGEST_SIZE])
{
	return EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
}

void digest_to_hex(const uint8_t digest[DIGEST_SIZE], char hex[DIGEST_HEX_SIZE])
{
	for (int i = 0; i < DIGEST_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}
