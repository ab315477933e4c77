/* Sections of ELF files: what is there is found, and nothing else is believed. */
#include <elf.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "suite.h"
#include "store/elf.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"

static const char *const wanted[] = {".qtmetadata", ".note.qt.metadata"};

static bool has(const void *data, size_t size)
{
	_cleanup_close_ int fd = memfd_create("elf", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(io_write_all(fd, data, size), 0);
	return elf_has_section(fd, wanted, 2);
}

/* What differs between files. */
struct kind {
	bool wide, big_endian, large; /* large: the numbers are in the first section */
};

static uint64_t swap(const struct kind *kind, uint64_t value, size_t size)
{
	if (kind->big_endian == (BYTE_ORDER == BIG_ENDIAN))
		return value;
	return __builtin_bswap64(value) >> (64 - 8 * size);
}

#define PUT(record, field, value)                                                                  \
	((record).field = (__typeof__((record).field))swap(kind, value, sizeof((record).field)))

/* A section's header with these values. */
static void add_section(const struct kind *kind, struct buffer *out, uint64_t name, uint64_t offset,
			uint64_t size, uint64_t link)
{
	Elf64_Shdr wide = {0};
	Elf32_Shdr narrow = {0};

	PUT(wide, sh_name, name), PUT(narrow, sh_name, name);
	PUT(wide, sh_offset, offset), PUT(narrow, sh_offset, offset);
	PUT(wide, sh_size, size), PUT(narrow, sh_size, size);
	PUT(wide, sh_link, link), PUT(narrow, sh_link, link);
	if (kind->wide)
		buffer_append(out, (const char *)&wide, sizeof(wide));
	else
		buffer_append(out, (const char *)&narrow, sizeof(narrow));
}

/* A file with three sections: none, the names, and one called @name. */
static void make(const struct kind *kind, const char *name, struct buffer *out)
{
	Elf64_Ehdr wide = {.e_ident = ELFMAG};
	Elf32_Ehdr narrow = {.e_ident = ELFMAG};
	size_t head = kind->wide ? sizeof(wide) : sizeof(narrow);
	size_t section = kind->wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	size_t names = head + 3 * section, count = kind->large ? 0 : 3;
	size_t index = kind->large ? SHN_XINDEX : 1;

	wide.e_ident[EI_CLASS] = ELFCLASS64;
	narrow.e_ident[EI_CLASS] = ELFCLASS32;
	wide.e_ident[EI_DATA] = narrow.e_ident[EI_DATA] =
		kind->big_endian ? ELFDATA2MSB : ELFDATA2LSB;
	PUT(wide, e_shoff, head), PUT(narrow, e_shoff, head);
	PUT(wide, e_shentsize, section), PUT(narrow, e_shentsize, section);
	PUT(wide, e_shnum, count), PUT(narrow, e_shnum, count);
	PUT(wide, e_shstrndx, index), PUT(narrow, e_shstrndx, index);
	if (kind->wide)
		buffer_append(out, (const char *)&wide, head);
	else
		buffer_append(out, (const char *)&narrow, head);
	add_section(kind, out, 0, 0, kind->large ? 3 : 0, kind->large ? 1 : 0);
	add_section(kind, out, 1, names, strlen(name) + 12, 0);
	add_section(kind, out, 11, 0, 0, 0);
	buffer_append(out, "\0.shstrtab\0", 11);
	buffer_append(out, name, strlen(name) + 1);
	ck_assert_int_eq(buffer_status(out), 0);
}

static struct kind kind_of(int number)
{
	return (struct kind){number & 1, number & 2, number & 4};
}

START_TEST(a_section_is_found_by_its_name)
{
	const struct kind kind = kind_of(_i);
	const struct {
		const char *name;
		bool found;
	} cases[] = {
		{".qtmetadata", true},   {".note.qt.metadata", true}, {".qtmetadat", false},
		{".qtmetadata2", false}, {"qtmetadata", false},       {"", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_buffer_ struct buffer file = {0};

		make(&kind, cases[i].name, &file);
		ck_assert_msg(has(file.data, file.length) == cases[i].found, "%s", cases[i].name);
	}
}
END_TEST

START_TEST(what_is_cut_off_has_none)
{
	const struct kind kind = kind_of(_i);
	_cleanup_buffer_ struct buffer file = {0};

	make(&kind, ".qtmetadata", &file);
	for (size_t size = 0; size < file.length; size++)
		ck_assert(!has(file.data, size));
	ck_assert(!has("\177ELF", 4));
	ck_assert(!has("#!/bin/sh\nexit 0\n .qtmetadata .qtmetadata .qtmetadata", 50));
}
END_TEST

/* Whatever the numbers say: an answer, and no wrong access (under the sanitizers). */
START_TEST(damage_does_no_harm)
{
	static const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	const struct kind kind = kind_of(_i);
	_cleanup_buffer_ struct buffer file = {0};
	size_t found = 0;

	make(&kind, ".qtmetadata", &file);
	for (size_t i = 0; i < file.length; i++) {
		char before = file.data[i];

		for (size_t k = 0; k < sizeof(values); k++) {
			file.data[i] = (char)values[k];
			found += has(file.data, file.length);
		}
		file.data[i] = before;
	}
	ck_assert_uint_gt(found, 0); /* in a byte that does not matter */
	ck_assert_uint_lt(found, file.length * sizeof(values));
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("elf");

	tcase_add_loop_test(tests, a_section_is_found_by_its_name, 0, 8);
	tcase_add_loop_test(tests, what_is_cut_off_has_none, 0, 8);
	tcase_add_loop_test(tests, damage_does_no_harm, 0, 8);
	return run_tests("elf", tests);
}
