/*
 * Candidates: the wheels on this host that a requirement may take, in stores, in directories of
 * wheels, or named by their path.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "target.h"
#include "venvfs/lock.h"
#include "venvfs/store.h"
#include "venvfs/wheel_metadata.h"

struct candidate {
	struct wheel_name name;
	char *file;      /* its name */
	char *path;      /* absolute; NULL: it is in a store */
	bool named;      /* asked for by its path, and for nothing else */
	int rank;        /* wheel_tags_rank(): -ENOENT: not for this Python */
	unsigned source; /* where it was found; among equals, the lower one is taken */

	/* In a store: */
	const struct store *store; /* borrowed */
	char layer[STORE_DIGEST_SIZE];

	char sha256[STORE_DIGEST_SIZE]; /* of the wheel; "": not known yet */

	/* candidate_metadata() */
	struct wheel_metadata metadata;
	bool has_metadata;
};

struct candidates {
	struct candidate **items;
	size_t count;
	unsigned sources;
};

#define _cleanup_candidates_ __attribute__((cleanup(candidates_clear)))

void candidates_clear(struct candidates *candidates);

/* Adds all wheels of a directory. A file whose name is no wheel's is passed over. Each call is a
 * source of its own. -ENOENT: it is not there. */
int candidates_add_directory(struct candidates *candidates, const char *path,
			     const struct target *target);

/* Adds all wheels of a store, which must stay open. */
int candidates_add_store(struct candidates *candidates, const struct store *store,
			 const struct target *target);

/* Adds the wheel at @path, which only who names that path gets. -EINVAL: it has no wheel's name;
 * that it is there is not looked at. */
int candidates_add_named(struct candidates *candidates, const char *path,
			 const struct target *target, struct error *error);

/* What its METADATA says, read once. -EBADMSG and the reason: it is refused. */
int candidate_metadata(struct candidate *candidate, const struct wheel_metadata **out,
		       struct error *error);

/* The digest of the wheel, computed once. */
int candidate_sha256(struct candidate *candidate, struct error *error);

/* 1 when one of @hashes ("sha256:HEX") is its own, 0 when none is, -errno when it cannot be read.
 * Of a wheel in a store only the SHA-256 is known. */
int candidate_has_hash(struct candidate *candidate, const struct string_list *hashes,
		       struct error *error);
