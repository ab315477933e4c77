/* What a mounted environment says of itself in .venvfs. */
#pragma once

#include "channel.h"
#include "venvfs/environment.h"

/* Both must outlive the tree's service. */
struct report {
	struct environment *environment;
	struct channel *channel;
};

/*
 * Adds status ("key: value" lines: state, pid, where everything is), stats (a line "OPCODE COUNT"
 * for each kind of request that has come) and spec (the bytes of the spec when it was mounted).
 */
int report_add(struct report *report);
