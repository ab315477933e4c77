/* The tables of `--json`. */
#pragma once

#include <jansson.h>

#include "venvfs/string_list.h"

static inline void cleanup_json(json_t **json)
{
	json_decref(*json);
}

#define _cleanup_json_ __attribute__((cleanup(cleanup_json)))

/* A JSON string, or null for NULL. JSON is UTF-8 and file names need not be: where one is not,
 * every byte beyond ASCII becomes U+FFFD. A new reference; NULL without memory. */
json_t *output_json_string(const char *text);

/* The same of strings, as an array. */
json_t *output_json_strings(const struct string_list *strings);

/* Prints @json to stdout. NULL, which is what all of jansson returns without memory, is an error,
 * reported here. Returns an exit status. */
int output_json(const json_t *json);
