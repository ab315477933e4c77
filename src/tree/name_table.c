#include "name_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/hash.h"

struct name_table_entry {
	char *name; /* NULL: free */
	uint64_t value;
};

/* The entry of @name, or the free one where it would go. The table is never full. */
static struct name_table_entry *slot(const struct name_table *table, const char *name)
{
	size_t mask = table->capacity - 1;
	size_t i = hash_bytes(name, strlen(name), HASH_SEED) & mask;

	while (table->entries[i].name && strcmp(table->entries[i].name, name) != 0)
		i = (i + 1) & mask;
	return &table->entries[i];
}

static int grow(struct name_table *table)
{
	struct name_table bigger = {.capacity = table->capacity ? table->capacity * 2 : 8};

	bigger.entries = calloc(bigger.capacity, sizeof(*bigger.entries));
	if (!bigger.entries)
		return -ENOMEM;
	for (size_t i = 0; i < table->capacity; i++)
		if (table->entries[i].name)
			*slot(&bigger, table->entries[i].name) = table->entries[i];
	bigger.count = table->count;
	free(table->entries);
	*table = bigger;
	return 0;
}

int name_table_add(struct name_table *table, const char *name, uint64_t value)
{
	struct name_table_entry *entry;

	if (table->count * 4 >= table->capacity * 3) {
		int r = grow(table);

		if (r < 0)
			return r;
	}
	entry = slot(table, name);
	if (entry->name)
		return -EEXIST;
	entry->name = strdup(name);
	if (!entry->name)
		return -ENOMEM;
	entry->value = value;
	table->count++;
	return 0;
}

bool name_table_get(const struct name_table *table, const char *name, uint64_t *value)
{
	const struct name_table_entry *entry;

	if (table->count == 0)
		return false;
	entry = slot(table, name);
	if (entry->name && value)
		*value = entry->value;
	return entry->name != NULL;
}

bool name_table_remove(struct name_table *table, const char *name)
{
	struct name_table_entry *entry;
	size_t mask = table->capacity - 1, hole, i;

	if (table->count == 0)
		return false;
	entry = slot(table, name);
	if (!entry->name)
		return false;
	free(entry->name);
	entry->name = NULL;
	table->count--;
	/* Close the gap: every later entry of the run is put where it now belongs. */
	hole = (size_t)(entry - table->entries);
	for (i = (hole + 1) & mask; table->entries[i].name; i = (i + 1) & mask) {
		struct name_table_entry moved = table->entries[i];

		table->entries[i].name = NULL;
		*slot(table, moved.name) = moved;
	}
	return true;
}

void name_table_clear(struct name_table *table)
{
	for (size_t i = 0; i < table->capacity; i++)
		free(table->entries[i].name);
	free(table->entries);
	*table = (struct name_table){0};
}
