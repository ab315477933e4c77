/* Looking into ELF files, without believing them. Private to src/store. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the file @fd is an ELF file (of 32 or 64 bits, in either byte order) that has a section
 * called one of the @count @names. What is no ELF file, or contradicts itself, has none; no more is
 * read than a sane file has. The descriptor's offset is not used.
 */
bool elf_has_section(int fd, const char *const *names, size_t count);
