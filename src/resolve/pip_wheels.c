/*
 * Asking pip for wheels. Resolving, downloading and building may take long, and the store is not
 * held meanwhile: who removes what nobody needs does not wait. The scratch directory is held by
 * itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lock_internal.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"
#include "venvfs/pip.h"

#define CONSTRAINTS "constraints.txt"
#define EXACT       "requirements.txt"

int pip_wheels_new(struct making *making, struct pip_wheels *out, struct error *error)
{
	const struct store *store = making->store;
	int r;

	*out = (struct pip_wheels){.making = making};
	r = scratch_new(store->scratch, &out->scratch);
	if (r < 0)
		return error_set_errno(error, r, "the wheel store %s cannot be written to",
				       store->path);
	if (asprintf(&out->directory, "%s/scratch/%s", store->path, out->scratch.name) >= 0)
		return 0;
	out->directory = NULL;
	(void)io_remove_tree(store->scratch, out->scratch.name);
	close(out->scratch.fd);
	return -ENOMEM;
}

void pip_wheels_clear(struct pip_wheels *wheels)
{
	if (!wheels->directory)
		return;
	(void)io_remove_tree(wheels->making->store->scratch, wheels->scratch.name);
	close(wheels->scratch.fd);
	free(wheels->directory);
	*wheels = (struct pip_wheels){0};
}

static int write_text(const struct pip_wheels *wheels, const char *name, const char *text)
{
	return io_publish(wheels->scratch.fd, name, text, strlen(text), 0600);
}

/* pip's arguments. */
struct arguments {
	const char **items;
	size_t count;
};

static void add(struct arguments *arguments, const char *first, const char *second)
{
	arguments->items[arguments->count++] = first;
	if (second)
		arguments->items[arguments->count++] = second;
}

static int run(const struct pip_wheels *wheels, const char *requirements, const char *constraints,
	       bool exact, struct error *error)
{
	const struct making *making = wheels->making;
	const struct spec *spec = making->spec;
	const char *base = path_basename(spec->requirements);
	/* Relative paths in a requirements file count from the file, as all paths of a spec do. */
	_cleanup_free_ char *from =
		strndup(spec->requirements, (size_t)(base - spec->requirements));
	_cleanup_free_ const char **items = calloc(16 + 2 * spec->find_links.count, sizeof(*items));
	struct arguments arguments = {.items = items};

	if (!from || !items)
		return -ENOMEM;
	add(&arguments, "wheel", "--progress-bar=off");
	add(&arguments, "--disable-pip-version-check", "--no-input");
	add(&arguments, "--wheel-dir", wheels->directory);
	for (size_t i = 0; i < spec->find_links.count; i++)
		add(&arguments, "--find-links", spec->find_links.items[i]);
	add(&arguments, "--requirement", requirements);
	if (constraints)
		add(&arguments, "--constraint", constraints);
	if (exact)
		add(&arguments, "--no-deps", "--only-binary=:all:");
	return pip_run(making->interpreter, from, arguments.items, error);
}

int pip_wheels_make(struct pip_wheels *wheels, const char *constraints, const char *exact,
		    struct error *error)
{
	const struct making *making = wheels->making;
	_cleanup_free_ char *constraints_path = NULL, *exact_path = NULL;
	int r = 0, s;

	if (constraints)
		r = write_text(wheels, CONSTRAINTS, constraints);
	if (r == 0 && constraints)
		r = path_join(wheels->directory, CONSTRAINTS, &constraints_path);
	if (r == 0 && exact)
		r = write_text(wheels, EXACT, exact);
	if (r == 0 && exact)
		r = path_join(wheels->directory, EXACT, &exact_path);
	if (r < 0)
		return error_set_errno(error, r, "the wheel store %s cannot be written to",
				       making->store->path);
	store_release_lock(making->store);
	r = run(wheels, exact ? exact_path : making->spec->requirements, constraints_path, exact,
		error);
	s = store_take_lock(making->store, r == 0 ? error : NULL);
	if (r < 0)
		pip_blame(making, error);
	return r < 0 ? r : s;
}
