/*
 * The upper: the directory that takes every write, and the marks in it.
 *
 * It mirrors the environment path by path, in plain files that a person can read. What it has to
 * say about the layers below is said by files whose names begin with ".wh.", which no user may
 * create (OCI image-spec, layer.md, "Whiteouts"):
 *
 *   .wh.NAME          no layer's NAME shows here; an entry NAME beside it is unaffected
 *   .wh..wh..opq      no layer's entries show in this directory
 *   .wh..wh.redirect  ours: the layers' entries that show in this directory are those of the path
 *                     that the file holds, whatever the directory's own name says (a rename)
 *   .wh..wh.long.HASH ours: the whiteout of a name too long to be prefixed; it holds the name
 *
 * Since a whiteout speaks of layers only, it may be written before the upper's own entry is
 * removed or moved: until that one step, which the file system makes atomic, the old view stands.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "name_table.h"

#define WHITEOUT_PREFIX	  ".wh."
#define WHITEOUT_OPAQUE	  ".wh..wh..opq"
#define WHITEOUT_REDIRECT ".wh..wh.redirect"
#define WHITEOUT_LONG	  ".wh..wh.long."

/* Whether @name is one that only we may use. */
bool upper_is_reserved(const char *name);

/* The marks of one directory. */
struct upper_marks {
	bool opaque;
	char *redirect; /* the path in the layers, or NULL */
	struct name_table whiteouts;
};

/*
 * Reads the marks of the directory @fd (an O_PATH descriptor will do). -EUCLEAN: a mark is damaged
 * (said in the log). On failure @out is empty.
 */
int upper_read_marks(int fd, struct upper_marks *out);
void upper_marks_clear(struct upper_marks *marks);

/* Writes and removes marks in the directory @fd (an O_PATH descriptor will do). Writing one that
 * exists is fine. Those that hold something are made in the directory @work_fd first. */
int upper_add_whiteout(int work_fd, int fd, const char *name);
int upper_remove_whiteout(int fd, const char *name);
int upper_mark_opaque(int fd);
int upper_mark_redirect(int work_fd, int fd, const char *path);

/* What the work directory keeps while it is in use: the file that all whiteouts are links to. */
#define UPPER_EMPTY_MARK "whiteout"

/* Makes the marks of the directory @fd durable. */
int upper_sync(int fd);

/* Removes every mark in a directory that shows nothing. It still shows nothing at every moment, if
 * the layers' directory of its own name is whited out. */
int upper_remove_marks(int fd);

/* Calls @fn for each entry of the directory @fd that is no mark, with its S_IFMT kind (0: unknown);
 * a nonzero result ends it and is returned. */
int upper_list(int fd, int (*fn)(void *arg, const char *name, mode_t kind), void *arg);

/* A name that nobody uses, for temporaries in the work directory. */
#define UPPER_TEMPORARY_SIZE 32
void upper_temporary_name(char name[UPPER_TEMPORARY_SIZE]);
