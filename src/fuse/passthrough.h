/*
 * Passthrough (Linux 6.9): the kernel reads an open file from the file below, without us and with
 * the page cache of that. libfuse 3.14 knows nothing of it: the flags of INIT are added in
 * channel.c, the answer to OPEN here.
 *
 * It needs what the other mounts do without, opens: in a mount with passthrough each OPEN is
 * answered, and each RELEASE comes.
 */
#pragma once

#include "channel.h"

struct passthrough;

/* NULL without memory. @channel must outlive it. */
struct passthrough *passthrough_new(struct channel *channel);
void passthrough_free(
	struct passthrough *passthrough); /* NULL is fine; nothing is served any more */

/* Asks the kernel, which has agreed on INIT, whether @fd could be read through. 0 or a negative
 * errno: OPEN is then answered as in other mounts. */
int passthrough_try(struct passthrough *passthrough, int fd);

/* Replaces what opens and closes files. */
void passthrough_fill(struct fuse_lowlevel_ops *ops);
