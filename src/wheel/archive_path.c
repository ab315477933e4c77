/* The names of entries: which may be unpacked, and in what order they stand. */
#include <errno.h>

#include "archive_format.h"
#include "text.h"

int archive_compare_paths(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == '\0' || *b == '\0' || *a == *b)
		return (*a != '\0') - (*b != '\0');
	if (*a == '/' || *b == '/')
		return *a == '/' ? -1 : 1;
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

/* What is wrong with one of the names between slashes, or NULL. */
static const char *name_fault(const char *name, size_t length)
{
	if (length == 0)
		return "an empty part in its name";
	if (length > ARCHIVE_NAME_MAX)
		return "a part in its name that is too long";
	if (text_equals(name, length, ".") || text_equals(name, length, ".."))
		return "a '.' or '..' in its name";
	/* OCI whiteouts: in an upper directory these names mean deletion. */
	if (text_starts_with(name, length, ".wh."))
		return "a part in its name that begins with '.wh.'";
	return NULL;
}

/* What is wrong with a path, as what it has, or NULL. */
static const char *path_fault(const char *path, size_t length, bool utf8)
{
	const char *fault = NULL;
	unsigned depth = 0;
	bool ascii = true;

	if (length == 0)
		return "no name";
	if (length > ARCHIVE_PATH_MAX)
		return "a name that is too long";
	if (path[0] == '/')
		return "an absolute path";
	if (path[length - 1] == '/')
		return "an empty part in its name";
	if (text_has_control(path, length))
		return "a control character in its name";
	if (memchr(path, '\\', length))
		return "a backslash in its name";
	if (!text_is_utf8(path, length))
		return "a name that is not UTF-8";
	for (size_t i = 0; i < length; i++)
		ascii = ascii && (unsigned char)path[i] < 0x80;
	/* Without the flag it is CP437 to the letter, and UTF-8 to many. */
	if (!ascii && !utf8)
		return "a name that is not said to be UTF-8";
	while (!fault && length > 0) {
		const char *slash = memchr(path, '/', length);
		size_t name = slash ? (size_t)(slash - path) : length;

		if (++depth > ARCHIVE_DEPTH_MAX)
			return "too many directories in its name";
		fault = name_fault(path, name);
		path += name + (slash != NULL);
		length -= name + (slash != NULL);
	}
	return fault;
}

int archive_check_path(const char *path, size_t length, bool utf8, struct error *error)
{
	const char *fault = path_fault(path, length, utf8);

	if (!fault)
		return 0;
	return error_set(error, -EBADMSG, "the entry '%s' has %s", QUOTE_TEXT(path, length), fault);
}
