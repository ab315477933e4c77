/* The two halves of many_files.c: directories of one thread each, and one that is everybody's. */
#pragma once

#include "stress.h"

/* A thread's own directory: it knows what is there, and checks everything. */
struct own_tree;

/* Fills the directory @path, which is empty, with what a thread with this number begins with. */
void own_prepare(const char *path, unsigned number);

/* What own_prepare() made at @path, which is now a thread's. */
struct own_tree *own_open(const char *path, unsigned number, uint64_t seed);
void own_step(struct own_tree *tree);

/* Checks every name. */
void own_verify(const struct own_tree *tree);
void own_free(struct own_tree *tree);

/* The directory of all threads: anything may be gone at any time, but nothing may be wrong. */
void common_prepare(const char *path);
void common_step(const char *path, struct random *random);

/* Checks what is left: what is listed is there, once, and can be read. */
void common_verify(const char *path);
