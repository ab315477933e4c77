/*
 * Sections of ELF files (elf(5)). Every offset and count comes from the file, so each is bounded,
 * and reading beyond the end is the end of the search.
 */
#include "elf.h"

#include <elf.h>
#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "venvfs/cleanup.h"

/* Far more than any library has; debug builds have some dozens, one for each function thousands. */
#define SECTIONS_MAX 65536u
#define NAMES_MAX    (1u << 20)

struct elf {
	int fd;
	bool wide, big_endian;
	uint64_t sections;     /* where the table is */
	uint64_t section_size; /* of one entry */
	uint64_t section_count;
	uint64_t names_index; /* of the section that has the sections' names */
};

/* What a section header says that matters here. */
struct section {
	uint64_t name, offset, size, link;
};

static bool read_at(int fd, void *out, size_t size, uint64_t offset)
{
	return offset <= INT64_MAX - size && pread(fd, out, size, (off_t)offset) == (ssize_t)size;
}

static uint64_t number(const struct elf *elf, const void *bytes, size_t size)
{
	uint64_t value = 0;

	memcpy((char *)&value + (BYTE_ORDER == BIG_ENDIAN ? sizeof(value) - size : 0), bytes, size);
	if (elf->big_endian != (BYTE_ORDER == BIG_ENDIAN))
		value = __builtin_bswap64(value) >> (64 - 8 * size);
	return value;
}

#define FIELD(elf, record, field) number(elf, &(record)->field, sizeof((record)->field))

static struct section read_wide(const struct elf *elf, const Elf64_Shdr *header)
{
	return (struct section){
		.name = FIELD(elf, header, sh_name),
		.offset = FIELD(elf, header, sh_offset),
		.size = FIELD(elf, header, sh_size),
		.link = FIELD(elf, header, sh_link),
	};
}

static struct section read_narrow(const struct elf *elf, const Elf32_Shdr *header)
{
	return (struct section){
		.name = FIELD(elf, header, sh_name),
		.offset = FIELD(elf, header, sh_offset),
		.size = FIELD(elf, header, sh_size),
		.link = FIELD(elf, header, sh_link),
	};
}

static bool read_section(const struct elf *elf, uint64_t index, struct section *out)
{
	union {
		Elf32_Shdr narrow;
		Elf64_Shdr wide;
	} header;
	uint64_t before;

	if (__builtin_mul_overflow(index, elf->section_size, &before) ||
	    __builtin_add_overflow(before, elf->sections, &before) ||
	    !read_at(elf->fd, &header, elf->wide ? sizeof(header.wide) : sizeof(header.narrow),
		     before))
		return false;
	*out = elf->wide ? read_wide(elf, &header.wide) : read_narrow(elf, &header.narrow);
	return true;
}

static bool open_wide(struct elf *elf)
{
	Elf64_Ehdr header;

	if (!read_at(elf->fd, &header, sizeof(header), 0))
		return false;
	elf->sections = FIELD(elf, &header, e_shoff);
	elf->section_size = FIELD(elf, &header, e_shentsize);
	elf->section_count = FIELD(elf, &header, e_shnum);
	elf->names_index = FIELD(elf, &header, e_shstrndx);
	return elf->section_size >= sizeof(Elf64_Shdr);
}

static bool open_narrow(struct elf *elf)
{
	Elf32_Ehdr header;

	if (!read_at(elf->fd, &header, sizeof(header), 0))
		return false;
	elf->sections = FIELD(elf, &header, e_shoff);
	elf->section_size = FIELD(elf, &header, e_shentsize);
	elf->section_count = FIELD(elf, &header, e_shnum);
	elf->names_index = FIELD(elf, &header, e_shstrndx);
	return elf->section_size >= sizeof(Elf32_Shdr);
}

/* Numbers that do not fit into the file's header are in the first section's. */
static bool find_large_numbers(struct elf *elf)
{
	struct section first;

	if (elf->section_count != 0 && elf->names_index != SHN_XINDEX)
		return true;
	if (!read_section(elf, 0, &first))
		return false;
	if (elf->section_count == 0)
		elf->section_count = first.size;
	if (elf->names_index == SHN_XINDEX)
		elf->names_index = first.link;
	return true;
}

static bool elf_open(int fd, struct elf *elf)
{
	unsigned char ident[EI_NIDENT];

	*elf = (struct elf){.fd = fd};
	if (!read_at(fd, ident, sizeof(ident), 0) || memcmp(ident, ELFMAG, SELFMAG) != 0)
		return false;
	elf->wide = ident[EI_CLASS] == ELFCLASS64;
	elf->big_endian = ident[EI_DATA] == ELFDATA2MSB;
	if (!(elf->wide ? open_wide(elf) : open_narrow(elf)) || elf->sections == 0)
		return false; /* the table of sections was stripped */
	return find_large_numbers(elf) && elf->section_count <= SECTIONS_MAX &&
	       elf->names_index < elf->section_count;
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

bool elf_has_section(int fd, const char *const *names, size_t count)
{
	_cleanup_free_ char *table = NULL;
	struct section section;
	struct elf elf;
	size_t size;

	if (!elf_open(fd, &elf) || !read_section(&elf, elf.names_index, &section) ||
	    section.size > NAMES_MAX)
		return false;
	size = (size_t)section.size;
	table = calloc(size + 1, 1); /* ends with a NUL, whatever the file says */
	if (!table || !read_at(fd, table, size, section.offset))
		return false;
	for (uint64_t i = 0; i < elf.section_count; i++) {
		if (!read_section(&elf, i, &section))
			return false;
		if (section.name < size && is_one_of(table + section.name, names, count))
			return true;
	}
	return false;
}
