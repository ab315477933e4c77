/*
 * A requirement (PEP 508, "Dependency specifiers"): what METADATA lists under Requires-Dist and
 * what a line of a requirements file may be.
 *
 *	name[extra, …] >=1.4, <2 ; python_version < "3.11"
 *	name[extra, …] @ file:///srv/name-1.5-py3-none-any.whl ; marker
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "venvfs/error.h"
#include "venvfs/marker.h"
#include "venvfs/specifier.h"
#include "venvfs/string_list.h"

/* The longest requirement that is read, in bytes. */
#define REQUIREMENT_MAX 16384

struct requirement {
	char *name;                /* as written */
	char *normalised;          /* PEP 503 */
	struct string_list extras; /* normalised, in the order written */
	struct specifier_set specifiers;
	char *url;    /* after "@", or NULL; then there are no specifiers */
	char *marker; /* checked; NULL: none */
};

#define _cleanup_requirement_ __attribute__((cleanup(requirement_freep)))

/* Reads the @length bytes at @text, which may have white space around them. *out is set on success
 * only. -EINVAL and a message that quotes what is wrong; -ENOMEM. */
int requirement_parse(const char *text, size_t length, struct requirement **out,
		      struct error *error);
void requirement_free(struct requirement *requirement);
void requirement_freep(struct requirement **requirement);

/*
 * Whether the requirement counts for a distribution that was asked for with @extras (NULL or empty:
 * with none): whether its marker holds for any of them. The environment's own `extra` is not looked
 * at. -EINVAL: the marker compares what cannot be compared.
 */
int requirement_applies(const struct requirement *requirement,
			const struct marker_environment *environment,
			const struct string_list *extras, bool *out, struct error *error);
