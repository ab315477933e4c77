/*
 * Inode numbers: where a file comes from, in the top sixteen bits, and its number there below.
 * So they are the same at every look-up, in stat and in a listing, and no two sources collide: the
 * dynamic loader takes two libraries of equal numbers for one, whatever their names. An environment
 * of a hundred wheels may have several hundred layers, one for each part of a wheel. A number that
 * needs more than 48 bits, or that comes from another file system than its root, is
 * folded.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* A file of the upper. */
uint64_t inode_of_upper(dev_t root_device, dev_t device, uint64_t ino);

/* A file of layer number @layer, by its number in that layer. */
uint64_t inode_of_layer(unsigned layer, uint64_t ino);

/* Something in .venvfs. */
uint64_t inode_of_control(uint64_t number);
