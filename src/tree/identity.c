#include <errno.h>
#include <linux/securebits.h>
#include <stdbool.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

#include "tree_internal.h"

/* Whether this thread keeps its capabilities when its file system ids change. Without that, work in
 * a store that the caller cannot reach would fail. */
static _Thread_local bool keeps_capabilities;

/* setfsuid(2) and setfsgid(2) report no errors: ask for what is in force. */
static bool in_force(uid_t uid, gid_t gid)
{
	return (uid_t)setfsuid((uid_t)-1) == uid && (gid_t)setfsgid((gid_t)-1) == gid;
}

static bool are_ours(const struct tree *tree, const struct tree_caller *caller)
{
	return !tree->sets_owners || (caller->uid == 0 && caller->gid == 0);
}

int identity_assume(const struct tree *tree, const struct tree_caller *caller)
{
	if (are_ours(tree, caller))
		return 0;
	if (!keeps_capabilities) {
		int bits = prctl(PR_GET_SECUREBITS);

		if (bits < 0 || prctl(PR_SET_SECUREBITS, bits | SECBIT_NO_SETUID_FIXUP) < 0)
			return -EPERM;
		keeps_capabilities = true;
	}
	setfsgid(caller->gid);
	setfsuid(caller->uid);
	if (in_force(caller->uid, caller->gid))
		return 0;
	identity_drop(tree, caller);
	return -EPERM;
}

void identity_drop(const struct tree *tree, const struct tree_caller *caller)
{
	if (are_ours(tree, caller))
		return;
	setfsuid(0);
	setfsgid(0);
}
