#include "inode.h"

#include "venvfs/hash.h"

#define SOURCE_SHIFT   56
#define NUMBER_MASK    ((1ull << SOURCE_SHIFT) - 1)
#define SOURCE_CONTROL 0xffull
#define SOURCE_LAYERS  0x01ull /* 0x01 … 0xfe; more layers share numbers in a folded form */

static uint64_t compose(uint64_t source, uint64_t number)
{
	return source << SOURCE_SHIFT | (number & NUMBER_MASK);
}

uint64_t inode_of_upper(dev_t root_device, dev_t device, uint64_t ino)
{
	if (device != root_device)
		ino = hash_bytes(&device, sizeof(device), ino);
	if (ino > NUMBER_MASK)
		ino ^= ino >> SOURCE_SHIFT << 40;
	return compose(0, ino);
}

uint64_t inode_of_layer(unsigned layer, uint64_t ino)
{
	if (ino > NUMBER_MASK)
		ino ^= ino >> SOURCE_SHIFT << 40;
	if (layer >= SOURCE_CONTROL - SOURCE_LAYERS)
		return compose(SOURCE_CONTROL - 1, hash_bytes(&layer, sizeof(layer), ino));
	return compose(SOURCE_LAYERS + layer, ino);
}

uint64_t inode_of_control(uint64_t number)
{
	return compose(SOURCE_CONTROL, number);
}
