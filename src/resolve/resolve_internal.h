/* Between resolve.c, which knows the projects, and choose.c, which chooses the wheel of one. */
#pragma once

#include "resolve.h"

struct project;

/* One thing that is asked of a project. */
struct want {
	const struct requirement *requirement; /* borrowed */
	const struct requirements_line *line;  /* itself, or the one that led here */
	const struct project *by;              /* whose Requires-Dist it is; NULL: the line's own */
};

struct project {
	const char *name; /* normalised; borrowed from a requirement */
	struct want *wants;
	size_t count;
	bool wanted;               /* by more than constraints */
	bool failed;               /* there is no wheel for it; that was reported */
	struct string_list extras; /* "" first, for what is required in any case */
	size_t expanded;           /* so many of them have been followed */
	struct string_list hashes; /* any of which will do */
	struct candidate *chosen;
	const struct wheel_metadata *metadata; /* of what was chosen */
};

struct resolver {
	const struct resolve_request *request;
	struct project **projects;
	size_t count;
	struct error_list *errors, *missing;
	bool wrong;
	char *reason; /* the first */
};

/* Chooses the wheel of a project; where there is none, says so. 0, or -errno: nothing more can be
 * done. */
int choose(struct resolver *resolver, struct project *project);

/* Whether a line, or whatever else asked, holds it to one version. */
bool project_is_pinned(const struct project *project);

/* The want that does not take the chosen version, if there is one. */
const struct want *project_find_misfit(const struct project *project);

/* Reports that what is wanted of a project does not go together with @version of it. */
int report_conflict(struct resolver *resolver, const struct project *project,
		    const struct want *want, const char *version);

/* Takes @error over, as one that is about @want. @final: pip could not help. */
int report(struct resolver *resolver, const struct want *want, bool final, struct error *error);

/* Notes why this is for pip. */
int leave_to_pip(struct resolver *resolver, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "foo>=1.2", as a new string; NULL without memory. */
char *describe_want(const struct want *want);
