/* Inode numbers of the upper that need remembering; see node.h. Protected by node_table.lock. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct node;

struct inode_entry {
	uint64_t upper_ino;
	uint64_t shown;	   /* the number that programs see instead; 0: the same */
	struct node *node; /* the live node of a file with several names, or NULL */
	struct inode_entry *chain;
};

struct inode_map {
	struct inode_entry **buckets;
	size_t bucket_count, count;
};

struct inode_entry *inode_map_find(const struct inode_map *map, uint64_t upper_ino);

/* Found or made; NULL without memory. */
struct inode_entry *inode_map_add(struct inode_map *map, uint64_t upper_ino);

/* The node is going: keeps the entry only if it says something else too. */
void inode_map_drop_node(struct inode_map *map, uint64_t upper_ino);

/* The file is gone. */
void inode_map_remove(struct inode_map *map, uint64_t upper_ino);
void inode_map_clear(struct inode_map *map);
