#include "exact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"

static void exact_clear(struct exact *exact)
{
	free(exact->name);
	free(exact->version);
	free(exact->file);
	free(exact->path);
	string_list_clear(&exact->hashes);
}

void exacts_clear(struct exacts *exacts)
{
	for (size_t i = 0; i < exacts->count; i++)
		exact_clear(&exacts->items[i]);
	free(exacts->items);
	*exacts = (struct exacts){0};
}

int exacts_add(struct exacts *exacts, const char *name, const char *version, const char *file,
	       const char *path, struct string_list *hashes)
{
	struct exact *items = reallocarray(exacts->items, exacts->count + 1, sizeof(*items));
	struct exact exact = {
		.name = strdup(name),
		.version = strdup(version),
		.file = strdup(file),
		.path = path ? strdup(path) : NULL,
		.hashes = *hashes,
	};

	*hashes = (struct string_list){0};
	if (items)
		exacts->items = items;
	if (!items || !exact.name || !exact.version || !exact.file || (path && !exact.path)) {
		exact_clear(&exact);
		return -ENOMEM;
	}
	items[exacts->count++] = exact;
	return 0;
}

int exacts_from_lock(struct exacts *exacts, const struct lockfile *lock, const char *path)
{
	int r = 0;

	exacts->source = path;
	for (size_t i = 0; r == 0 && i < lock->count; i++) {
		const struct lock_package *package = &lock->packages[i];
		char hash[sizeof("sha256:") + STORE_DIGEST_SIZE];
		struct string_list hashes = {0};

		snprintf(hash, sizeof(hash), "sha256:%s", package->sha256);
		r = string_list_add(&hashes, hash, strlen(hash));
		if (r == 0)
			r = exacts_add(exacts, package->name, package->version, package->file, NULL,
				       &hashes);
	}
	return r;
}

/* 1 when it has all the hashes; 0 when not, and @error says so. */
static int check_hashes(const struct exacts *exacts, const struct exact *exact,
			struct candidate *candidate, struct error *error)
{
	for (size_t i = 0; i < exact->hashes.count; i++) {
		const struct string_list one = {&exact->hashes.items[i], 1};
		/* Of what is in a store only this is known, and it is enough. */
		bool skip = candidate->store &&
			    strncmp(exact->hashes.items[i], "sha256:", strlen("sha256:")) != 0;
		int r = skip && exact->hashes.count > 1
				? 1
				: candidate_has_hash(candidate, &one, error);

		if (r < 0)
			return r == -ENOMEM ? r : 0;
		if (r > 0)
			continue;
		r = candidate_sha256(candidate, error);
		if (r < 0)
			return r == -ENOMEM ? r : 0;
		error_set(error, -EINVAL, "%s is not what %s names: %s, but sha256:%s",
			  candidate->path ? candidate->path : candidate->file, exacts->source,
			  exact->hashes.items[i], candidate->sha256);
		return 0;
	}
	return 1;
}

/* Whether the candidate may be it, going by names alone. */
static bool may_be(const struct exact *exact, const struct candidate *candidate)
{
	if (candidate->named)
		return exact->path && strcmp(candidate->path, exact->path) == 0;
	return strcmp(candidate->file, exact->file) == 0;
}

static int find(struct exacts *exacts, struct exact *exact, const struct candidates *candidates,
		struct error_list *missing)
{
	_cleanup_error_ struct error error = ERROR_INIT, first = ERROR_INIT;

	for (size_t i = 0; i < candidates->count; i++) {
		struct candidate *candidate = candidates->items[i];
		int r;

		if (!may_be(exact, candidate))
			continue;
		r = check_hashes(exacts, exact, candidate, &error);
		if (r == 1)
			exact->found = candidate;
		if (r != 0)
			return r == 1 ? 0 : r;
		/* Another build of that name in a store is no news. */
		if (!first.message && !candidate->store) {
			first = error;
			error = (struct error)ERROR_INIT;
		}
		error_clear(&error);
	}
	exact->differs = first.message != NULL;
	if (!first.message)
		error_set(&first, -ENOENT, "there is no %s at hand", exact->file);
	first.file = first.file ? first.file : strdup(exacts->source);
	return error_list_take(missing, &first, 0);
}

int exacts_find(struct exacts *exacts, struct candidates *candidates, const struct target *target,
		struct error_list *missing)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < exacts->count; i++)
		if (exacts->items[i].path && access(exacts->items[i].path, F_OK) == 0)
			r = candidates_add_named(candidates, exacts->items[i].path, target, NULL);
	for (size_t i = 0; r == 0 && i < exacts->count; i++)
		r = find(exacts, &exacts->items[i], candidates, missing);
	return r;
}

size_t exacts_write_missing(const struct exacts *exacts, struct buffer *out)
{
	size_t count = 0;

	for (size_t i = 0; i < exacts->count; i++) {
		const struct exact *exact = &exacts->items[i];

		if (exact->found)
			continue;
		count++;
		buffer_printf(out, "%s==%s", exact->name, exact->version);
		/* One is enough, and a second would be an alternative. */
		buffer_printf(out, " --hash=%s\n", exact->hashes.items[0]);
	}
	return count;
}
