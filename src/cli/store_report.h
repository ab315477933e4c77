/* What `venvfs store` prints. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "venvfs/store.h"

struct store_checked {
	const struct store *store;
	size_t count, damaged;
};

/* A line for a wheel that was imported. */
void store_report_added(const struct store_job *job);

/* All jobs as a JSON array. Returns an exit status, as do all below. */
int store_report_added_json(const struct store_job *jobs, size_t count);

/* The wheels of a store (NULL: an empty one), sorted by name. */
int store_report_list(const struct store *store, bool json);
