#include "image_check.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "upper.h"
#include "venvfs/cleanup.h"

/* An image while it is being checked. */
struct check {
	const char *name;
	uint64_t size;
	uint64_t data_end; /* where the data ends and the entries begin */
	uint64_t names_size;
	const struct image_map *map;
	uint8_t *depth; /* of each entry that was looked at */
	struct error *error;
};

#define DAMAGED(check, ...) error_set((check)->error, -EUCLEAN, __VA_ARGS__)

/* Whether [offset, offset + length) lies in [from, to). Nothing overflows. */
static bool within(uint64_t offset, uint64_t length, uint64_t from, uint64_t to)
{
	return offset >= from && offset <= to && length <= to - offset;
}

static int check_header(struct check *check, const struct image_header *header)
{
	uint64_t entries = le64toh(header->entries), names = le64toh(header->names);
	uint64_t digests = le64toh(header->digests), names_size = le64toh(header->names_size);
	uint64_t entries_size = (uint64_t)le32toh(header->entry_count) * sizeof(struct image_entry);
	uint64_t digests_size = (uint64_t)le32toh(header->digest_count) * IMAGE_DIGEST_SIZE;

	if (memcmp(header->magic, IMAGE_MAGIC, sizeof(header->magic)) != 0)
		return DAMAGED(check, "the image of %s is none", check->name);
	if (le32toh(header->version) != IMAGE_VERSION)
		return error_set(
			check->error, -EPROTO,
			"the image of %s is of version %u, and this venvfs knows version %u",
			check->name, le32toh(header->version), IMAGE_VERSION);
	if (le64toh(header->size) != check->size)
		return DAMAGED(check, "the image of %s is cut off", check->name);
	/* One after another, without gaps, to the end. */
	if ((le32toh(header->flags) & ~IMAGE_FLAGS_KNOWN) != 0 || header->entry_count == 0 ||
	    entries % 8 != 0 || !within(entries, entries_size, sizeof(*header), check->size) ||
	    names != entries + entries_size || !within(names, names_size, names, check->size) ||
	    digests != names + names_size || digests_size != check->size - digests ||
	    names_size > UINT32_MAX)
		return DAMAGED(check, "the image of %s has a damaged header", check->name);
	check->data_end = entries;
	check->names_size = names_size;
	return 0;
}

/* A name that can be one of a directory's. */
static bool is_name(const char *name, size_t length)
{
	if (length == 0 || length > NAME_MAX || memchr(name, '/', length) ||
	    memchr(name, '\0', length))
		return false;
	if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')))
		return false;
	return length < strlen(WHITEOUT_PREFIX) ||
	       memcmp(name, WHITEOUT_PREFIX, strlen(WHITEOUT_PREFIX)) != 0;
}

static const char *name_of(const struct check *check, uint32_t index, size_t *length)
{
	const struct image_entry *entry = &check->map->entries[index];

	*length = le16toh(entry->name_length);
	return check->map->names + le32toh(entry->name);
}

/* Whether the names of @index and the entry before it are in order. */
static bool follows(const struct check *check, uint32_t index)
{
	size_t length, before_length;
	const char *name = name_of(check, index, &length);
	const char *before = name_of(check, index - 1, &before_length);
	int order = memcmp(before, name, before_length < length ? before_length : length);

	return order < 0 || (order == 0 && before_length < length);
}

static bool has_good_name(const struct check *check, uint32_t index)
{
	const struct image_entry *entry = &check->map->entries[index];
	size_t length;
	const char *name;

	if (!within(le32toh(entry->name), le16toh(entry->name_length), 0, check->names_size))
		return false;
	name = name_of(check, index, &length);
	return index == 0 ? length == 0 : is_name(name, length);
}

/* Whether entry @index is where its parent says that its children are, in order. */
static bool has_good_parent(struct check *check, uint32_t index)
{
	uint32_t parent = le32toh(check->map->entries[index].parent);
	const struct image_entry *directory;
	uint32_t first;

	if (index == 0)
		return parent == 0;
	if (parent >= index)
		return false;
	directory = &check->map->entries[parent];
	first = le32toh(directory->first_child);
	if (!S_ISDIR(le16toh(directory->mode)) || index < first ||
	    index - first >= le32toh(directory->child_count))
		return false;
	check->depth[index] = (uint8_t)(check->depth[parent] + 1);
	return check->depth[index] <= IMAGE_DEPTH_MAX && (index == first || follows(check, index));
}

static bool is_good_directory(const struct check *check, uint32_t index)
{
	const struct image_entry *entry = &check->map->entries[index];
	uint32_t first = le32toh(entry->first_child), count = le32toh(entry->child_count);

	if (entry->size != 0 || entry->data != 0 || entry->digest != 0)
		return false;
	if (count == 0)
		return first == 0;
	return first > index && within(first, count, 0, check->map->entry_count);
}

static bool is_good_file(const struct check *check, const struct image_entry *entry)
{
	uint64_t size = le64toh(entry->size), data = le64toh(entry->data);

	if (entry->first_child != 0 || entry->child_count != 0 || size > INT64_MAX)
		return false;
	if (entry->digest != 0)
		return S_ISREG(le16toh(entry->mode)) && data == 0 &&
		       le32toh(entry->digest) <= check->map->digest_count;
	if (S_ISLNK(le16toh(entry->mode)) && (size == 0 || size >= PATH_MAX))
		return false;
	return within(data, size, sizeof(struct image_header), check->data_end);
}

static bool is_good_kind(const struct check *check, uint32_t index)
{
	const struct image_entry *entry = &check->map->entries[index];
	mode_t mode = le16toh(entry->mode);

	if ((mode & 07777 & ~0777u) != 0 || entry->unused != 0)
		return false; /* no set-id bits: a layer is made of others' words */
	if (S_ISDIR(mode))
		return is_good_directory(check, index);
	return index != 0 && (S_ISREG(mode) || S_ISLNK(mode)) && is_good_file(check, entry);
}

static int check_entries(struct check *check)
{
	uint64_t children = 0;

	for (uint32_t i = 0; i < check->map->entry_count; i++) {
		if (!has_good_name(check, i) || !has_good_parent(check, i) ||
		    !is_good_kind(check, i))
			return DAMAGED(check, "the image of %s is damaged at entry %u", check->name,
				       i);
		children += le32toh(check->map->entries[i].child_count);
	}
	/* Each is in its parent's range; so if there are no more places than entries, each place is
	 * taken once. */
	if (children != check->map->entry_count - 1)
		return DAMAGED(check, "the image of %s is damaged: entries are missing",
			       check->name);
	return 0;
}

bool image_fetch(int fd)
{
	struct image_header header;
	struct iovec part = {.iov_base = &header, .iov_len = sizeof(header)};
	bool there = preadv2(fd, &part, 1, 0, RWF_NOWAIT) == (ssize_t)sizeof(header);

	if (there || pread(fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header))
		(void)posix_fadvise(fd, (off_t)le64toh(header.entries), 0, POSIX_FADV_WILLNEED);
	return there;
}

/* Maps from the entries to the end. What is not there yet is read in one go, and nothing around
 * it: the data before is many times as large, and a page fault would bring megabytes of that. */
static int map_entries(int fd, const struct image_header *header, struct check *check,
		       struct image_map *out)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t start = le64toh(header->entries) / page * page;
	const char *base;

	out->mapping_size = check->size - start;
	out->mapping = mmap(NULL, out->mapping_size, PROT_READ, MAP_SHARED, fd, (off_t)start);
	if (out->mapping == MAP_FAILED) {
		out->mapping = NULL;
		return error_set_errno(check->error, -errno, "the image of %s", check->name);
	}
	(void)madvise(out->mapping, out->mapping_size, MADV_RANDOM);
	(void)madvise(out->mapping, out->mapping_size, MADV_WILLNEED);
	base = (const char *)out->mapping - start;
	out->entries = (const struct image_entry *)(base + le64toh(header->entries));
	out->entry_count = le32toh(header->entry_count);
	out->names = base + le64toh(header->names);
	out->digests = (const uint8_t *)base + le64toh(header->digests);
	out->digest_count = le32toh(header->digest_count);
	out->flags = le32toh(header->flags);
	return 0;
}

int image_map(int fd, uint64_t size, const char *name, struct image_map *out, struct error *error)
{
	struct check check = {.name = name, .size = size, .map = out, .error = error};
	_cleanup_free_ uint8_t *depth = NULL;
	struct image_header header;
	int r;

	*out = (struct image_map){0};
	if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
		return DAMAGED(&check, "the image of %s is cut off", name);
	r = check_header(&check, &header);
	if (r == 0)
		r = map_entries(fd, &header, &check, out);
	if (r < 0)
		return r;
	check.depth = depth = calloc(out->entry_count, 1);
	r = depth ? check_entries(&check) : -ENOMEM;
	if (r < 0)
		image_unmap(out);
	return r;
}

void image_unmap(struct image_map *map)
{
	if (map->mapping)
		munmap(map->mapping, map->mapping_size);
	*map = (struct image_map){0};
}
