/* A call of `venvfs store`, between the files of its verbs. */
#pragma once

#include <stdbool.h>

#include "command.h"
#include "venvfs/store.h"

struct store_call {
	const struct command *command;
	char *path;                 /* of the store */
	bool explicit;              /* it was named: no other is looked at */
	struct string_list pythons; /* to compile for */
	bool json, dry_run, files, force, repair;
	char **words;
	int count;
};

/* Opens the store; one that is not there is empty to those who only look, unless it was named. NULL
 * and *status. */
struct store *store_call_open(const struct store_call *call, enum store_mode mode, int *status);

/* Opens the host's store to look in it, unless it is @call's own or another was asked for. NULL:
 * there is nothing to look at. */
struct store *store_call_open_system(const struct store_call *call);

/* store_match.c: the layers that @word means, a wheel's file name, a project with or without
 * "==VERSION", or the first digits of a digest, eight at least. */
int store_match(const struct store *store, const char *word, struct string_list *layers);

/* store_verify.c: what people call a layer, "numpy 1.26.4", from the name @file of a wheel that has
 * it or, where that is NULL, from its METADATA. To be freed; NULL: it is not known. */
char *store_layer_name(const struct store *store, const char *digest, const char *file);

/* store_show.c: adds the mounts of this host that show a layer which is in use; where that cannot
 * be seen, as those of others, those that go by one of @locks, which name it. */
int store_layer_mounts(const struct store *store, const char *digest,
		       const struct string_list *locks, struct string_list *out);

/* The verbs that have files of their own. They return an exit status. */
int store_show_run(struct store_call *call);
int store_verify_run(struct store_call *call);
