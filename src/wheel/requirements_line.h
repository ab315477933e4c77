/*
 * One logical line of a requirements file: continued lines are joined, the comment is gone and
 * variables are filled in. Private to requirements_file.c.
 */
#pragma once

#include "venvfs/requirements_file.h"

/* Where a line stands, and what is known so far. */
struct requirements_place {
	const char *file;      /* lives as long as the requirements */
	const char *directory; /* what relative paths count from */
	unsigned line;
	bool constraint;
};

/* Appends what @text says to @requirements: a line with several options becomes several entries.
 * -EINVAL and the reason, or -ENOMEM. */
int requirements_add_line(struct requirements *requirements, const struct requirements_place *place,
			  const char *text, struct error *error);

void requirements_line_clear(struct requirements_line *line);
