/*
 * The bytes of an open file: a descriptor, a range of one, or memory. Counted, because a cache may
 * drop it while a request still reads from it. All functions may be called by any thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct content {
	atomic_uint references;
	int fd;                       /* -1: in memory */
	const char *data;             /* in memory, freed with the content; NULL: a descriptor */
	size_t size;                  /* of data or range */
	off_t start;                  /* of a range */
	void (*release)(void *owner); /* of a range, whose descriptor is the owner's; else NULL */
	void *owner;
};

#define _cleanup_content_ __attribute__((cleanup(content_drop_owner)))

/* A content with one reference that owns @fd; NULL (and @fd closed) without memory. */
struct content *content_from_fd(int fd);

/* The same for @data, which came from malloc. */
struct content *content_from_memory(char *data, size_t size);

/* The same for @size bytes from @start of a file that stays @owner's. When the content goes (or
 * cannot be made), @release lets go of the owner. */
struct content *content_from_range(int fd, off_t start, size_t size, void (*release)(void *owner),
				   void *owner);

/* Whether the descriptor is a whole file, for calls that take one. */
static inline bool content_is_file(const struct content *content)
{
	return content->fd >= 0 && !content->release;
}

struct content *content_ref(struct content *content);
void content_drop(struct content *content); /* NULL is fine */

static inline void content_drop_owner(struct content **content)
{
	content_drop(*content);
}

/* As pread(2), but a short count means the end, and errors are negative errnos. */
ssize_t content_read(const struct content *content, void *buffer, size_t size, off_t offset);

/*
 * A bounded cache of contents, keyed by node id and purpose; the least recently used goes first.
 */
enum content_purpose {
	CONTENT_READ,      /* a file's bytes, perhaps of a layer */
	CONTENT_WRITE,     /* a file of the upper, open for reading and writing */
	CONTENT_DIRECTORY, /* O_PATH descriptor of a directory of the upper */
	CONTENT_PURPOSES
};

struct content_cache;

struct content_cache *content_cache_new(size_t limit);
void content_cache_free(struct content_cache *cache);

/* A new reference, or NULL when it is not cached. */
struct content *content_cache_get(struct content_cache *cache, uint64_t id,
				  enum content_purpose purpose);

/* Keeps a reference of its own. An older entry under the same key is replaced. */
void content_cache_put(struct content_cache *cache, uint64_t id, enum content_purpose purpose,
		       struct content *content);

/* Forgets all that is cached for @id. */
void content_cache_remove(struct content_cache *cache, uint64_t id);
