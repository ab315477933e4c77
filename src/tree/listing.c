#include "listing.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "name_table.h"

#define NAMES_SIZE_MAX (1u << 28) /* as listing_entry.name has it */

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

	if (builder->names_size + length > NAMES_SIZE_MAX)
		return -EOVERFLOW;
	r = reserve((void **)&builder->entries, &builder->capacity, builder->count, 1,
		    sizeof(*builder->entries));
	if (r == 0)
		r = reserve((void **)&builder->names, &builder->names_capacity, builder->names_size,
			    length, 1);
	if (r < 0)
		return r;
	memcpy(builder->names + builder->names_size, name, length);
	builder->entries[builder->count++] =
		(struct listing_entry){.name = (uint32_t)builder->names_size & (NAMES_SIZE_MAX - 1),
				       .type = kind >> 12 & 15};
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
			  uint32_t *last)
{
	struct name_table known = {0};
	int r = 0;

	for (size_t i = 0; old && r == 0 && i < old->count; i++)
		r = name_table_add(&known, listing_name(old, i), old->entries[i].cookie);
	for (size_t i = 0; r == 0 && i < builder->count; i++) {
		struct listing_entry *entry = &builder->entries[i];
		uint64_t cookie;

		if (name_table_get(&known, builder->names + entry->name, &cookie))
			entry->cookie = (uint32_t)cookie;
		else if (*last == UINT32_MAX)
			r = -EOVERFLOW;
		else
			entry->cookie = ++*last;
	}
	name_table_clear(&known);
	if (r == 0 && old && builder->count > 0)
		qsort(builder->entries, builder->count, sizeof(*builder->entries), by_cookie);
	return r;
}

int listing_build(struct listing_builder *builder, const struct listing *old, struct listing **out)
{
	size_t entries = builder->count * sizeof(builder->entries[0]);
	uint32_t last = old ? old->last_cookie : LISTING_FIRST_COOKIE - 1;
	int r = assign_cookies(builder, old, &last);
	struct listing *listing;

	if (r < 0)
		return r;
	listing = malloc(sizeof(*listing) + entries + builder->names_size);
	if (!listing)
		return -ENOMEM;
	*listing = (struct listing){
		.references = 1,
		.last_cookie = last,
		.count = (uint32_t)builder->count,
		.names = (const char *)(listing->entries + builder->count),
	};
	if (builder->count > 0) {
		memcpy(listing->entries, builder->entries, entries);
		memcpy((char *)(listing->entries + builder->count), builder->names,
		       builder->names_size);
	}
	*out = listing;
	return 0;
}
