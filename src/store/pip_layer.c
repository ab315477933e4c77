#include "venvfs/pip_layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "digest.h"
#include "tree/layer_image_format.h"
#include "venvfs/cleanup.h"
#include "venvfs/lock.h"
#include "venvfs/path.h"
#include "venvfs/pip.h"

/* The host's store comes before all of these. */
#define PLACES_MAX 4

struct places {
	char *items[PLACES_MAX]; /* paths of stores that may be written to */
	size_t count;
};

static void places_clear(struct places *places)
{
	for (size_t i = 0; i < places->count; i++)
		free(places->items[i]);
}

#define _cleanup_places_ __attribute__((cleanup(places_clear)))

/* Adds the store below @directory, both to be freed; NULL: there is no such directory. */
static void add_below(struct places *places, char *directory, const char *name)
{
	if (directory && path_join(directory, name, &places->items[places->count]) == 0)
		places->count++;
	free(directory);
}

static int find_places(const struct spec *spec, struct places *out)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char *path = NULL;

	if (spec->wheel_store) {
		out->items[0] = strdup(spec->wheel_store);
		if (!out->items[0])
			return -ENOMEM;
		out->count = 1;
	}
	if (store_user_path(&path) == 0)
		out->items[out->count++] = path;
	path = NULL;
	if (path_xdg("XDG_CACHE_HOME", ".cache", &path) == 0)
		add_below(out, path, "store");
	if (runtime && runtime[0] == '/')
		add_below(out, strdup(runtime), "venvfs/store");
	return 0;
}

/* The digest of the wheel. It is remembered, as hashing takes as long as all else that a mount
 * does. */
static int find_digest(const struct interpreter *interpreter, char out[STORE_DIGEST_SIZE],
		       struct error *error)
{
	_cleanup_free_ char *noted = pip_wheel_recall(interpreter);
	struct interpreter_identity before, after;
	uint8_t digest[DIGEST_SIZE];
	_cleanup_close_ int fd = -1;
	int r;

	if (noted && store_is_digest(noted)) {
		memcpy(out, noted, STORE_DIGEST_SIZE);
		return 0;
	}
	r = pip_wheel_identity(interpreter, &before);
	if (r == 0) {
		fd = open(interpreter->pip_wheel, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		r = fd < 0 ? -errno : digest_fd(fd, digest);
	}
	if (r < 0)
		return error_set_errno(error, r, "the pip wheel '%s' cannot be read",
				       interpreter->pip_wheel);
	digest_to_hex(digest, out);
	if (pip_wheel_identity(interpreter, &after) == 0 &&
	    memcmp(&before, &after, sizeof(before)) == 0)
		pip_wheel_remember(interpreter, &before, out);
	return 0;
}

void pip_layer_clear(struct pip_layer *layer)
{
	cleanup_close(&layer->directory);
	free(layer->store);
	free(layer->file);
	*layer = (struct pip_layer){.directory = -1};
}

/* Opens the layer @digest and holds it. -ENOENT: it is gone, or going. */
static int hold(const struct store *store, const char *digest, struct pip_layer *out)
{
	_cleanup_close_ int fd = store_open_layer(store, digest, NULL);

	if (fd < 0)
		return fd;
	while (flock(fd, LOCK_SH) < 0 && errno == EINTR)
		;
	/* Who held it otherwise was removing it. */
	if (faccessat(fd, IMAGE_FILE, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return -ENOENT;
	out->store = strdup(store->path);
	if (!out->store)
		return -ENOMEM;
	memcpy(out->digest, digest, STORE_DIGEST_SIZE);
	out->directory = TAKE_FD(fd);
	return 0;
}

/* Looks for the layer in the store at @path, which may be none. */
static int find_in(const char *path, const char *wheel, struct pip_layer *out)
{
	_cleanup_store_ struct store *store = NULL;
	char layer[STORE_DIGEST_SIZE];
	int r = store_open(path, STORE_READ, &store, NULL);

	if (r == 0)
		r = store_find_wheel(store, wheel, layer);
	return r < 0 ? r : hold(store, layer, out);
}

/* Imports the wheel. The store is locked until the layer is held. */
static int add_to(const char *path, const char *wheel, struct pip_layer *out, struct error *error)
{
	_cleanup_store_ struct store *store = NULL;
	struct store_import import = {0};
	int r = store_open(path, STORE_ADD, &store, error);

	if (r == 0)
		r = store_import(store, wheel, &import, error);
	if (r == 0)
		r = hold(store, import.layer, out);
	store_import_clear(&import);
	return r;
}

/* Imports the wheel into the first store that takes it. @error is that of the first, as that is
 * where it belongs; but a wheel that is refused is refused by all. */
static int add_somewhere(const struct places *places, const char *wheel, struct pip_layer *out,
			 struct error *error)
{
	int code = error_set(error, -ENOENT, "there is no place for a wheel store");

	for (size_t i = 0; i < places->count && code != -EBADMSG; i++) {
		_cleanup_error_ struct error own = ERROR_INIT;
		int r = add_to(places->items[i], wheel, out, &own);

		if (r == 0) {
			error_clear(error);
			return 0;
		}
		if (i > 0 && r != -EBADMSG)
			continue;
		error_clear(error);
		*error = own;
		own = (struct error)ERROR_INIT;
		code = r;
	}
	if (!error->hint)
		error_hint(error, "an environment can do without pip: 'pip = no' under [packages]");
	return code;
}

int pip_layer_open(const struct spec *spec, const struct interpreter *interpreter,
		   struct pip_layer *out, struct error *error)
{
	_cleanup_places_ struct places places = {0};
	struct pip_layer found = {.directory = -1};
	char wheel[STORE_DIGEST_SIZE];
	int r = pip_check(interpreter, error);

	if (r == 0)
		r = find_places(spec, &places);
	if (r == 0)
		r = find_digest(interpreter, wheel, error);
	if (r < 0)
		return r;
	r = find_in(STORE_SYSTEM_PATH, wheel, &found);
	for (size_t i = 0; r < 0 && i < places.count; i++)
		r = find_in(places.items[i], wheel, &found);
	if (r < 0)
		r = add_somewhere(&places, interpreter->pip_wheel, &found, error);
	if (r < 0)
		return r;
	found.file = strdup(path_basename(interpreter->pip_wheel));
	if (!found.file) {
		pip_layer_clear(&found);
		return -ENOMEM;
	}
	*out = found;
	return 0;
}
