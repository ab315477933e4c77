#include "venvfs/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "venvfs/cleanup.h"
#include "venvfs/hash.h"
#include "venvfs/io.h"
#include "venvfs/path.h"
#include "venvfs/scratch.h"

#define VERSION       1
#define VERSION_FILE  "version"
#define VERSION_LIMIT 64
#define UNUSABLE      "the wheel store %s cannot be used"

_Static_assert(STORE_DIGEST_SIZE == DIGEST_HEX_SIZE, "one kind of digest");

int store_user_path(char **out)
{
	_cleanup_free_ char *data = NULL;
	int r = path_xdg("XDG_DATA_HOME", ".local/share", &data);

	return r < 0 ? r : path_join(data, "store", out);
}

bool store_is_digest(const char *text)
{
	return strlen(text) == STORE_DIGEST_SIZE - 1 &&
	       strspn(text, "0123456789abcdef") == STORE_DIGEST_SIZE - 1;
}

/* What lies in it is code that will be run: only root and we may have put it there. */
static int check_trust(int fd, const char *path, struct error *error)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_set_errno(error, -errno, UNUSABLE, path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return error_set(error, -EPERM,
				 "the wheel store %s belongs to user %u: only root's "
				 "and your own are trusted",
				 path, (unsigned)st.st_uid);
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		error_set(error, -EPERM,
			  "the wheel store %s can be written to by others, who could change the "
			  "packages in it",
			  path);
		error_hint(error, "chmod go-w '%s'", path);
		return -EPERM;
	}
	return 0;
}

static int check_version(const struct store *store, struct error *error)
{
	_cleanup_buffer_ struct buffer text = {0};
	int r = io_read_file(store->fd, VERSION_FILE, VERSION_LIMIT, &text);
	long version;

	if (r < 0)
		return r == -ENOENT ? error_set(error, -EINVAL, "%s is no wheel store", store->path)
				    : error_set_errno(error, r, UNUSABLE, store->path);
	version = text.data ? strtol(text.data, NULL, 10) : 0;
	if (version == VERSION)
		return 0;
	return error_set(error, -EPROTO,
			 "the wheel store %s is of version %ld, and this venvfs knows version %d",
			 store->path, version, VERSION);
}

static int open_directory(const struct store *store, const char *name, struct error *error)
{
	int fd = openat(store->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0)
		return error_set_errno(error, -errno, "%s/%s", store->path, name);
	r = check_trust(fd, store->path, error);
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}

static int make_directory(const struct store *store, const char *name, mode_t mode)
{
	return mkdirat(store->fd, name, mode) < 0 && errno != EEXIST ? -errno : 0;
}

/* Whether a store's directory has it before it has its version. */
static int check_own(void *arg, int directory, const char *name, mode_t kind)
{
	static const char *const own[] = {"layers", "wheels", "roots", "scratch", "lost+found"};

	(void)arg;
	(void)directory;
	(void)kind;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(name, own[i]) == 0)
			return 0;
	return strncmp(name, SCRATCH_PREFIX, strlen(SCRATCH_PREFIX)) == 0 ? 0 : -EINVAL;
}

/* Somebody's directory does not become a store because it was named by mistake. */
static int check_unused(const struct store *store, struct error *error)
{
	int r = io_each_entry(io_open_directory(store->fd, "."), check_own, NULL);

	if (r == -EINVAL)
		return error_set(error, r, "%s is no wheel store, and not empty", store->path);
	return r < 0 ? error_set_errno(error, r, UNUSABLE, store->path) : 0;
}

/* Makes what is missing of a store that may be written to. */
static int complete(const struct store *store, struct error *error)
{
	char version[VERSION_LIMIT];
	int r;

	if (faccessat(store->fd, VERSION_FILE, F_OK, 0) == 0)
		return 0;
	r = check_unused(store, error);
	if (r < 0)
		return r;
	r = make_directory(store, "layers", 0755);
	if (r == 0)
		r = make_directory(store, "wheels", 0755);
	if (r == 0)
		r = make_directory(store, "roots", 0755);
	if (r == 0)
		r = make_directory(store, "scratch", 0700);
	if (r == 0) {
		snprintf(version, sizeof(version), "%d\n", VERSION);
		r = io_publish(store->fd, VERSION_FILE, version, strlen(version), 0644);
	}
	return r < 0 ? error_set_errno(error, r, UNUSABLE, store->path) : 0;
}

static int take_lock(struct store *store, enum store_mode mode, struct error *error)
{
	store->lock = openat(store->fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (store->lock < 0)
		return error_set_errno(error, -errno, UNUSABLE, store->path);
	while (flock(store->lock, mode == STORE_ADD ? LOCK_SH : LOCK_EX) < 0)
		if (errno != EINTR)
			return error_set_errno(error, -errno, "the wheel store %s cannot be locked",
					       store->path);
	return 0;
}

static int open_for_writing(struct store *store, enum store_mode mode, struct error *error)
{
	int r = mode == STORE_ADD ? complete(store, error) : 0;

	if (r == 0)
		r = check_version(store, error);
	if (r == 0)
		r = take_lock(store, mode, error);
	if (r == 0)
		r = store->scratch = open_directory(store, "scratch", error);
	if (r >= 0)
		scratch_clean(store->scratch);
	return r < 0 ? r : 0;
}

static int open_parts(struct store *store, enum store_mode mode, struct error *error)
{
	int r = mode == STORE_ADD ? io_make_directories(store->path, 0755) : 0;

	if (r < 0)
		return error_set_errno(error, r, UNUSABLE, store->path);
	store->fd = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->fd < 0)
		return errno == ENOENT ? -ENOENT
				       : error_set_errno(error, -errno, UNUSABLE, store->path);
	r = check_trust(store->fd, store->path, error);
	if (r == 0 && mode != STORE_READ)
		r = open_for_writing(store, mode, error);
	if (r == 0 && mode == STORE_READ)
		r = check_version(store, error);
	if (r == 0)
		r = store->layers = open_directory(store, "layers", error);
	if (r >= 0)
		r = store->wheels = open_directory(store, "wheels", error);
	return r < 0 ? r : 0;
}

int store_open(const char *path, enum store_mode mode, struct store **out, struct error *error)
{
	struct store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return error_set_errno(error, -ENOMEM, UNUSABLE, path);
	*store = (struct store){
		.path = strdup(path),
		.fd = -1,
		.layers = -1,
		.wheels = -1,
		.scratch = -1,
		.lock = -1,
	};
	r = store->path ? open_parts(store, mode, error)
			: error_set_errno(error, -ENOMEM, UNUSABLE, path);
	if (r < 0) {
		store_free(store);
		return r;
	}
	*out = store;
	return 0;
}

void store_free(struct store *store)
{
	if (!store)
		return;
	cleanup_close(&store->scratch);
	cleanup_close(&store->wheels);
	cleanup_close(&store->layers);
	cleanup_close(&store->lock);
	cleanup_close(&store->fd);
	free(store->path);
	free(store);
}

/* Takes the link wheels/@name apart. False: it is none of ours. */
static bool read_wheel(const struct store *store, char *name, struct store_wheel *out)
{
	static const char prefix[] = "../layers/";
	char target[PATH_MAX], *at = strrchr(name, '@');
	ssize_t length;

	if (!at || at == name || !store_is_digest(at + 1))
		return false;
	length = readlinkat(store->wheels, name, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	if (strncmp(target, prefix, strlen(prefix)) != 0 ||
	    !store_is_digest(target + strlen(prefix)))
		return false;
	memcpy(out->wheel, at + 1, STORE_DIGEST_SIZE);
	memcpy(out->layer, target + strlen(prefix), STORE_DIGEST_SIZE);
	*at = '\0';
	out->file = name;
	return true;
}

struct wheel_walk {
	const struct store *store;
	store_wheel_fn *fn;
	void *arg;
};

static int visit_wheel(void *arg, int directory, const char *name, mode_t kind)
{
	const struct wheel_walk *walk = arg;
	_cleanup_free_ char *copy = strdup(name);
	struct store_wheel wheel;

	(void)directory;
	(void)kind;
	if (!copy)
		return -ENOMEM;
	return read_wheel(walk->store, copy, &wheel) ? walk->fn(walk->arg, &wheel) : 0;
}

int store_each_wheel(const struct store *store, store_wheel_fn *fn, void *arg)
{
	struct wheel_walk walk = {.store = store, .fn = fn, .arg = arg};

	return io_each_entry(io_open_directory(store->wheels, "."), visit_wheel, &walk);
}

int store_open_layer(const struct store *store, const char *digest, struct error *error)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (!store_is_digest(digest))
		return error_set(error, -EINVAL, "'%s' is no layer's digest", digest);
	fd = openat(store->layers, digest, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, -errno, "the layer %s in %s", digest, store->path);
	r = check_trust(fd, store->path, error);
	return r < 0 ? r : TAKE_FD(fd);
}

int store_add_root(const struct store *store, const char *file)
{
	char name[32];

	snprintf(name, sizeof(name), "roots/%016llx",
		 (unsigned long long)hash_bytes(file, strlen(file), HASH_SEED));
	if (symlinkat(file, store->fd, name) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}
