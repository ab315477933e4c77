/* What is resolved for: all of an interpreter that decides which packages it takes. */
#pragma once

#include <jansson.h>

#include "venvfs/error.h"
#include "venvfs/interpreter.h"
#include "venvfs/marker.h"
#include "venvfs/version.h"
#include "venvfs/wheel_tags.h"

struct target {
	json_t *facts; /* owns the strings of the markers */
	struct marker_environment markers;
	struct wheel_tags *tags;
	const char *tag_list;  /* the same as text, best first */
	struct version python; /* python_full_version */
};

#define _cleanup_target_ __attribute__((cleanup(target_clear)))

/* Asks the interpreter, which is run once; errors as of python_ask_facts(). */
int target_ask(const struct interpreter *interpreter, struct target *out, struct error *error);

/* The same from what it said, which is taken over, also on failure. -EINVAL: it makes no sense. */
int target_decode(json_t *facts, struct target *out);
void target_clear(struct target *target);
