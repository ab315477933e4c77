#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "venvfs/cleanup.h"
#include "venvfs/lock.h"

/* The path of a spec's own store, to be freed. */
static int own_path(const struct spec *spec, char **out, struct error *error)
{
	int r = 0;

	if (!spec->wheel_store)
		r = store_user_path(out);
	else if (!(*out = strdup(spec->wheel_store)))
		r = -ENOMEM;
	return r < 0 ? error_set_errno(error, r, "there is no place for a wheel store") : 0;
}

int lock_store_check(const struct spec *spec, struct error *error)
{
	_cleanup_free_ char *path = NULL;
	int r = own_path(spec, &path, error);

	return r < 0 ? r : store_check(path, error);
}

int lock_store_open_own(const struct spec *spec, enum store_mode mode, struct store **out,
			struct error *error)
{
	_cleanup_free_ char *path = NULL;
	int r = own_path(spec, &path, error);

	if (r < 0)
		return r;
	r = store_open(path, mode, out, error);
	if (r == 0 && mode == STORE_ADD)
		store_set_above(*out);
	return r;
}

int lock_stores_open(const struct spec *spec, struct lock_stores *out, struct error *error)
{
	int r;

	*out = (struct lock_stores){0};
	r = store_open(STORE_SYSTEM_PATH, STORE_READ, &out->items[0], error);
	if (r == 0 || (r == -ENOENT && (!error || !error->message)))
		r = lock_store_open_own(spec, STORE_READ, &out->items[1], error);
	if (r == -ENOENT && (!error || !error->message))
		r = 0;
	if (r < 0)
		lock_stores_close(out);
	return r;
}

void lock_stores_close(struct lock_stores *stores)
{
	for (size_t i = 0; i < sizeof(stores->items) / sizeof(stores->items[0]); i++)
		store_free(stores->items[i]);
	*stores = (struct lock_stores){0};
}

int lock_stores_open_layer(const struct lock_stores *stores, const char *digest,
			   const struct store **store, struct error *error)
{
	for (size_t i = 0; i < sizeof(stores->items) / sizeof(stores->items[0]); i++) {
		_cleanup_error_ struct error own = ERROR_INIT;
		int fd = -ENOENT;

		if (stores->items[i])
			fd = store_open_layer(stores->items[i], digest, &own);
		if (fd == -ENOENT)
			continue;
		*store = stores->items[i];
		if (fd < 0 && error) {
			error_clear(error);
			*error = own;
			own = (struct error)ERROR_INIT;
		}
		return fd;
	}
	return error_set(error, -ENOENT, "no wheel store has the layer %s", digest);
}
