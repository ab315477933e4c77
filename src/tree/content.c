#include "venvfs/content.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct content *content_from_fd(int fd)
{
	struct content *content = calloc(1, sizeof(*content));

	if (!content) {
		close(fd);
		return NULL;
	}
	content->references = 1;
	content->fd = fd;
	return content;
}

struct content *content_from_memory(char *data, size_t size)
{
	struct content *content = calloc(1, sizeof(*content));

	if (!content) {
		free(data);
		return NULL;
	}
	content->references = 1;
	content->fd = -1;
	content->data = data;
	content->size = size;
	return content;
}

struct content *content_from_range(int fd, off_t start, size_t size, void (*release)(void *owner),
				   void *owner)
{
	struct content *content = calloc(1, sizeof(*content));

	if (!content) {
		release(owner);
		return NULL;
	}
	content->references = 1;
	content->fd = fd;
	content->start = start;
	content->size = size;
	content->release = release;
	content->owner = owner;
	return content;
}

struct content *content_ref(struct content *content)
{
	/* Relaxed: the caller holds a reference already, so nothing is published here. */
	atomic_fetch_add_explicit(&content->references, 1, memory_order_relaxed);
	return content;
}

void content_drop(struct content *content)
{
	/* Acquire-release: all use by other threads happens before the close. */
	if (!content ||
	    atomic_fetch_sub_explicit(&content->references, 1, memory_order_acq_rel) > 1)
		return;
	if (content->release)
		content->release(content->owner);
	else if (content->fd >= 0)
		close(content->fd);
	free((char *)content->data);
	free(content);
}

ssize_t content_read(const struct content *content, void *buffer, size_t size, off_t offset)
{
	size_t done = 0;

	if (!content_is_file(content)) {
		if (offset < 0 || (size_t)offset >= content->size)
			return 0;
		if (size > content->size - (size_t)offset)
			size = content->size - (size_t)offset;
	}
	if (content->fd < 0) {
		memcpy(buffer, content->data + offset, size);
		return (ssize_t)size;
	}
	while (done < size) {
		ssize_t n = pread(content->fd, (char *)buffer + done, size - done,
				  content->start + offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* One cached content: in a bucket's chain, and in the list of use (the head was used last). */
struct cached {
	uint64_t id;
	enum content_purpose purpose;
	struct content *content;
	struct cached *chain;
	struct cached *newer, *older;
};

#define BUCKETS 512u

struct content_cache {
	pthread_mutex_t lock; /* a leaf: nothing is called while it is held */
	size_t count, limit;
	struct cached *newest, *oldest;
	struct cached *buckets[BUCKETS];
};

struct content_cache *content_cache_new(size_t limit)
{
	struct content_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	pthread_mutex_init(&cache->lock, NULL);
	cache->limit = limit;
	return cache;
}

static struct cached **find(struct content_cache *cache, uint64_t id, enum content_purpose purpose)
{
	uint64_t hash = (id * CONTENT_PURPOSES + purpose) * 0x9e3779b97f4a7c15ull;
	struct cached **slot = &cache->buckets[(hash >> 32) % BUCKETS];

	while (*slot && ((*slot)->id != id || (*slot)->purpose != purpose))
		slot = &(*slot)->chain;
	return slot;
}

static void use_list_remove(struct content_cache *cache, struct cached *entry)
{
	*(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
	*(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void use_list_push(struct content_cache *cache, struct cached *entry)
{
	entry->newer = NULL;
	entry->older = cache->newest;
	*(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
	cache->newest = entry;
}

/* Takes the entry at @slot out; the caller drops the content, after unlocking: close() may be slow
 * on someone else's file system. */
static struct content *take(struct content_cache *cache, struct cached **slot)
{
	struct cached *entry = *slot;
	struct content *content = entry->content;

	*slot = entry->chain;
	use_list_remove(cache, entry);
	cache->count--;
	free(entry);
	return content;
}

struct content *content_cache_get(struct content_cache *cache, uint64_t id,
				  enum content_purpose purpose)
{
	struct content *content = NULL;
	struct cached *entry;

	pthread_mutex_lock(&cache->lock);
	entry = *find(cache, id, purpose);
	if (entry) {
		use_list_remove(cache, entry);
		use_list_push(cache, entry);
		content = content_ref(entry->content);
	}
	pthread_mutex_unlock(&cache->lock);
	return content;
}

void content_cache_put(struct content_cache *cache, uint64_t id, enum content_purpose purpose,
		       struct content *content)
{
	struct content *replaced = NULL, *evicted = NULL;
	struct cached *entry = calloc(1, sizeof(*entry));
	struct cached **slot;

	if (!entry)
		return; /* it is only a cache */
	*entry = (struct cached){.id = id, .purpose = purpose, .content = content_ref(content)};
	pthread_mutex_lock(&cache->lock);
	slot = find(cache, id, purpose);
	if (*slot)
		replaced = take(cache, slot);
	slot = find(cache, id, purpose);
	*slot = entry;
	use_list_push(cache, entry);
	if (++cache->count > cache->limit)
		evicted = take(cache, find(cache, cache->oldest->id, cache->oldest->purpose));
	pthread_mutex_unlock(&cache->lock);
	content_drop(replaced);
	content_drop(evicted);
}

void content_cache_remove(struct content_cache *cache, uint64_t id)
{
	struct content *taken[CONTENT_PURPOSES] = {NULL};

	pthread_mutex_lock(&cache->lock);
	for (int purpose = 0; purpose < CONTENT_PURPOSES; purpose++) {
		struct cached **slot = find(cache, id, (enum content_purpose)purpose);

		if (*slot)
			taken[purpose] = take(cache, slot);
	}
	pthread_mutex_unlock(&cache->lock);
	for (int purpose = 0; purpose < CONTENT_PURPOSES; purpose++)
		content_drop(taken[purpose]);
}

void content_cache_free(struct content_cache *cache)
{
	if (!cache)
		return;
	while (cache->oldest)
		content_drop(take(cache, find(cache, cache->oldest->id, cache->oldest->purpose)));
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}
