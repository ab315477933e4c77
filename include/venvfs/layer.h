/*
 * A layer: a read-only tree of files that environments share.
 *
 * Every kind of layer (a plain directory, the generated files, a wheel's image) answers the same
 * few questions, so that the overlay above knows only this interface. Paths are relative to the
 * layer, without a leading slash; "" is its root. A layer is immutable while it is open, and every
 * operation may be called by any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "venvfs/buffer.h"
#include "venvfs/content.h"
#include "venvfs/error.h"
#include "venvfs/generated.h"

struct layer;

/* Called for each name of a directory, with its kind (S_IFMT bits; 0: unknown). A nonzero result
 * ends the listing and is handed on. */
typedef int layer_list_fn(void *arg, const char *name, mode_t kind);

struct layer_ops {
	/* Attributes of @path. -ENOENT or -ENOTDIR when it is not there. st_ino is unique in the
	 * layer, st_dev is meaningless. */
	int (*getattr)(struct layer *layer, const char *path, struct stat *out);
	int (*list)(struct layer *layer, const char *path, layer_list_fn *fn, void *arg);
	/* The target in @buffer, NUL-terminated. */
	int (*readlink)(struct layer *layer, const char *path, char *buffer, size_t size);
	/* A regular file's bytes; the caller drops the reference. */
	int (*open)(struct layer *layer, const char *path, struct content **out);
	/* As getxattr(2) and listxattr(2); only user.* is asked for. NULL: there are none. */
	ssize_t (*getxattr)(struct layer *layer, const char *path, const char *name, void *value,
			    size_t size);
	ssize_t (*listxattr)(struct layer *layer, const char *path, char *list, size_t size);
	/* A path of this layer that is back at every mount, whatever was deleted (pyvenv.cfg …):
	 * whiteouts and opaque directories of the upper don't hide it. NULL: none is. */
	bool (*is_core)(struct layer *layer, const char *path);
	/* Makes a core path one that can be whited out, until the layer is closed; a file is not
	 * found any more. */
	void (*hide)(struct layer *layer, const char *path);
	void (*free)(struct layer *layer);
};

/* The common head of every kind of layer. */
struct layer {
	const struct layer_ops *ops;
	char *name;   /* for messages and status */
	char *attach; /* where its root appears in the environment: "" or "lib/python3.11/site-packages" */
};

void layer_free(struct layer *layer);

/* Appends the bytes of a file; its attributes in *st, which may be NULL. */
int layer_read_file(struct layer *layer, const char *path, struct buffer *out, struct stat *st);

/*
 * The directory at @path, attached at @attach. Links inside it are shown, never followed. -ENOENT,
 * -ENOTDIR, -EACCES with a message.
 */
int layer_dir_open(const char *name, const char *path, const char *attach, struct layer **out,
		   struct error *error);

/*
 * The files of @inner, each with @head before its bytes: scripts whose first lines depend on where
 * they are shown. Takes ownership of @inner, also when it fails.
 */
int layer_scripts_new(struct layer *inner, const char *head, struct layer **out);

/* A file of layer_files_new(). */
struct layer_file {
	const char *name;
	const void *data;
	size_t size;
};

/* Where its files are. */
struct layer_files_place {
	const char *name, *attach;
	const char *directory;   /* one name, below @attach */
	const struct stat *like; /* mode, owner and times, also of the directories above */
};

/* A layer of @count files, which are copied, in one directory. -ENOMEM. */
int layer_files_new(const struct layer_files_place *place, const struct layer_file *files,
		    size_t count, struct layer **out);

/*
 * @source with its @bytecode, two layers that are attached at the same place, as one. What both have
 * is the source's. Takes ownership of both, also when it fails. Extended attributes are not shown.
 */
int layer_compiled_new(struct layer *source, struct layer *bytecode, struct layer **out);

/*
 * The generated files of generated.h. @spec and @mountpoint must outlive the layer; it takes
 * ownership of @interpreter, also when it fails.
 */
int layer_generated_new(const struct spec *spec, struct interpreter *interpreter,
			const char *mountpoint, const char *prompt, struct layer **out);

/* Whether the base interpreter's file is another one, or gone, since it was asked. */
bool layer_generated_base_changed(struct layer *layer);

/* Appends the version of the base interpreter that is shown, "3.11.2". */
void layer_generated_base_version(struct layer *layer, struct buffer *out);

/*
 * Tells the layer that the base interpreter is being replaced: from now on whoever asks for a file
 * waits, until layer_generated_refresh() gives the new truth. With NULL the old one stays. Takes
 * ownership of @interpreter, which must be of the same X.Y.
 */
void layer_generated_suspend(struct layer *layer);
void layer_generated_refresh(struct layer *layer, struct interpreter *interpreter);
