#include "listing.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "name_table.h"

struct listing *listing_ref(struct listing *listing)
{
	atomic_fetch_add_explicit(&listing->references, 1, memory_order_relaxed);
	return listing;
}

void listing_drop(struct listing *listing)
{
	if (!listing ||
	    atomic_fetch_sub_explicit(&listing->references, 1, memory_order_acq_rel) > 1)
		return;
	free(listing->entries);
	free(listing->names);
	free(listing);
}

size_t listing_after(const struct listing *listing, uint64_t cookie)
{
	size_t low = 0, high = listing->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (listing->entries[middle].cookie <= cookie)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Makes room in an array for @more elements after @used. */
static int reserve(void **array, size_t *capacity, size_t used, size_t more, size_t element)
{
	size_t wanted = *capacity ? *capacity : 32;
	void *bigger;

	while (wanted - used < more)
		wanted *= 2;
	if (wanted == *capacity)
		return 0;
	bigger = reallocarray(*array, wanted, element);
	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	*capacity = wanted;
	return 0;
}

int listing_builder_add(struct listing_builder *builder, const char *name, mode_t kind)
{
	size_t length = strlen(name) + 1;
	int r;

	if (builder->names_size > UINT32_MAX - length)
		return -ENOMEM;
	r = reserve((void **)&builder->entries, &builder->capacity, builder->count, 1,
		    sizeof(*builder->entries));
	if (r == 0)
		r = reserve((void **)&builder->names, &builder->names_capacity,
			    builder->names_size, length, 1);
	if (r < 0)
		return r;
	memcpy(builder->names + builder->names_size, name, length);
	builder->entries[builder->count++] =
		(struct listing_entry){.name = (uint32_t)builder->names_size, .kind = kind};
	builder->names_size += length;
	return 0;
}

void listing_builder_clear(struct listing_builder *builder)
{
	free(builder->entries);
	free(builder->names);
	*builder = (struct listing_builder){0};
}

static int by_cookie(const void *a, const void *b)
{
	const struct listing_entry *x = a, *y = b;

	return x->cookie < y->cookie ? -1 : x->cookie > y->cookie;
}

/* Gives each entry the cookie that its name had, else a new one. */
static int assign_cookies(struct listing_builder *builder, const struct listing *old,
			  uint64_t *last)
{
	struct name_table known = {0};
	int r = 0;

	for (size_t i = 0; old && r == 0 && i < old->count; i++)
		r = name_table_add(&known, listing_name(old, i), old->entries[i].cookie);
	for (size_t i = 0; r == 0 && i < builder->count; i++) {
		struct listing_entry *entry = &builder->entries[i];

		if (!name_table_get(&known, builder->names + entry->name, &entry->cookie))
			entry->cookie = ++*last;
	}
	name_table_clear(&known);
	if (r == 0 && old && builder->count > 0)
		qsort(builder->entries, builder->count, sizeof(*builder->entries), by_cookie);
	return r;
}

/* Gives back what was reserved beyond @used elements: most directories have few names, and a listing
 * is kept as long as its directory is known. */
static void trim(void **array, size_t used, size_t element)
{
	void *smaller = used > 0 ? reallocarray(*array, used, element) : NULL;

	if (smaller)
		*array = smaller;
}

int listing_build(struct listing_builder *builder, const struct listing *old, struct listing **out)
{
	struct listing *listing = calloc(1, sizeof(*listing));
	int r;

	if (!listing)
		return -ENOMEM;
	listing->references = 1;
	listing->last_cookie = old ? old->last_cookie : LISTING_FIRST_COOKIE - 1;
	r = assign_cookies(builder, old, &listing->last_cookie);
	if (r < 0) {
		free(listing);
		return r;
	}
	trim((void **)&builder->entries, builder->count, sizeof(*builder->entries));
	trim((void **)&builder->names, builder->names_size, 1);
	listing->count = builder->count;
	listing->entries = builder->entries;
	listing->names = builder->names;
	*builder = (struct listing_builder){0};
	*out = listing;
	return 0;
}
