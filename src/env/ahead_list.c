#include "ahead_list.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "venvfs/cleanup.h"
#include "venvfs/hash.h"

#define MAGIC    "venvfs\ra"
#define VERSION  1
#define WHAT_ALL (AHEAD_FOUND | AHEAD_ABSENT | AHEAD_LISTED | AHEAD_LINK | AHEAD_READ)

/* The file: this, and the entries after one another, deflated. Little-endian. */
struct header {
	char magic[8];
	uint32_t version;
	uint32_t minor;
	uint32_t generation;
	uint32_t checksum;  /* CRC-32 of what follows */
	uint64_t body_size; /* once it is inflated */
};

/* An entry: this, the two ends of what was read if any was, and the path without NUL. */
struct entry_head {
	uint8_t what;
	uint8_t unused;
	uint16_t length;
} __attribute__((packed));

#define BODY_MAX (AHEAD_TEXT_MAX + AHEAD_ENTRIES_MAX * (sizeof(struct entry_head) + 16))

_Static_assert(sizeof(struct header) == 32 && sizeof(struct entry_head) == 4, "as on disk");

void ahead_list_clear(struct ahead_list *list)
{
	for (uint32_t i = 0; i < list->count; i++)
		free(list->entries[i].path);
	free(list->entries);
	free(list->buckets);
	*list = (struct ahead_list){0};
}

static void put_in_bucket(struct ahead_list *list, uint32_t index)
{
	uint32_t mask = list->bucket_count - 1;
	uint32_t at = list->entries[index].hash & mask;

	while (list->buckets[at] != AHEAD_NONE)
		at = (at + 1) & mask;
	list->buckets[at] = index;
}

/* Room for one more entry; the buckets are at most half full. */
static int grow(struct ahead_list *list)
{
	uint32_t capacity = list->capacity ? list->capacity * 2 : 256;
	struct ahead_entry *entries;
	uint32_t *buckets;

	if (list->count < list->capacity)
		return 0;
	buckets = malloc(2 * capacity * sizeof(*buckets));
	entries = reallocarray(list->entries, capacity, sizeof(*entries));
	if (entries)
		list->entries = entries;
	if (!buckets || !entries) {
		free(buckets);
		return -ENOMEM;
	}
	memset(buckets, 0xff, 2 * capacity * sizeof(*buckets));
	free(list->buckets);
	list->buckets = buckets;
	list->bucket_count = 2 * capacity;
	list->capacity = capacity;
	for (uint32_t i = 0; i < list->count; i++)
		put_in_bucket(list, i);
	return 0;
}

static uint32_t hash_path(const char *path, size_t length)
{
	uint64_t hash = hash_bytes(path, length, HASH_SEED);

	return (uint32_t)(hash ^ hash >> 32);
}

static uint32_t find(const struct ahead_list *list, const char *path, size_t length, uint32_t hash)
{
	if (list->bucket_count == 0)
		return AHEAD_NONE;
	for (uint32_t at = hash;; at++) {
		uint32_t index = list->buckets[at & (list->bucket_count - 1)];
		const struct ahead_entry *entry;

		if (index == AHEAD_NONE)
			return AHEAD_NONE;
		entry = &list->entries[index];
		if (entry->hash == hash && strncmp(entry->path, path, length) == 0 &&
		    entry->path[length] == '\0')
			return index;
	}
}

/* How much of @path is its directory's. */
static size_t directory_length(const char *path, size_t length)
{
	while (length > 0 && path[length - 1] != '/')
		length--;
	return length > 0 ? length - 1 : 0;
}

/* The entry of @path[0..length), made if need be, or AHEAD_NONE when there is no room. Directories
 * come before what is in them. */
static uint32_t obtain(struct ahead_list *list, const char *path, size_t length)
{
	uint32_t hash = hash_path(path, length), directory = AHEAD_NONE, index;
	char *copy;

	if (length >= PATH_MAX)
		return AHEAD_NONE;
	index = find(list, path, length, hash);
	if (index != AHEAD_NONE)
		return index;
	if (length > 0) {
		directory = obtain(list, path, directory_length(path, length));
		if (directory == AHEAD_NONE)
			return AHEAD_NONE;
	}
	if (list->count == AHEAD_ENTRIES_MAX || list->text_size + length > AHEAD_TEXT_MAX ||
	    grow(list) < 0)
		return AHEAD_NONE;
	copy = strndup(path, length);
	if (!copy)
		return AHEAD_NONE;
	index = list->count++;
	list->text_size += length;
	list->entries[index] =
		(struct ahead_entry){.path = copy, .hash = hash, .directory = directory};
	put_in_bucket(list, index);
	return index;
}

static void count_found(struct ahead_list *list, const struct ahead_entry *entry, uint8_t what)
{
	uint8_t known = entry->now | entry->before;

	if ((what & ~known & AHEAD_FOUND) && entry->directory != AHEAD_NONE)
		list->entries[entry->directory].found++;
}

static void widen(struct ahead_entry *entry, uint64_t start, uint64_t end)
{
	bool first = !((entry->now | entry->before) & AHEAD_READ);

	entry->start = first || start < entry->start ? start : entry->start;
	entry->end = first || end > entry->end ? end : entry->end;
}

bool ahead_list_note(struct ahead_list *list, const char *path, uint8_t what, uint64_t start,
		     uint64_t end)
{
	uint32_t index = obtain(list, path, strlen(path));
	struct ahead_entry *entry;
	uint8_t now;

	if (index == AHEAD_NONE)
		return false;
	entry = &list->entries[index];
	count_found(list, entry, what);
	if (what & AHEAD_READ)
		widen(entry, start, end);
	now = entry->now | what;
	if (what & AHEAD_FOUND)
		now &= (uint8_t)~AHEAD_ABSENT;
	if (what & AHEAD_ABSENT)
		now = AHEAD_ABSENT;
	what = entry->now;
	entry->now = now;
	return what != now;
}

void ahead_list_made(struct ahead_list *list, const char *path)
{
	size_t length = strlen(path);
	uint32_t index = find(list, path, length, hash_path(path, length));

	if (index == AHEAD_NONE)
		return;
	list->entries[index].now &= (uint8_t)~AHEAD_ABSENT;
	list->entries[index].before &= (uint8_t)~AHEAD_ABSENT;
}

bool ahead_list_is_left_out(const struct ahead_list *list, const struct ahead_entry *entry)
{
	return (entry->hash + list->generation) % AHEAD_LEFT_OUT == 0;
}

/* What is to be remembered of an entry. */
static uint8_t remembered(const struct ahead_list *list, const struct ahead_entry *entry)
{
	uint8_t what = entry->before;

	if (ahead_list_is_left_out(list, entry))
		what = 0;
	if (entry->now & (AHEAD_FOUND | AHEAD_ABSENT))
		what &= (uint8_t) ~(AHEAD_FOUND | AHEAD_ABSENT);
	return what | entry->now;
}

static void encode_entry(const struct ahead_entry *entry, uint8_t what, struct buffer *out)
{
	const size_t length = strlen(entry->path);
	const struct entry_head head = {.what = what, .length = htole16((uint16_t)length)};
	const uint64_t ends[2] = {htole64(entry->start), htole64(entry->end)};

	buffer_append(out, &head, sizeof(head));
	if (what & AHEAD_READ)
		buffer_append(out, ends, sizeof(ends));
	buffer_append(out, entry->path, length);
}

int ahead_list_encode(const struct ahead_list *list, unsigned minor, struct buffer *out)
{
	struct header header = {
		.version = htole32(VERSION),
		.minor = htole32(minor),
		.generation = htole32(list->generation + 1),
	};
	_cleanup_buffer_ struct buffer body = {0};
	_cleanup_free_ Bytef *deflated = NULL;
	uLongf size;

	for (uint32_t i = 0; i < list->count; i++) {
		uint8_t what = remembered(list, &list->entries[i]);

		if (what)
			encode_entry(&list->entries[i], what, &body);
	}
	if (buffer_status(&body) < 0)
		return -ENOMEM;
	size = compressBound(body.length);
	deflated = malloc(size);
	if (!deflated || compress2(deflated, &size, (const Bytef *)(body.data ? body.data : ""),
				   body.length, Z_DEFAULT_COMPRESSION) != Z_OK)
		return -ENOMEM;
	memcpy(header.magic, MAGIC, sizeof(header.magic));
	header.body_size = htole64(body.length);
	header.checksum = htole32((uint32_t)crc32(0, deflated, (uInt)size));
	buffer_append(out, &header, sizeof(header));
	buffer_append(out, deflated, size);
	return buffer_status(out);
}

/* Whether a path stays below the root, each part of it a name. */
static bool is_sound(const char *path, size_t length)
{
	while (length > 0) {
		const char *slash = memchr(path, '/', length);
		size_t part = slash ? (size_t)(slash - path) : length;

		if (part == 0 || part > NAME_MAX || memchr(path, '\0', part) ||
		    (path[0] == '.' && (part == 1 || (part == 2 && path[1] == '.'))))
			return false;
		if (part == length)
			return true;
		path += part + 1;
		length -= part + 1;
		if (length == 0)
			return false;
	}
	return true; /* the root */
}

/* Takes one entry from @p..@end; where the next one begins, or NULL. */
static const char *decode_entry(struct ahead_list *list, const char *p, const char *end)
{
	struct ahead_entry *entry;
	struct entry_head head;
	uint64_t ends[2] = {0};
	uint32_t index;
	size_t length;

	if ((size_t)(end - p) < sizeof(head))
		return NULL;
	memcpy(&head, p, sizeof(head));
	p += sizeof(head);
	length = le16toh(head.length);
	if (head.what == 0 || head.what & ~WHAT_ALL || head.unused != 0)
		return NULL;
	if (head.what & AHEAD_READ) {
		if ((size_t)(end - p) < sizeof(ends))
			return NULL;
		memcpy(ends, p, sizeof(ends));
		p += sizeof(ends);
	}
	if ((size_t)(end - p) < length || !is_sound(p, length) ||
	    le64toh(ends[0]) > le64toh(ends[1]) || le64toh(ends[1]) > INT64_MAX)
		return NULL;
	index = obtain(list, p, length);
	if (index == AHEAD_NONE)
		return NULL;
	entry = &list->entries[index];
	count_found(list, entry, head.what);
	entry->before = head.what;
	entry->start = le64toh(ends[0]);
	entry->end = le64toh(ends[1]);
	return p + length;
}

static int decode_body(const char *body, size_t size, struct ahead_list *list)
{
	const char *p = body, *end = body + size;

	while (p && p < end)
		p = decode_entry(list, p, end);
	return p ? 0 : -EBADMSG;
}

int ahead_list_decode(const char *data, size_t size, unsigned minor, struct ahead_list *out)
{
	struct ahead_list list = {0};
	_cleanup_free_ char *body = NULL;
	struct header header;
	uLongf body_size;
	int r;

	if (size < sizeof(header))
		return -EBADMSG;
	memcpy(&header, data, sizeof(header));
	data += sizeof(header);
	size -= sizeof(header);
	if (memcmp(header.magic, MAGIC, sizeof(header.magic)) != 0 ||
	    le32toh(header.version) != VERSION || le32toh(header.minor) != minor ||
	    le64toh(header.body_size) > BODY_MAX ||
	    le32toh(header.checksum) != (uint32_t)crc32(0, (const Bytef *)data, (uInt)size))
		return -EBADMSG;
	body_size = le64toh(header.body_size);
	body = malloc(body_size + 1);
	if (!body)
		return -ENOMEM;
	if (uncompress((Bytef *)body, &body_size, (const Bytef *)data, size) != Z_OK ||
	    body_size != le64toh(header.body_size))
		return -EBADMSG;
	list.generation = le32toh(header.generation);
	r = decode_body(body, body_size, &list);
	if (r < 0)
		ahead_list_clear(&list);
	else
		*out = list;
	return r;
}
