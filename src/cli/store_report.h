/* What `venvfs store` prints. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "venvfs/layer_details.h"
#include "venvfs/store.h"
#include "venvfs/string_list.h"

/* As much of a digest as people need to tell two apart. */
#define SHORT_DIGEST 12

/* A line for a wheel that was imported. */
void store_report_added(const struct store_job *job);

/* All jobs as a JSON array. Returns an exit status, as do all below. */
int store_report_added_json(const struct store_job *jobs, size_t count);

/* The wheels of a store (NULL: an empty one), sorted by name. */
int store_report_list(const struct store *store, bool json);

/* A JSON array that grows; zero-initialised. Nothing is gathered, nor printed, without @json. */
struct store_report {
	bool json;
	bool failed; /* memory was wanting */
	json_t *list;
	size_t count; /* of what was printed for people instead */
};

static inline void store_report_clear(struct store_report *report)
{
	json_decref(report->list);
}

#define _cleanup_store_report_ __attribute__((cleanup(store_report_clear)))

/* Takes @object over, also NULL. */
void store_report_add(struct store_report *report, json_t *object);

/* What was removed for a word of the command line; @error has no message where all went well. */
void store_report_removed(struct store_report *report, const char *word,
			  const struct string_list *layers, const struct error *error);

/* A layer that gc has removed, or would. */
void store_report_collected(struct store_report *report, const char *layer, uint64_t bytes,
			    const struct error *error);

/* Prints it. Returns @status, or that it cannot be printed. */
int store_report_print(struct store_report *report, int status);
