/*
 * How an environment shares the pages of its layers' files with other environments (-o share=).
 *
 * What is shown as a link is read from the layer's own file: the kernel keeps one copy for all
 * environments, and asks no daemon. That is wrong where the one who follows the link could change
 * the layer, which is root's power unless the store is sealed, or could not get there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum share_mode {
	SHARE_AUTO,        /* link, where that is safe and works for everybody; else cache */
	SHARE_LINK,        /* bytecode and shared libraries are links into the store */
	SHARE_BYTECODE,    /* bytecode alone */
	SHARE_CACHE,       /* no links: each mount has its own pages */
	SHARE_PASSTHROUGH, /* no links: the kernel reads layers' files itself; read-only, root */
};

struct share {
	enum share_mode asked;
	enum share_mode used; /* not SHARE_AUTO */
	char *reason;         /* why this, or not all of this, was not asked for; else NULL */
};

/* "link" … */
const char *share_mode_name(enum share_mode mode);

/* The mode called @word. -EINVAL: none is. */
int share_mode_parse(const char *word, enum share_mode *out);

/* The words, for messages: "auto, link, …". */
#define SHARE_MODES "auto, link, bytecode, cache, passthrough"

/* What the mode that was asked for comes to before anything is looked at; to be cleared also when
 * this fails. -ENOMEM. */
int share_begin(struct share *share, enum share_mode asked, bool read_only);

/* Uses SHARE_CACHE, for this reason, unless there is one already. -ENOMEM. */
int share_give_up(struct share *share, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void share_clear(struct share *share);

/*
 * Whether links may lead into the directory of a layer, which is open as @directory and found at
 * the absolute @path: 1, 0 and the reason noted, or -ENOMEM.
 *
 * Root writes through links whatever the mode of a file, so for root the directory must be sealed:
 * immutable, or on a read-only mount. With @others, and unless links were asked for by name, every
 * other user must be able to get there.
 */
int share_may_link(struct share *share, const char *path, int directory, bool others);

/* Links may not lead into the layers of @apart of @all packages, which are shown without. -ENOMEM. */
int share_leave_out(struct share *share, size_t apart, size_t all);
