/*
 * METADATA (PEP 566, 643; packaging.python.org, "Core metadata specifications") as far as it says
 * what can be installed with what.
 */
#pragma once

#include <stddef.h>

#include "venvfs/error.h"
#include "venvfs/requirement.h"
#include "venvfs/specifier.h"
#include "venvfs/string_list.h"
#include "venvfs/version.h"

struct wheel_metadata {
	char *name; /* as written */
	struct version version;
	char *summary;                 /* one line of UTF-8, or NULL */
	char *requires_python;         /* as written; NULL: none, or one that is no specifier */
	struct specifier_set pythons;  /* of requires_python: empty takes all */
	struct requirement **requires; /* Requires-Dist, in the order written */
	size_t requires_count;
	struct string_list extras; /* Provides-Extra, normalised */
};

#define _cleanup_wheel_metadata_ __attribute__((cleanup(wheel_metadata_clear)))

/*
 * Reads a METADATA. -EINVAL and the reason; -ENOMEM. @out is set on success only, and then to be
 * cleared. What is wrong but harmless is a sentence more in @warnings: as pip does, a
 * Requires-Python that is no specifier counts as none.
 */
int wheel_metadata_parse(const char *text, size_t length, struct wheel_metadata *out,
			 struct string_list *warnings, struct error *error);

/* Adds each value of the field @name that a METADATA or a WHEEL has, as it is written there. */
int wheel_field_values(const char *text, size_t length, const char *name, struct string_list *out);

void wheel_metadata_clear(struct wheel_metadata *metadata);
