#include "venvfs/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"
#include "venvfs/store.h"
#include "digest.h"
#include "wheel/text.h"

#define FORMAT     2
#define BARE       1 /* the format before, without a digest */
#define SIZE_LIMIT (16u << 20)

static void drop_json(json_t **json)
{
	json_decref(*json);
}

#define _cleanup_json_ _cleanup_(drop_json)

struct lockfile *lockfile_new(void)
{
	return calloc(1, sizeof(struct lockfile));
}

static void package_clear(struct lock_package *package)
{
	free(package->name);
	free(package->version);
	free(package->file);
	free(package->sha256);
	free(package->layer);
}

void lockfile_free(struct lockfile *lock)
{
	if (!lock)
		return;
	for (size_t i = 0; i < lock->count; i++)
		package_clear(&lock->packages[i]);
	free(lock->packages);
	free(lock->inputs);
	free(lock->python);
	free(lock);
}

int lockfile_add(struct lockfile *lock, const struct lock_package *package)
{
	struct lock_package *packages =
		reallocarray(lock->packages, lock->count + 1, sizeof(*packages));
	struct lock_package copy;

	if (!packages)
		return -ENOMEM;
	lock->packages = packages;
	copy = (struct lock_package){
		.name = strdup(package->name),
		.version = strdup(package->version),
		.file = strdup(package->file),
		.sha256 = strdup(package->sha256),
		.layer = strdup(package->layer),
	};
	if (!copy.name || !copy.version || !copy.file || !copy.sha256 || !copy.layer) {
		package_clear(&copy);
		return -ENOMEM;
	}
	lock->packages[lock->count++] = copy;
	return 0;
}

char *lockfile_path(const char *spec)
{
	size_t length = strlen(spec);
	char *path;

	/* proj.cfg has proj.lock. */
	if (length > 4 && strcmp(spec + length - 4, ".cfg") == 0)
		length -= 4;
	return asprintf(&path, "%.*s.lock", (int)length, spec) < 0 ? NULL : path;
}

/* Nothing that a terminal obeys, and no path: locks come from others. */
static bool is_word(const char *text)
{
	return *text && !strchr(text, '/') && !text_has_control(text, strlen(text));
}

static bool has_name(const struct lockfile *lock, const char *name)
{
	for (size_t i = 0; i < lock->count; i++)
		if (strcmp(lock->packages[i].name, name) == 0)
			return true;
	return false;
}

static int add_decoded(struct lockfile *lock, json_t *object)
{
	struct lock_package package;
	const char *name, *version, *file, *sha256, *layer;

	if (json_unpack(object, "{s:s, s:s, s:s, s:s, s:s}", "name", &name, "version", &version,
			"file", &file, "sha256", &sha256, "layer", &layer) < 0 ||
	    !store_is_digest(sha256) || !store_is_digest(layer) || !is_word(file) ||
	    !is_word(name) || !is_word(version) || has_name(lock, name))
		return -EINVAL;
	package = (struct lock_package){
		.name = (char *)name,
		.version = (char *)version,
		.file = (char *)file,
		.sha256 = (char *)sha256,
		.layer = (char *)layer,
	};
	return lockfile_add(lock, &package);
}

static void add_text(struct buffer *out, const char *text)
{
	buffer_append(out, text, strlen(text) + 1); /* no text has a NUL: they cannot be confused */
}

/* The digest of all that the lock says, however it is laid out. */
static int seal(const struct lockfile *lock, char hex[DIGEST_HEX_SIZE])
{
	_cleanup_buffer_ struct buffer text = {0};
	uint8_t digest[DIGEST_SIZE];
	int r;

	add_text(&text, lock->inputs);
	add_text(&text, lock->python);
	for (size_t i = 0; i < lock->count; i++) {
		add_text(&text, lock->packages[i].name);
		add_text(&text, lock->packages[i].version);
		add_text(&text, lock->packages[i].file);
		add_text(&text, lock->packages[i].sha256);
		add_text(&text, lock->packages[i].layer);
	}
	r = buffer_status(&text);
	if (r == 0)
		r = digest_bytes(text.data, text.length, digest);
	if (r == 0)
		digest_to_hex(digest, hex);
	return r;
}

/* -EUCLEAN: it does not say what it said when it was written. */
static int check_seal(const json_t *root, const struct lockfile *lock)
{
	const char *digest = json_string_value(json_object_get(root, "digest"));
	char hex[DIGEST_HEX_SIZE];
	int r = lock->bare ? 0 : seal(lock, hex);

	if (r < 0 || lock->bare)
		return r;
	return !digest ? -EINVAL : strcmp(digest, hex) == 0 ? 0 : -EUCLEAN;
}

static int decode(json_t *root, struct lockfile *lock)
{
	const char *inputs, *python;
	json_t *packages, *object;
	size_t i;
	int format;

	if (json_unpack(root, "{s:i, s:s, s:s, s:o}", "format", &format, "inputs", &inputs,
			"python", &python, "packages", &packages) < 0 ||
	    (format != FORMAT && format != BARE) || !json_is_array(packages))
		return -EINVAL;
	lock->bare = format == BARE;
	lock->inputs = strdup(inputs);
	lock->python = strdup(python);
	if (!lock->inputs || !lock->python)
		return -ENOMEM;
	json_array_foreach(packages, i, object)
	{
		int r = add_decoded(lock, object);

		if (r < 0)
			return r;
	}
	return check_seal(root, lock);
}

int lockfile_read(const char *path, struct lockfile **out, struct error *error)
{
	_cleanup_lockfile_ struct lockfile *lock = lockfile_new();
	_cleanup_buffer_ struct buffer text = {0};
	_cleanup_json_ json_t *root = NULL;
	int r = lock ? io_read_file(AT_FDCWD, path, SIZE_LIMIT, &text) : -ENOMEM;

	if (r == -ENOENT)
		return r;
	if (r < 0)
		return error_set_errno(error, r, "%s", path);
	root = json_loadb(text.data ? text.data : "", text.length, JSON_REJECT_DUPLICATES, NULL);
	r = root ? decode(root, lock) : -EINVAL;
	if (r == -EINVAL) {
		error_set(error, r, "%s is not a lock that this venvfs understands", path);
		error_hint(error, "'venvfs lock --upgrade' makes it anew");
	} else if (r == -EUCLEAN) {
		error_set(error, r, "%s was changed by something else than venvfs", path);
		error_hint(error, "'venvfs lock' makes it anew from the requirements");
	}
	if (r < 0)
		return r;
	*out = TAKE_PTR(lock);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct lock_package *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void lockfile_sort(struct lockfile *lock)
{
	if (lock->count > 0)
		qsort(lock->packages, lock->count, sizeof(*lock->packages), by_name);
}

static json_t *encode(const struct lockfile *lock)
{
	json_t *packages = json_array();
	char digest[DIGEST_HEX_SIZE];

	if (seal(lock, digest) < 0) {
		json_decref(packages);
		return NULL;
	}
	for (size_t i = 0; i < lock->count; i++) {
		const struct lock_package *package = &lock->packages[i];

		if (json_array_append_new(
			    packages,
			    json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", package->name, "version",
				      package->version, "file", package->file, "sha256",
				      package->sha256, "layer", package->layer)) < 0) {
			json_decref(packages);
			return NULL;
		}
	}
	return json_pack("{s:i, s:s, s:s, s:s, s:o}", "format", FORMAT, "inputs", lock->inputs,
			 "digest", digest, "python", lock->python, "packages", packages);
}

/* Whether the link at @path leads to another one. */
static bool leads_to_link(const char *path)
{
	_cleanup_free_ char *next = NULL;
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	struct stat st;

	if (n < 0)
		return false;
	target[n] = '\0';
	if (asprintf(&next, "%.*s%s",
		     target[0] == '/' ? 0 : (int)(path_basename(path) - path), path, target) < 0) {
		next = NULL;
		return true;
	}
	return lstat(next, &st) == 0 && S_ISLNK(st.st_mode);
}

int lockfile_target(const char *path, char **out, struct error *error)
{
	struct stat st;
	int r;

	if (lstat(path, &st) < 0 || !S_ISLNK(st.st_mode)) {
		*out = strdup(path);
		return *out ? 0 : error_set_errno(error, -ENOMEM, "%s", path);
	}
	/* What another user has put there, or where it leads to, may lead to what only we may
	 * write. */
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return error_set(error, -EPERM, "the lock %s is a link of another user", path);
	if (leads_to_link(path))
		return error_set(error, -ELOOP, "the lock %s is a link to another link", path);
	*out = realpath(path, NULL);
	if (*out)
		return 0;
	r = error_set_errno(error, -errno, "the lock %s is a link that leads nowhere", path);
	error_hint(error, "remove it, or make the file that it leads to");
	return r;
}

/* Whether the file at @path holds just @text. */
static bool says_already(const char *path, const char *text)
{
	_cleanup_buffer_ struct buffer old = {0};

	return io_read_file(AT_FDCWD, path, SIZE_LIMIT, &old) == 0 && old.data &&
	       strcmp(old.data, text) == 0;
}

int lockfile_write(const char *path, struct lockfile *lock, struct error *error)
{
	_cleanup_free_ char *text = NULL, *target = NULL, *directory = NULL;
	_cleanup_buffer_ struct buffer line = {0};
	_cleanup_json_ json_t *root = NULL;
	_cleanup_close_ int fd = -1;
	int r = lockfile_target(path, &target, error);

	if (r < 0)
		return r;
	directory = strndup(target, (size_t)(path_basename(target) - target));
	lockfile_sort(lock);
	root = encode(lock);
	text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	if (!text || !directory)
		return error_set_errno(error, -ENOMEM, "%s", path);
	buffer_printf(&line, "%s\n", text);
	if (buffer_status(&line) < 0)
		return error_set_errno(error, -ENOMEM, "%s", path);
	if (says_already(path, line.data))
		return 0;
	fd = open(directory[0] ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? -errno : io_publish(fd, path_basename(target), line.data, line.length, 0644);
	return r < 0 ? error_set_errno(error, r, "%s cannot be written", path) : 0;
}
