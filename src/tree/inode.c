#include "inode.h"

#include "venvfs/hash.h"

#define SOURCE_SHIFT   48
#define NUMBER_MASK    ((1ull << SOURCE_SHIFT) - 1)
#define SOURCE_CONTROL 0xffffull
#define SOURCE_LAYERS  0x0001ull /* 0x0001 … 0xfffe */
#define LAYERS_MAX     (SOURCE_CONTROL - SOURCE_LAYERS)

static uint64_t compose(uint64_t source, uint64_t number)
{
	if (number > NUMBER_MASK)
		number ^= number >> SOURCE_SHIFT << (SOURCE_SHIFT - 16);
	return source << SOURCE_SHIFT | (number & NUMBER_MASK);
}

uint64_t inode_of_upper(dev_t root_device, dev_t device, uint64_t ino)
{
	if (device != root_device)
		ino = hash_bytes(&device, sizeof(device), ino);
	return compose(0, ino);
}

uint64_t inode_of_layer(unsigned layer, uint64_t ino)
{
	/* Nobody has so many; they share numbers, and only by chance. */
	if (layer >= LAYERS_MAX) {
		ino = hash_bytes(&ino, sizeof(ino), hash_bytes(&layer, sizeof(layer), HASH_SEED));
		layer = LAYERS_MAX - 1;
	}
	return compose(SOURCE_LAYERS + layer, ino);
}

uint64_t inode_of_control(uint64_t number)
{
	return compose(SOURCE_CONTROL, number);
}
