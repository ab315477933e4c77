/*
 * Writing the image of a layer (layer_image_format.h). Entries may be added in any order; the image
 * depends on what they are alone, but for the bytes of small files, which lie in the order in which
 * they were added: whoever adds them in the order of their paths gets the same image each time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define IMAGE_WRITER_DIGEST_SIZE 32 /* SHA-256 */

struct image_writer;

/* Begins an image in @directory, which stays the caller's and must hold none. Directories that are
 * not added by themselves get mode 0755 and @mtime. */
int image_writer_new(int directory, int64_t mtime, struct image_writer **out);
void image_writer_free(struct image_writer *writer); /* NULL is fine */

static inline void cleanup_image_writer(struct image_writer **writer)
{
	image_writer_free(*writer);
}

#define _cleanup_image_writer_ __attribute__((cleanup(cleanup_image_writer)))

/*
 * Adds an entry at @path: relative, no part of it empty, "." or "..", or beginning with ".wh.", at
 * most 128 of them; else -EINVAL. @mode is of permission bits alone. Bytes are copied.
 */
int image_writer_add_directory(struct image_writer *writer, const char *path, mode_t mode,
			       int64_t mtime);
int image_writer_add_link(struct image_writer *writer, const char *path, const char *target,
			  int64_t mtime);
int image_writer_add_file(struct image_writer *writer, const char *path, mode_t mode, int64_t mtime,
			  const void *data, size_t size);

/* A file that the caller puts at files/PATH beside the image. */
int image_writer_add_external(struct image_writer *writer, const char *path, mode_t mode,
			      int64_t mtime, uint64_t size,
			      const uint8_t digest[IMAGE_WRITER_DIGEST_SIZE]);

/* Notes that Qt loads plugins from it (layer_image_set_links()). */
void image_writer_mark_qt_plugins(struct image_writer *writer);

/* Completes the image; bringing it to disk is the caller's. @digest is that of its bytes. -EEXIST:
 * a path was added twice; -ENOTDIR: something is below what is no directory. */
int image_writer_finish(struct image_writer *writer, uint8_t digest[IMAGE_WRITER_DIGEST_SIZE]);
