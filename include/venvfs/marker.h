/*
 * Environment markers (PEP 508, "Dependency specifiers"): python_version < "3.11" and extra == "x".
 *
 * What a marker is compared with comes from the caller, who has asked the interpreter.
 */
#pragma once

#include <stdbool.h>

#include "venvfs/error.h"

enum marker_variable {
	MARKER_OS_NAME,
	MARKER_SYS_PLATFORM,
	MARKER_PLATFORM_MACHINE,
	MARKER_PLATFORM_PYTHON_IMPLEMENTATION,
	MARKER_PLATFORM_RELEASE,
	MARKER_PLATFORM_SYSTEM,
	MARKER_PLATFORM_VERSION,
	MARKER_PYTHON_VERSION,
	MARKER_PYTHON_FULL_VERSION,
	MARKER_IMPLEMENTATION_NAME,
	MARKER_IMPLEMENTATION_VERSION,
	MARKER_EXTRA,             /* the one extra that is asked for, or "" */
	MARKER_EXTRAS,            /* PEP 751: all of them, with commas between */
	MARKER_DEPENDENCY_GROUPS, /* PEP 751: likewise */
	MARKER_VARIABLE_COUNT,
};

/* Borrowed strings; NULL stands for "". */
struct marker_environment {
	const char *values[MARKER_VARIABLE_COUNT];
};

/* As a marker writes it: "os_name". */
const char *marker_variable_name(enum marker_variable variable);

/* Parentheses may be nested this deep. */
#define MARKER_DEPTH_MAX 32

/* 0, or -EINVAL and a message that quotes the place where @marker goes wrong. */
int marker_check(const char *marker, struct error *error);

/*
 * Evaluates a marker in *out. Variables that hold versions (python_version, python_full_version,
 * implementation_version, platform_release) are compared as versions where the other side is a
 * version specifier; all else is text, which is equal or not, and in no order. -EINVAL: it is no
 * marker, or it compares what cannot be compared.
 */
int marker_evaluate(const char *marker, const struct marker_environment *environment, bool *out,
		    struct error *error);
