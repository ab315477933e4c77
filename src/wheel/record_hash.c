#include "record_hash.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/cleanup.h"
#include "venvfs/record.h"
#include "text.h"

static const struct algorithm {
	const char *name; /* with its "=" */
	size_t size;      /* of the digest, in bytes */
	const EVP_MD *(*digest)(void);
} algorithms[] = {
	{"sha256=", 32, EVP_sha256},
	{"sha384=", 48, EVP_sha384},
	{"sha512=", 64, EVP_sha512},
};

#define SHA256 (&algorithms[0])

struct record_hasher {
	const char *expected;
	const struct algorithm *algorithm; /* of what is expected; NULL: nothing is */
	EVP_MD_CTX *sha256, *other;        /* other: only where it is another algorithm */
};

static const struct algorithm *find_algorithm(const char *hash)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		if (strncmp(hash, algorithms[i].name, strlen(algorithms[i].name)) == 0)
			return &algorithms[i];
	}
	return NULL;
}

bool record_hash_is_valid(const char *hash)
{
	const struct algorithm *algorithm = find_algorithm(hash);
	const char *digest = algorithm ? hash + strlen(algorithm->name) : NULL;

	/* Three bytes make four characters; of the last ones only those that are needed. */
	if (!algorithm || strlen(digest) != (algorithm->size * 4 + 2) / 3)
		return false;
	for (; *digest; digest++) {
		if (!ascii_is_alnum(*digest) && *digest != '-' && *digest != '_')
			return false;
	}
	return true;
}

static void format_hash(const struct algorithm *algorithm, const uint8_t *digest,
			char out[RECORD_HASH_SIZE])
{
	char *p = stpcpy(out, algorithm->name);

	EVP_EncodeBlock((unsigned char *)p, digest, (int)algorithm->size);
	for (; *p && *p != '='; p++) {
		if (*p == '+')
			*p = '-';
		else if (*p == '/')
			*p = '_';
	}
	*p = '\0';
}

void record_format_sha256(const uint8_t digest[RECORD_SHA256_SIZE], char out[RECORD_HASH_SIZE])
{
	format_hash(SHA256, digest, out);
}

static EVP_MD_CTX *new_context(const struct algorithm *algorithm)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (context && EVP_DigestInit_ex(context, algorithm->digest(), NULL) != 1) {
		EVP_MD_CTX_free(context);
		return NULL;
	}
	return context;
}

int record_hasher_restart(struct record_hasher *hasher, const char *hash)
{
	hasher->expected = hash;
	hasher->algorithm = hash ? find_algorithm(hash) : NULL;
	if (hash && !hasher->algorithm)
		return -EINVAL;
	EVP_MD_CTX_free(TAKE_PTR(hasher->other));
	if (hasher->algorithm && hasher->algorithm != SHA256) {
		hasher->other = new_context(hasher->algorithm);
		if (!hasher->other)
			return -ENOMEM;
	}
	/* With the method that it has: looking one up takes locks. */
	return EVP_DigestInit_ex(hasher->sha256, NULL, NULL) == 1 ? 0 : -ENOMEM;
}

int record_hasher_new(const char *hash, struct record_hasher **out)
{
	_cleanup_record_hasher_ struct record_hasher *hasher = calloc(1, sizeof(*hasher));
	int r;

	if (!hasher)
		return -ENOMEM;
	hasher->sha256 = new_context(SHA256);
	r = hasher->sha256 ? record_hasher_restart(hasher, hash) : -ENOMEM;
	if (r < 0)
		return r;
	*out = TAKE_PTR(hasher);
	return 0;
}

void record_hasher_free(struct record_hasher *hasher)
{
	if (!hasher)
		return;
	EVP_MD_CTX_free(hasher->sha256);
	EVP_MD_CTX_free(hasher->other);
	free(hasher);
}

void record_hasher_freep(struct record_hasher **hasher)
{
	record_hasher_free(*hasher);
}

int record_hasher_add(struct record_hasher *hasher, const void *data, size_t length)
{
	if (EVP_DigestUpdate(hasher->sha256, data, length) != 1 ||
	    (hasher->other && EVP_DigestUpdate(hasher->other, data, length) != 1))
		return -EIO;
	return 0;
}

int record_hasher_finish(struct record_hasher *hasher, uint8_t sha256[RECORD_SHA256_SIZE])
{
	uint8_t own[EVP_MAX_MD_SIZE], other[EVP_MAX_MD_SIZE];
	char hash[RECORD_HASH_SIZE];

	if (EVP_DigestFinal_ex(hasher->sha256, own, NULL) != 1 ||
	    (hasher->other && EVP_DigestFinal_ex(hasher->other, other, NULL) != 1))
		return -EIO;
	if (sha256)
		memcpy(sha256, own, RECORD_SHA256_SIZE);
	if (!hasher->algorithm)
		return 0;
	format_hash(hasher->algorithm, hasher->other ? other : own, hash);
	return strcmp(hash, hasher->expected) == 0 ? 0 : -EBADMSG;
}
