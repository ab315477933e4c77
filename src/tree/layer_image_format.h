/*
 * The image of a layer, as it lies on disk: everything that is known of the layer's files, so that
 * looking one up, asking for its attributes and listing a directory touch no other file, and the
 * bytes of all that are small.
 *
 *   LAYER/image          this
 *   LAYER/files/PATH     the bytes of files that are not in the image, under their own names
 *
 * All numbers are little-endian, all offsets count from the start of the image:
 *
 *   header     struct image_header
 *   data       the bytes of small files and the targets of links, in no particular order
 *   entries    struct image_entry, from a multiple of 8
 *   names      the entries' names, one after another, without NULs
 *   digests    SHA-256 of each file in files/, 32 bytes each
 *
 * and nothing follows. Entry 0 is the root directory, whose name is empty. The children of a
 * directory are contiguous, after the directory itself, and sorted by the bytes of their names;
 * every entry but the root is a child of exactly one directory. Same files, same image: nothing in it
 * depends on when, where or by whom it was made.
 *
 * A reader refuses what it does not understand: another version, bits that are not described here.
 */
#pragma once

#include <stdint.h>

#define IMAGE_MAGIC   "venvfs\r\n" /* a transfer as text would damage it */
#define IMAGE_VERSION 1

struct image_header {
	char magic[8];
	uint32_t version;
	uint32_t entry_count;
	uint64_t size; /* of the image */
	uint64_t entries;
	uint64_t names, names_size;
	uint64_t digests;
	uint32_t digest_count;
	uint32_t flags; /* IMAGE_QT_PLUGINS */
};

/* Qt loads plugins from here by their canonical paths: they must not be shown as links. */
#define IMAGE_QT_PLUGINS 1u
#define IMAGE_FLAGS_KNOWN IMAGE_QT_PLUGINS

struct image_entry {
	uint32_t name; /* counted from header.names */
	uint16_t name_length;
	uint16_t mode; /* S_IFDIR, S_IFREG or S_IFLNK, and permissions */
	uint32_t parent;
	uint32_t first_child, child_count; /* directories; else 0 */
	uint32_t digest; /* 0: the bytes are in the image; N: in files/, with digest number N - 1 */
	uint64_t size;	 /* of a file, or of a link's target; directories: 0 */
	uint64_t data;	 /* where they are in the image, or 0 */
	int64_t mtime;	 /* seconds since 1970 */
	uint64_t unused; /* 0 */
};

_Static_assert(sizeof(struct image_header) == 64, "as on disk");
_Static_assert(sizeof(struct image_entry) == 56, "as on disk");

#define IMAGE_DIGEST_SIZE 32
#define IMAGE_FILE	  "image"
#define IMAGE_FILES	  "files"
