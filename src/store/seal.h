/*
 * Sealing a layer: nobody can write to it by accident. Directories and files lose their write bits;
 * and where root imports and the file system knows it, each gets the immutable attribute (chattr
 * +i), which holds for root too, even through a link that leads there.
 */
#pragma once

/* Seals the directory @name in @directory and all that is below it. A file system without the
 * attribute is no error. */
int seal_tree(int directory, const char *name);

/* Whether something below, or the directory itself, has other bits than seal_tree() leaves, or for
 * root, where the file system knows it, not the attribute. 1, 0 or -errno. */
int seal_is_missing(int directory, const char *name);

/* Takes the attribute off again, so that it can be removed. Absent: 0. */
int unseal_tree(int directory, const char *name);
