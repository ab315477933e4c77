/*
 * What requirements come to, as far as that is no question of choice: each is pinned to a version,
 * or all that there is lies on this host, and what the chosen wheels require is among the chosen.
 *
 * Everything that is wrong is reported, not the first thing alone.
 */
#pragma once

#include "candidate.h"
#include "venvfs/requirements_file.h"

struct resolve_request {
	const struct requirements *requirements;
	const struct target *target;
	struct candidates *candidates; /* grows by wheels that are named by their path */
	/* The candidates are what pip came to: whether they fit together is all that is asked. */
	bool given;
	/* Whether pip may find what is not here: there is an index, or a place in the web. */
	bool more_elsewhere;
};

/* A project, and the wheel that was chosen for it. */
struct resolved {
	struct candidate *candidate; /* borrowed */
	const char *file;            /* of the requirement that led to it */
	unsigned line;
};

struct resolution {
	struct resolved *items;
	size_t count;
	struct string_list warnings; /* with file and line */
	char *reason;                /* why this is for pip: "foo is not pinned" */
};

#define _cleanup_resolution_ __attribute__((cleanup(resolution_clear)))

void resolution_clear(struct resolution *resolution);

/*
 * 0: @out has a wheel for each project. 1: only pip can tell, and @out the reason; what is wrong if
 * pip cannot help either is in @missing. -EINVAL: all that is wrong is in @errors. The rest:
 * something could not be read, or memory. @out is to be cleared in every case, before candidates
 * and requirements.
 */
int resolve(const struct resolve_request *request, struct resolution *out,
	    struct error_list *errors, struct error_list *missing);
