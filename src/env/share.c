#include "venvfs/share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "venvfs/cleanup.h"
#include "venvfs/path.h"

static const char *const names[] = {
	[SHARE_AUTO] = "auto",
	[SHARE_LINK] = "link",
	[SHARE_BYTECODE] = "bytecode",
	[SHARE_CACHE] = "cache",
	[SHARE_PASSTHROUGH] = "passthrough",
};

const char *share_mode_name(enum share_mode mode)
{
	return names[mode];
}

int share_mode_parse(const char *word, enum share_mode *out)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(word, names[i]) == 0) {
			*out = (enum share_mode)i;
			return 0;
		}
	}
	return -EINVAL;
}

int share_begin(struct share *share, enum share_mode asked, bool read_only)
{
	*share = (struct share){.asked = asked, .used = asked};
	if (asked == SHARE_AUTO)
		share->used = SHARE_LINK;
	/* Reads that pass us by would go on from a layer's file after a write copied it up. */
	if (asked == SHARE_PASSTHROUGH && !read_only)
		return share_give_up(share, "passthrough is for environments mounted read-only");
	return 0;
}

static int note_reason(struct share *share, const char *format, va_list args)
{
	if (share->reason || vasprintf(&share->reason, format, args) >= 0)
		return 0;
	share->reason = NULL;
	return -ENOMEM;
}

int share_give_up(struct share *share, const char *format, ...)
{
	va_list args;
	int r;

	share->used = SHARE_CACHE;
	va_start(args, format);
	r = note_reason(share, format, args);
	va_end(args);
	return r;
}

void share_clear(struct share *share)
{
	free(share->reason);
	*share = (struct share){0};
}

/* Whether not even root can write to what is in the directory of a layer. Sealing ends with the
 * directory itself, so what it says holds for what is in it. */
static bool is_sealed(int directory)
{
	struct statx attributes;
	struct statvfs system;

	if (statx(directory, "", AT_EMPTY_PATH, 0, &attributes) == 0 &&
	    attributes.stx_attributes & attributes.stx_attributes_mask & STATX_ATTR_IMMUTABLE)
		return true;
	return fstatvfs(directory, &system) == 0 && system.f_flag & ST_RDONLY;
}

/* Whether others can read what is in the directory of a layer. All of it was made under one umask,
 * so the image stands for the files. */
static bool others_can_reach(const char *path, int directory)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	struct stat st;

	return real && path_others_can_search(path) && path_others_can_search(real) &&
	       fstatat(directory, "image", &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mode & S_IROTH;
}

static int refuse(struct share *share, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(struct share *share, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = note_reason(share, format, args);
	va_end(args);
	return r;
}

int share_may_link(struct share *share, const char *path, int directory, bool others)
{
	if (share->used != SHARE_LINK && share->used != SHARE_BYTECODE)
		return 1;
	if (geteuid() == 0 && !is_sealed(directory))
		return refuse(share,
			      "root could write through links to %s, which is not sealed: 'venvfs "
			      "store verify --repair' seals it",
			      path);
	if (others && share->asked == SHARE_AUTO && !others_can_reach(path, directory))
		return refuse(share, "other users cannot reach %s", path);
	return 1;
}

int share_leave_out(struct share *share, size_t apart, size_t all)
{
	_cleanup_free_ char *why = NULL;

	if (apart == 0)
		return 0;
	if (apart == all) {
		share->used = SHARE_CACHE;
		return 0;
	}
	why = share->reason;
	share->reason = NULL;
	return refuse(share, "%zu of %zu packages %s shown without links: %s", apart, all,
		      apart == 1 ? "is" : "are", why);
}
