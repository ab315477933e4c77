/* Making the bytecode of layers, once for each kind of interpreter. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "venvfs/error.h"

struct compile_order {
	const char *store;      /* path of the store that has the layers */
	const char *executable; /* of the interpreter */
	const char *tag;        /* its cache_tag */
	const char *const *layers; /* digests */
	size_t count;
	int timeout_ms; /* for all of it */
	bool wait; /* also for what another process is compiling now, which is left to it otherwise */
};

/* Time enough for some hundred wheels on one slow processor. */
#define COMPILE_TIMEOUT_MS (30 * 60 * 1000)

/*
 * Compiles the sources of the layers that have no bytecode for this interpreter yet, on all
 * processors, and publishes each layer's when it is complete. As pip does it, sources that are no
 * Python are passed over; what the wheel brought compiled stays as it is. Layers that are gone are
 * no error. On failure, what was published before stays, and nothing else is left.
 */
int store_compile(const struct compile_order *order, struct error *error);
