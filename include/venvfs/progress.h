/*
 * How far something is that takes long: whoever does it says so here, and the command line shows it
 * where somebody is watching. Without a listener, nothing happens.
 */
#pragma once

#include <stddef.h>

/* @name is what was just done, or is being done; it is gone after the call. All zero: it is over.
 */
typedef void progress_fn(size_t done, size_t total, const char *name);

/* Before anything is done by several threads; NULL: nobody listens. */
void progress_listen(progress_fn *fn);

/* One call at a time is the caller's duty. */
void progress_report(size_t done, size_t total, const char *name);
