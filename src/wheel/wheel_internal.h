/* The parts of opening a wheel. Private to wheel*.c. */
#pragma once

#include "venvfs/wheel.h"
#include "archive.h"

/* Files of dist-info are read whole, up to this many bytes. */
#define WHEEL_RECORD_MAX   (64u << 20)
#define WHEEL_METADATA_MAX (16u << 20)

/* wheel_info.c: finds dist-info and reads WHEEL, METADATA, RECORD and entry_points.txt. */
int wheel_read_info(struct wheel *wheel, struct error *error);

/* Whether the @length bytes at @base, "NAME-VERSION", are the wheel's, however they are spelled. */
bool wheel_is_own_base(const struct wheel *wheel, const char *base, size_t length);

/* wheel_layout.c: makes the list of files and checks their places. */
int wheel_lay_out(struct wheel *wheel, struct error *error);

/* wheel_reader.c: checks a content against the row of RECORD that it has, or NULL. *hasher, NULL at
 * first, is for the next content, and the caller's to free. */
int wheel_read_entry(struct archive_reader *reader, struct record_hasher **hasher,
		     const struct archive_entry *entry, const char *hash, wheel_sink *sink,
		     void *context, uint8_t sha256[RECORD_SHA256_SIZE], struct error *error);
