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
	static const char *const own[] = {"layers", "bytecode", "wheels",
					  "roots",  "scratch",  "lost+found"};

	(void)arg;
	(void)directory;
	(void)kind;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(name, own[i]) == 0)
			return 0;
	return -EINVAL;
}

/* Somebody's directory does not become a store because it was named by mistake: -EINVAL. */
static int check_unused(const struct store *store)
{
	return io_each_entry(io_open_directory(store->fd, "."), check_own, NULL);
}

/* Whether the directory waits for its first wheel: all in it is what a store begins with. */
static bool is_not_made_yet(const struct store *store)
{
	return faccessat(store->fd, VERSION_FILE, F_OK, 0) < 0 && errno == ENOENT &&
	       check_unused(store) == 0;
}

/* The version comes last: it makes a store of the directory. It is put together in scratch, where
 * what a crash leaves behind is cleaned up. */
static int publish_version(const struct store *store)
{
	_cleanup_close_ int directory = io_open_directory(store->fd, "scratch");
	struct scratch scratch;
	char text[VERSION_LIMIT];
	int r = directory < 0 ? directory : scratch_new(directory, &scratch);

	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%d\n", VERSION);
	r = io_publish(scratch.fd, VERSION_FILE, text, strlen(text), 0644);
	if (r == 0 && (renameat(scratch.fd, VERSION_FILE, store->fd, VERSION_FILE) < 0 ||
		       fsync(store->fd) < 0))
		r = -errno;
	(void)io_remove_tree(directory, scratch.name);
	close(scratch.fd);
	return r;
}

/* Makes what is missing of a store that may be written to. */
static int complete(const struct store *store, struct error *error)
{
	int r;

	if (faccessat(store->fd, VERSION_FILE, F_OK, 0) == 0)
		return 0;
	r = check_unused(store);
	/* Who makes it at the same time may have been faster. */
	if (r == -EINVAL && faccessat(store->fd, VERSION_FILE, F_OK, 0) == 0)
		return 0;
	if (r == -EINVAL)
		return error_set(error, r, "%s is no wheel store, and not empty", store->path);
	if (r == 0)
		r = make_directory(store, "layers", 0755);
	if (r == 0)
		r = make_directory(store, "wheels", 0755);
	if (r == 0)
		r = make_directory(store, "roots", 0755);
	if (r == 0)
		r = make_directory(store, "scratch", 0700);
	if (r == 0)
		r = publish_version(store);
	return r < 0 ? error_set_errno(error, r, UNUSABLE, store->path) : 0;
}

static int wait_for_lock(const struct store *store, int operation, struct error *error)
{
	while (flock(store->lock, operation) < 0)
		if (errno != EINTR)
			return error_set_errno(error, -errno, "the wheel store %s cannot be locked",
					       store->path);
	return 0;
}

static int open_lock(struct store *store, enum store_mode mode, struct error *error)
{
	store->lock = openat(store->fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (store->lock < 0)
		return error_set_errno(error, -errno, UNUSABLE, store->path);
	return wait_for_lock(store, mode == STORE_ADD ? LOCK_SH : LOCK_EX, error);
}

int store_take_lock(const struct store *store, struct error *error)
{
	return wait_for_lock(store, LOCK_SH, error);
}

void store_release_lock(const struct store *store)
{
	(void)flock(store->lock, LOCK_UN);
}

bool store_is_writable(const struct store *store)
{
	return faccessat(store->fd, "scratch", W_OK, AT_EACCESS) == 0;
}

static int open_for_writing(struct store *store, enum store_mode mode, struct error *error)
{
	int r = mode == STORE_ADD ? complete(store, error) : 0;

	if (r == 0)
		r = check_version(store, error);
	if (r == 0)
		r = open_lock(store, mode, error);
	if (r == 0)
		r = store->scratch = open_directory(store, "scratch", error);
	if (r >= 0)
		scratch_clean(store->scratch);
	return r < 0 ? r : 0;
}

/* Only who adds needs it to be there. */
static int open_bytecode(struct store *store, enum store_mode mode, struct error *error)
{
	int r = mode == STORE_ADD ? make_directory(store, "bytecode", 0755) : 0;

	if (r < 0)
		return error_set_errno(error, r, UNUSABLE, store->path);
	if (faccessat(store->fd, "bytecode", F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	r = store->bytecode = open_directory(store, "bytecode", error);
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
		r = is_not_made_yet(store) ? -ENOENT : check_version(store, error);
	if (r == 0)
		r = store->layers = open_directory(store, "layers", error);
	if (r >= 0)
		r = store->wheels = open_directory(store, "wheels", error);
	return r < 0 ? r : open_bytecode(store, mode, error);
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
		.bytecode = -1,
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

int store_check(const char *path, struct error *error)
{
	_cleanup_store_ struct store *store = NULL;
	int r = store_open(path, STORE_READ, &store, error);

	if (r == 0)
		r = store_is_writable(store) ? 0 : -errno;
	else if (r == -ENOENT && (!error || !error->message))
		r = io_check_directories(path);
	else
		return r;
	return r < 0 ? error_set_errno(error, r, UNUSABLE, path) : 0;
}

void store_free(struct store *store)
{
	if (!store)
		return;
	store_free(store->above);
	cleanup_close(&store->scratch);
	cleanup_close(&store->bytecode);
	cleanup_close(&store->wheels);
	cleanup_close(&store->layers);
	cleanup_close(&store->lock);
	cleanup_close(&store->fd);
	free(store->path);
	free(store);
}

void store_set_above(struct store *store)
{
	struct stat own, system;

	if (store->above || store_open(STORE_SYSTEM_PATH, STORE_READ, &store->above, NULL) < 0)
		return;
	if (fstat(store->fd, &own) < 0 || fstat(store->above->fd, &system) < 0 ||
	    (own.st_dev == system.st_dev && own.st_ino == system.st_ino)) {
		store_free(store->above);
		store->above = NULL;
	}
}

/* The layer that the link wheels/@name leads to. 1, or 0: it is none of ours. */
static int read_link(const struct store *store, const char *name, char layer[STORE_DIGEST_SIZE])
{
	static const char prefix[] = "../layers/";
	char target[PATH_MAX];
	ssize_t length = readlinkat(store->wheels, name, target, sizeof(target) - 1);

	if (length < 0)
		return errno == EINVAL || errno == ENOENT ? 0 : -errno;
	target[length] = '\0';
	if (strncmp(target, prefix, strlen(prefix)) != 0 ||
	    !store_is_digest(target + strlen(prefix)))
		return 0;
	memcpy(layer, target + strlen(prefix), STORE_DIGEST_SIZE);
	return 1;
}

/* Takes the link wheels/@name apart. 1, or 0: it is none of ours. */
static int read_wheel(const struct store *store, char *name, struct store_wheel *out)
{
	char *at = strrchr(name, '@');
	int r;

	if (!at || at == name || !store_is_digest(at + 1))
		return 0;
	r = read_link(store, name, out->layer);
	if (r != 1)
		return r;
	memcpy(out->wheel, at + 1, STORE_DIGEST_SIZE);
	*at = '\0';
	out->file = name;
	return 1;
}

int store_find_link(const struct store *store, const char *file, const char *wheel,
		    char layer[STORE_DIGEST_SIZE])
{
	char name[NAME_MAX + 1];
	int n = snprintf(name, sizeof(name), "%s@%s", file, wheel);
	int r = n < 0 || (size_t)n >= sizeof(name) ? 0 : read_link(store, name, layer);

	return r == 1 ? 0 : r < 0 ? r : -ENOENT;
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
	int r;

	(void)directory;
	(void)kind;
	if (!copy)
		return -ENOMEM;
	r = read_wheel(walk->store, copy, &wheel);
	return r > 0 ? walk->fn(walk->arg, &wheel) : r;
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

/* A name of one directory. */
static bool is_tag(const char *text)
{
	return text[0] != '\0' && text[0] != '.' && strlen(text) < STORE_TAG_SIZE &&
	       !strchr(text, '/');
}

int store_open_bytecode(const struct store *store, const char *digest, const char *tag,
			struct error *error)
{
	char path[STORE_DIGEST_SIZE + STORE_TAG_SIZE];
	_cleanup_close_ int fd = -1;
	int r;

	if (!store_is_digest(digest) || !is_tag(tag))
		return error_set(error, -EINVAL, "'%s' of '%s' is no bytecode", tag, digest);
	if (store->bytecode < 0)
		return -ENOENT;
	snprintf(path, sizeof(path), "%s/%s", digest, tag);
	fd = path_open_beneath(store->bytecode, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd == -ENOENT ? fd : error_set_errno(error, fd, "the bytecode %s", path);
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
