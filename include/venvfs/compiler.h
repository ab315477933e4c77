/*
 * An interpreter that compiles sources: what Python itself would write to __pycache__, made without
 * importing anything. Nothing of the sources is run; but a parser may crash, loop or eat memory, so
 * it does its work in processes of their own, and a source that ends one is lost alone.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "venvfs/buffer.h"
#include "venvfs/error.h"

struct compiler;

/* A compiler for the interpreter at @executable, whose cache_tag is @tag; both must outlive it.
 * Nothing is started yet. It belongs to the thread that makes it. NULL without memory. */
struct compiler *compiler_new(const char *executable, const char *tag);
void compiler_free(struct compiler *compiler); /* NULL is fine */

struct compiler_source {
	const char *name; /* for the code's co_filename, which importing replaces by the real one */
	int64_t mtime;    /* seconds since 1970 */
	const char *text;
	size_t size;
};

/* Announces that @count sources follow. Only the same batch, in the same order, always comes to the
 * same bytes. */
void compiler_begin(struct compiler *compiler, size_t count);

/*
 * Compiles the next source of the batch: @out has the bytes of its .pyc, for the source's time and
 * size, or nothing when it is no Python or ended the process. -ETIMEDOUT: not before @deadline,
 * milliseconds of CLOCK_MONOTONIC; -ENOEXEC and others, with @error: the interpreter does not run,
 * or is another one by now.
 */
int compiler_compile(struct compiler *compiler, const struct compiler_source *source,
		     int64_t deadline, struct buffer *out, struct error *error);
