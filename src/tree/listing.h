/*
 * A directory's listing: names with cookies that stay the same while entries come and go, so that
 * a reader who is half way sees every name that was there throughout, once.
 *
 * A listing is constant once made, and counted.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct listing_entry {
	uint32_t cookie;    /* ascending; what a reader passes to go on after this entry */
	uint32_t name : 28; /* offset in names */
	uint32_t type : 4;  /* the kind's S_IFMT bits, as DT_* has them; 0: unknown */
};

struct listing {
	atomic_uint references;
	uint32_t last_cookie; /* the highest ever given in this directory */
	uint32_t count;
	const char *names; /* behind the entries */
	struct listing_entry entries[];
};

/* Cookies below this are for "." and "..". */
#define LISTING_FIRST_COOKIE 3

struct listing *listing_ref(struct listing *listing);
void listing_drop(struct listing *listing); /* NULL is fine */

static inline const char *listing_name(const struct listing *listing, size_t index)
{
	return listing->names + listing->entries[index].name;
}

static inline mode_t listing_kind(const struct listing *listing, size_t index)
{
	return (mode_t)listing->entries[index].type << 12;
}

/* The first entry after @cookie. */
size_t listing_after(const struct listing *listing, uint64_t cookie);

/* Collects the entries of a new listing. Zero-initialised; listing_builder_clear() in the end. */
struct listing_builder {
	struct listing_entry *entries;
	size_t count, capacity;
	char *names;
	size_t names_size, names_capacity;
};

/* -EOVERFLOW: so many names (256 MiB of them) no listing holds. */
int listing_builder_add(struct listing_builder *builder, const char *name, mode_t kind);
void listing_builder_clear(struct listing_builder *builder);

/* Makes the listing, with the cookies of @old (may be NULL) for the names that it has. -EOVERFLOW:
 * four billion names have been in the directory since it was mounted. */
int listing_build(struct listing_builder *builder, const struct listing *old, struct listing **out);
