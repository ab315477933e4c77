/*
 * Version specifiers (PEP 440): ">=1.4,!=1.5.*,<2". Used for the versions that a requirement takes
 * and for Requires-Python.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "venvfs/error.h"
#include "venvfs/version.h"

enum specifier_comparison {
	SPECIFIER_COMPATIBLE, /* ~= */
	SPECIFIER_EQUAL,      /* == */
	SPECIFIER_NOT_EQUAL,  /* != */
	SPECIFIER_AT_MOST,    /* <= */
	SPECIFIER_AT_LEAST,   /* >= */
	SPECIFIER_LESS,       /* < */
	SPECIFIER_GREATER,    /* > */
	SPECIFIER_ARBITRARY,  /* === */
};

struct specifier {
	enum specifier_comparison comparison;
	bool prefix;            /* "== 1.2.*" and "!= 1.2.*" */
	struct version version; /* without text where "===" is followed by something else */
	char *arbitrary;        /* what follows "===", or NULL */
};

/* Reads one specifier, an operator and a version. -EINVAL: it is none; -ENOMEM. @out is set on
 * success only, and then to be cleared. */
int specifier_parse(const char *text, size_t length, struct specifier *out);
void specifier_clear(struct specifier *specifier);

/* Whether @version is one that the specifier takes. Pre-releases are versions like others here;
 * whether they are wanted is for the caller, who may ask specifier_set_names_prerelease(). */
bool specifier_contains(const struct specifier *specifier, const struct version *version);

/* All must hold. An empty set takes every version. */
struct specifier_set {
	struct specifier *items;
	size_t count;
};

#define _cleanup_specifier_set_ __attribute__((cleanup(specifier_set_clear)))

/* Specifiers with commas between them; none at all is fine. -EINVAL with a message that quotes the
 * one that is wrong; -ENOMEM. */
int specifier_set_parse(const char *text, size_t length, struct specifier_set *out,
			struct error *error);
void specifier_set_clear(struct specifier_set *set);

bool specifier_set_contains(const struct specifier_set *set, const struct version *version);

/* Whether some specifier names a pre-release itself, and so asks for them (PEP 440, "Handling of
 * pre-releases"). */
bool specifier_set_names_prerelease(const struct specifier_set *set);

/* The version that "==V" or "===V" pins, where that is the whole set; else NULL. It belongs to the
 * set. "==1.0" is a pin although it also takes "1.0+local". */
const struct version *specifier_set_pin(const struct specifier_set *set);
