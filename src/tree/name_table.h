/* A set of names, each with a small number: whiteouts, merged listings. Not locked by itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name_table {
	struct name_table_entry *entries; /* open addressing; a power of two of them */
	size_t capacity, count;
};

/* 0; -EEXIST when the name is there (its value is kept); -ENOMEM. Copies @name. */
int name_table_add(struct name_table *table, const char *name, uint64_t value);

/* Whether @name is there; *value (may be NULL) is set if so. */
bool name_table_get(const struct name_table *table, const char *name, uint64_t *value);

/* Whether it was there. */
bool name_table_remove(struct name_table *table, const char *name);

void name_table_clear(struct name_table *table);
