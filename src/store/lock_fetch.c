#include <stdatomic.h>
#include <unistd.h>

#include "venvfs/cleanup.h"
#include "venvfs/layer_image.h"
#include "venvfs/lock.h"
#include "venvfs/threads.h"

#define THREADS 16 /* a disk is only busy when it has many requests, a server only waits */
#define SAMPLES 8  /* layers whose presence says that all are there */

struct fetching {
	const struct lock_stores *stores;
	const struct lockfile *lock;
	const char *tag;
	atomic_size_t next;
};

/* Whether it seems to have been there. */
static bool fetch(const struct fetching *fetching, size_t index)
{
	const char *digest = fetching->lock->packages[index].layer;
	const struct store *store;
	_cleanup_close_ int layer = lock_stores_open_layer(fetching->stores, digest, &store, NULL);
	_cleanup_close_ int bytecode = -1;
	bool there = layer < 0 || layer_image_fetch(layer);

	if (layer >= 0 && fetching->tag)
		bytecode = store_open_bytecode(store, digest, fetching->tag, NULL);
	if (bytecode >= 0)
		there = layer_image_fetch(bytecode) && there;
	return there;
}

static void *fetch_some(void *arg)
{
	struct fetching *fetching = arg;
	size_t index;

	while ((index = fetching->next++) < fetching->lock->count)
		(void)fetch(fetching, index);
	return NULL;
}

static bool all_there(const struct fetching *fetching)
{
	size_t count = fetching->lock->count;

	for (size_t i = 0; i < count; i += count / SAMPLES + 1)
		if (!fetch(fetching, i))
			return false;
	return true;
}

void lock_stores_fetch(const struct lock_stores *stores, const struct lockfile *lock,
		       const char *tag)
{
	struct fetching fetching = {.stores = stores, .lock = lock, .tag = tag};

	if (!all_there(&fetching))
		threads_run(lock->count < THREADS ? (unsigned)lock->count : THREADS, fetch_some,
			    &fetching);
}
