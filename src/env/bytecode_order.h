/* Which layers an environment would have compiled, and where they are. */
#pragma once

#include <stdbool.h>

#include "venvfs/error.h"
#include "venvfs/interpreter.h"
#include "venvfs/lock.h"
#include "venvfs/string_list.h"

struct bytecode_order {
	char *executable, *tag;
	struct {
		char *path; /* NULL: none */
		struct string_list layers;
	} stores[3]; /* those of a spec (struct lock_stores), and another that pip may be in */
	size_t count; /* of layers */
};

#define _cleanup_bytecode_order_ __attribute__((cleanup(bytecode_order_clear)))

/* An empty one, for the interpreter. -ENOMEM. To be cleared in every case. */
int bytecode_order_init(const struct interpreter *interpreter, struct bytecode_order *out);
void bytecode_order_clear(struct bytecode_order *order);

/* Takes all layers out of it. */
void bytecode_order_empty(struct bytecode_order *order);

/* Adds a layer, unless we cannot write to its store. */
int bytecode_order_add(struct bytecode_order *order, const struct store *store, const char *digest);

/* Has it done; @wait as in struct compile_order. What goes wrong is logged: an environment works
 * without. */
void bytecode_order_run(const struct bytecode_order *order, bool wait);
