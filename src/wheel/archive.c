#include "archive.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "venvfs/cleanup.h"
#include "archive_format.h"
#include "text.h"

/* Adds the entry whose header is at @bytes, with its path at *paths, which is moved behind it. */
static int add_entry(struct archive *archive, const unsigned char *bytes, size_t available,
		     char **paths, size_t *consumed, struct error *error)
{
	struct archive_entry *entry = &archive->entries[archive->count];
	const char *name;
	size_t length;
	int r;

	r = archive_read_central(bytes, available, entry, &name, &length, consumed, error);
	if (r < 0)
		return r;
	length -= entry->directory;
	r = archive_check_path(name, length, entry->flags & ZIP_FLAG_UTF8, error);
	if (r < 0)
		return r;
	entry->index = (uint32_t)archive->count++;
	entry->path = *paths;
	*paths = mempcpy(*paths, name, length);
	*(*paths)++ = '\0';
	if (entry->size > ARCHIVE_CONTENT_MAX - archive->content_size)
		return error_set(error, -EBADMSG, "it unpacks to more than %llu GiB",
				 ARCHIVE_CONTENT_MAX >> 30);
	archive->content_size += entry->size;
	return 0;
}

static int read_directory(struct archive *archive, const struct archive_directory *directory,
			  struct error *error)
{
	_cleanup_free_ unsigned char *bytes = malloc(directory->size + 1);
	size_t position = 0;
	char *paths;
	int r;

	/* A name is shorter than its header, so that there is room for all and their NULs. */
	archive->paths = paths = malloc(directory->size + 1);
	archive->entries = calloc(directory->entries + 1, sizeof(*archive->entries));
	archive->sorted = calloc(directory->entries + 1, sizeof(struct archive_entry *));
	if (!bytes || !archive->paths || !archive->entries || !archive->sorted)
		return -ENOMEM;
	r = archive_pread(archive->fd, bytes, directory->size, directory->offset);
	if (r < 0)
		return error_set_errno(error, r, "cannot read its central directory");
	while (r == 0 && archive->count < directory->entries) {
		size_t consumed = 0;

		r = add_entry(archive, bytes + position, directory->size - position, &paths,
			      &consumed, error);
		position += consumed;
	}
	if (r == 0 && position != directory->size)
		return error_set(error, -EBADMSG,
				 "its central directory has more in it than its %zu entries",
				 archive->count);
	return r;
}

static int check_ratio(const struct archive *archive, struct error *error)
{
	uint64_t allowed = archive->size * ARCHIVE_RATIO_MAX + ARCHIVE_RATIO_SLACK;

	if (archive->content_size <= allowed)
		return 0;
	return error_set(error, -EBADMSG,
			 "it unpacks from %llu bytes to %llu, as no wheel does: it is a zip bomb",
			 (unsigned long long)archive->size,
			 (unsigned long long)archive->content_size);
}

static int compare_headers(const void *a, const void *b)
{
	const struct archive_entry *x = a, *y = b;

	return (x->header > y->header) - (x->header < y->header);
}

/* The entries follow each other from the first byte to the central directory at @end. */
static int check_places(struct archive *archive, uint64_t end, struct error *error)
{
	struct archive_entry *entries = archive->entries;

	qsort(entries, archive->count, sizeof(*entries), compare_headers);
	if (archive->count > 0 ? entries[0].header != 0 : end != 0)
		return error_set(error, -EBADMSG, "something stands before its first entry");
	if (archive->count > 0 && entries[archive->count - 1].header >= end)
		return error_set(error, -EBADMSG, "the entry '%s' has a place behind the last one",
				 QUOTE(entries[archive->count - 1].path));
	for (size_t i = 0; i < archive->count; i++) {
		bool last = i + 1 == archive->count;
		uint64_t next = last ? end : entries[i + 1].header;
		int r;

		if (next == entries[i].header)
			return error_set(error, -EBADMSG,
					 "the entry '%s' has the place of another one",
					 QUOTE(entries[i].path));
		r = archive_check_local(archive->fd, &entries[i], next, error);
		if (r < 0)
			return r;
	}
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	return archive_compare_paths((*(struct archive_entry *const *)a)->path,
				     (*(struct archive_entry *const *)b)->path);
}

/* Whether normalised @path is below @directory. */
static bool is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 && path[length] == '/';
}

/* No path twice, and nothing below a file. In this order both are neighbours. */
static int check_names(struct archive *archive, struct error *error)
{
	struct archive_entry **sorted = archive->sorted;

	for (size_t i = 0; i < archive->count; i++)
		sorted[i] = &archive->entries[i];
	qsort(sorted, archive->count, sizeof(struct archive_entry *), compare_entries);
	for (size_t i = 1; i < archive->count; i++) {
		const struct archive_entry *before = sorted[i - 1], *entry = sorted[i];

		if (strcmp(before->path, entry->path) == 0)
			return error_set(error, -EBADMSG, "it has two entries '%s'",
					 QUOTE(entry->path));
		if (!before->directory && is_below(entry->path, before->path))
			return error_set(error, -EBADMSG,
					 "the entry '%s' is a file, and others are below it",
					 QUOTE(before->path));
	}
	return 0;
}

int archive_open(int fd, struct archive **out, struct error *error)
{
	_cleanup_archive_ struct archive *archive = NULL;
	struct archive_directory directory;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return error_set_errno(error, -errno, "cannot read it");
	if (!S_ISREG(st.st_mode))
		return error_set(error, -EBADMSG, "it is not a regular file");
	if ((uint64_t)st.st_size > ARCHIVE_FILE_MAX)
		return error_set(error, -EBADMSG, "it is larger than %llu GiB",
				 ARCHIVE_FILE_MAX >> 30);
	archive = calloc(1, sizeof(*archive));
	if (!archive)
		return -ENOMEM;
	archive->fd = fd;
	archive->size = (uint64_t)st.st_size;
	r = archive_find_directory(fd, archive->size, &directory, error);
	if (r == 0)
		r = read_directory(archive, &directory, error);
	if (r == 0)
		r = check_ratio(archive, error);
	if (r == 0)
		r = check_places(archive, directory.offset, error);
	if (r == 0)
		r = check_names(archive, error);
	if (r < 0)
		return r;
	*out = TAKE_PTR(archive);
	return 0;
}

void archive_free(struct archive *archive)
{
	if (!archive)
		return;
	free(archive->entries);
	free(archive->sorted);
	free(archive->paths);
	free(archive);
}

void archive_freep(struct archive **archive)
{
	archive_free(*archive);
}

const struct archive_entry *archive_find(const struct archive *archive, const char *path)
{
	struct archive_entry wanted = {.path = path};
	const struct archive_entry *key = &wanted;
	struct archive_entry **found;

	found = bsearch(&key, archive->sorted, archive->count, sizeof(*archive->sorted),
			compare_entries);
	return found ? *found : NULL;
}
