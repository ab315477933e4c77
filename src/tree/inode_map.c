#include "inode_map.h"

#include <stdlib.h>

static struct inode_entry **find_slot(const struct inode_map *map, uint64_t upper_ino)
{
	uint64_t hash = upper_ino * 0x9e3779b97f4a7c15ull >> 32;
	struct inode_entry **slot = &map->buckets[hash & (map->bucket_count - 1)];

	while (*slot && (*slot)->upper_ino != upper_ino)
		slot = &(*slot)->chain;
	return slot;
}

struct inode_entry *inode_map_find(const struct inode_map *map, uint64_t upper_ino)
{
	return map->count > 0 ? *find_slot(map, upper_ino) : NULL;
}

static int grow(struct inode_map *map)
{
	struct inode_map bigger = {.bucket_count = map->bucket_count ? map->bucket_count * 2 : 64};

	bigger.buckets = calloc(bigger.bucket_count, sizeof(struct inode_entry *));
	if (!bigger.buckets)
		return -1;
	for (size_t i = 0; i < map->bucket_count; i++) {
		for (struct inode_entry *entry = map->buckets[i], *next; entry; entry = next) {
			struct inode_entry **slot = find_slot(&bigger, entry->upper_ino);

			next = entry->chain;
			entry->chain = NULL;
			*slot = entry;
		}
	}
	bigger.count = map->count;
	free(map->buckets);
	*map = bigger;
	return 0;
}

struct inode_entry *inode_map_add(struct inode_map *map, uint64_t upper_ino)
{
	struct inode_entry *entry = inode_map_find(map, upper_ino);

	if (entry)
		return entry;
	if (map->count >= map->bucket_count && grow(map) < 0 && map->bucket_count == 0)
		return NULL;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->upper_ino = upper_ino;
	*find_slot(map, upper_ino) = entry;
	map->count++;
	return entry;
}

void inode_map_drop_node(struct inode_map *map, uint64_t upper_ino)
{
	struct inode_entry *entry = inode_map_find(map, upper_ino);

	if (!entry)
		return;
	entry->node = NULL;
	if (entry->shown == 0)
		inode_map_remove(map, upper_ino);
}

void inode_map_remove(struct inode_map *map, uint64_t upper_ino)
{
	struct inode_entry **slot;
	struct inode_entry *entry;

	if (map->count == 0)
		return;
	slot = find_slot(map, upper_ino);
	entry = *slot;
	if (!entry)
		return;
	*slot = entry->chain;
	free(entry);
	map->count--;
}

void inode_map_clear(struct inode_map *map)
{
	for (size_t i = 0; i < map->bucket_count; i++) {
		for (struct inode_entry *entry = map->buckets[i], *next; entry; entry = next) {
			next = entry->chain;
			free(entry);
		}
	}
	free(map->buckets);
	*map = (struct inode_map){0};
}
