#include "candidate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/digest.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/layer_image.h"
#include "venvfs/path.h"
#include "venvfs/wheel.h"
#include "venvfs/wheel_layer.h"
#include "wheel/text.h"

#define METADATA_MAX (16u << 20)

static void candidate_free(struct candidate *candidate)
{
	wheel_name_clear(&candidate->name);
	wheel_metadata_clear(&candidate->metadata);
	free(candidate->file);
	free(candidate->path);
	free(candidate);
}

void candidates_clear(struct candidates *candidates)
{
	for (size_t i = 0; i < candidates->count; i++)
		candidate_free(candidates->items[i]);
	free(candidates->items);
	*candidates = (struct candidates){0};
}

/* Adds the wheel @file. *out is the list's. -EINVAL: that is no wheel's name. */
static int add(struct candidates *candidates, const char *file, const struct target *target,
	       struct candidate **out, struct error *error)
{
	struct candidate **items, *candidate;
	struct wheel_name name;
	int r = wheel_name_parse(file, &name, error);

	if (r < 0)
		return r;
	candidate = calloc(1, sizeof(*candidate));
	if (!candidate) {
		wheel_name_clear(&name);
		return -ENOMEM;
	}
	candidate->name = name;
	candidate->rank = wheel_tags_rank(target->tags, &name);
	candidate->source = candidates->sources;
	candidate->file = strdup(file);
	items = reallocarray(candidates->items, candidates->count + 1, sizeof(struct candidate *));
	if (items)
		candidates->items = items;
	if (!items || !candidate->file) {
		candidate_free(candidate);
		return -ENOMEM;
	}
	candidates->items[candidates->count++] = candidate;
	*out = candidate;
	return 0;
}

struct walk {
	struct candidates *candidates;
	const struct target *target;
	const char *directory;
	const struct store *store;
};

static int add_from_directory(void *arg, int directory, const char *name, mode_t kind)
{
	const struct walk *walk = arg;
	struct candidate *candidate;
	int r;

	(void)directory;
	(void)kind;
	if (!text_ends_with(name, strlen(name), ".whl"))
		return 0;
	r = add(walk->candidates, name, walk->target, &candidate, NULL);
	if (r < 0)
		return r == -EINVAL ? 0 : r;
	return path_join(walk->directory, name, &candidate->path);
}

int candidates_add_directory(struct candidates *candidates, const char *path,
			     const struct target *target)
{
	struct walk walk = {.candidates = candidates, .target = target, .directory = path};
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : io_each_entry(fd, add_from_directory, &walk);

	candidates->sources++;
	return r == -ENOTDIR ? 0 : r; /* pip reads a page of links from such a file */
}

static int add_from_store(void *arg, const struct store_wheel *wheel)
{
	const struct walk *walk = arg;
	struct candidate *candidate;
	int r;

	/* The link to a layer that is gone. */
	if (faccessat(walk->store->layers, wheel->layer, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	r = add(walk->candidates, wheel->file, walk->target, &candidate, NULL);
	if (r < 0)
		return r == -EINVAL ? 0 : r;
	candidate->store = walk->store;
	memcpy(candidate->sha256, wheel->wheel, STORE_DIGEST_SIZE);
	memcpy(candidate->layer, wheel->layer, STORE_DIGEST_SIZE);
	return 0;
}

int candidates_add_store(struct candidates *candidates, const struct store *store,
			 const struct target *target)
{
	struct walk walk = {.candidates = candidates, .target = target, .store = store};
	int r = store_each_wheel(store, add_from_store, &walk);

	candidates->sources++;
	return r;
}

int candidates_add_named(struct candidates *candidates, const char *path,
			 const struct target *target, struct error *error)
{
	struct candidate *candidate;
	int r;

	for (size_t i = 0; i < candidates->count; i++)
		if (candidates->items[i]->named && strcmp(candidates->items[i]->path, path) == 0)
			return 0;
	r = add(candidates, path_basename(path), target, &candidate, error);
	if (r < 0)
		return r;
	candidate->named = true;
	candidate->path = strdup(path);
	return candidate->path ? 0 : -ENOMEM;
}

/* Metadata. */

/* The METADATA of the layer @site. */
static int read_text(struct layer *site, struct buffer *out)
{
	_cleanup_free_ char *dist_info = NULL, *path = NULL;
	struct stat st;
	int r = wheel_layer_dist_info(site, &dist_info);

	if (r == 0)
		r = path_join(dist_info, "METADATA", &path);
	if (r == 0)
		r = site->ops->getattr(site, path, &st);
	if (r == 0 && st.st_size > METADATA_MAX)
		r = -EFBIG;
	return r < 0 ? r : layer_read_file(site, path, out, NULL);
}

static int read_from_store(struct candidate *candidate, struct error *error)
{
	_cleanup_close_ int directory = store_open_layer(candidate->store, candidate->layer, error);
	_cleanup_layer_image_ struct layer_image *image = NULL;
	_cleanup_buffer_ struct buffer text = {0};
	struct layer *site = NULL;
	int r = directory < 0 ? directory
			      : layer_image_open(directory, candidate->file, &image, error);

	if (r < 0)
		return r;
	r = layer_image_attach(image, WHEEL_PART_SITE, "", &site);
	if (r == 0) {
		r = read_text(site, &text);
		layer_free(site);
	}
	if (r < 0)
		return error_set_errno(error, r, "the METADATA of %s in %s", candidate->file,
				       candidate->store->path);
	return wheel_metadata_parse(text.data ? text.data : "", text.length, &candidate->metadata,
				    NULL, error);
}

static int read_from_file(struct candidate *candidate, struct error *error)
{
	_cleanup_wheel_ struct wheel *wheel = NULL;
	int r = wheel_open(candidate->path, &wheel, error);

	if (r < 0)
		return r;
	candidate->metadata = wheel->metadata;
	wheel->metadata = (struct wheel_metadata){0};
	return 0;
}

int candidate_metadata(struct candidate *candidate, const struct wheel_metadata **out,
		       struct error *error)
{
	int r = 0;

	if (!candidate->has_metadata)
		r = candidate->path ? read_from_file(candidate, error)
				    : read_from_store(candidate, error);
	if (r < 0)
		return r;
	candidate->has_metadata = true;
	*out = &candidate->metadata;
	return 0;
}

/* Digests. */

static int digest_file(const char *path, const char *algorithm, struct buffer *hex,
		       struct error *error)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set_errno(error, -errno, "%s", path);
	r = S_ISREG(st.st_mode) ? digest_fd_hex(fd, algorithm, hex) : -EINVAL;
	return r < 0 ? error_set_errno(error, r, "%s", path) : 0;
}

int candidate_sha256(struct candidate *candidate, struct error *error)
{
	_cleanup_buffer_ struct buffer hex = {0};
	int r;

	if (candidate->sha256[0])
		return 0;
	r = digest_file(candidate->path, "sha256", &hex, error);
	if (r == 0)
		memcpy(candidate->sha256, hex.data, STORE_DIGEST_SIZE);
	return r;
}

/* 1, 0 or -errno for "ALGORITHM:HEX". */
static int has_hash(struct candidate *candidate, const char *hash, struct error *error)
{
	_cleanup_free_ char *algorithm = strndup(hash, strcspn(hash, ":"));
	const char *wanted = strchr(hash, ':') + 1;
	_cleanup_buffer_ struct buffer hex = {0};
	int r;

	if (!algorithm)
		return -ENOMEM;
	if (strcmp(algorithm, "sha256") == 0) {
		r = candidate_sha256(candidate, error);
		return r < 0 ? r : strcmp(candidate->sha256, wanted) == 0;
	}
	if (!candidate->path)
		return 0;
	r = digest_file(candidate->path, algorithm, &hex, error);
	return r < 0 ? r : strcmp(hex.data, wanted) == 0;
}

int candidate_has_hash(struct candidate *candidate, const struct string_list *hashes,
		       struct error *error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < hashes->count; i++)
		r = has_hash(candidate, hashes->items[i], error);
	return r;
}
