/* Any bytes as a shared library of a wheel that is imported: its sections are looked through. */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "store/elf.h"
#include "venvfs/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {".qtmetadata", ".note.qt.metadata"};
	_cleanup_close_ int fd = memfd_create("elf", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, data, size) == (ssize_t)size)
		(void)elf_has_section(fd, names, sizeof(names) / sizeof(names[0]));
	return 0;
}
