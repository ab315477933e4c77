#include "venvfs/mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"

/* A host with 100,000 mounts has about 20 MiB of them. */
#define TEXT_LIMIT ((size_t)256 << 20)

/* Undoes the kernel's escapes in place: space, tab, newline, '#' and backslash are written as a
 * backslash with three octal digits. */
static void decode(char *field)
{
	char *to = field;

	for (const char *from = field; *from; from++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
		    from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
			*to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 |
				       (from[3] - '0'));
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

static bool parse_number(const char *text, unsigned *out)
{
	unsigned long value;
	char *end;

	if (!text || text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || value > 0xffffffffu)
		return false;
	*out = (unsigned)value;
	return true;
}

/* "36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/sda rw,errors=continue" */
static bool parse_line(char *line, struct mountinfo_entry *entry)
{
	char *fields[6], *type, *source, *super_options, *tag, *major;

	for (size_t i = 0; i < 6; i++) {
		fields[i] = strsep(&line, " ");
		if (!fields[i])
			return false;
	}
	do
		tag = strsep(&line, " ");
	while (tag && strcmp(tag, "-") != 0);
	type = strsep(&line, " ");
	source = strsep(&line, " ");
	super_options = strsep(&line, " ");
	major = strsep(&fields[2], ":");
	if (!super_options || !parse_number(major, &entry->major) ||
	    !parse_number(fields[2], &entry->minor))
		return false;

	entry->root = fields[3];
	entry->mountpoint = fields[4];
	entry->options = fields[5];
	entry->type = type;
	entry->source = source;
	entry->super_options = super_options;
	decode(fields[3]);
	decode(fields[4]);
	decode(type);
	decode(source);
	decode(super_options);
	return true;
}

int mountinfo_parse(const char *text, struct mountinfo *out)
{
	_cleanup_mountinfo_ struct mountinfo mounts = {0};
	char *cursor, *line;
	size_t lines = 1;

	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	mounts.text = strdup(text);
	mounts.entries = calloc(lines, sizeof(*mounts.entries));
	if (!mounts.text || !mounts.entries)
		return -ENOMEM;
	cursor = mounts.text;
	while ((line = strsep(&cursor, "\n")) != NULL)
		if (parse_line(line, &mounts.entries[mounts.count]))
			mounts.count++;
	*out = mounts;
	mounts = (struct mountinfo){0};
	return 0;
}

int mountinfo_read(struct mountinfo *out)
{
	_cleanup_buffer_ struct buffer text = {0};
	int r;

	r = io_read_file(AT_FDCWD, "/proc/self/mountinfo", TEXT_LIMIT, &text);
	if (r < 0)
		return r;
	return mountinfo_parse(text.data ? text.data : "", out);
}

void mountinfo_free(struct mountinfo *mounts)
{
	free(mounts->entries);
	free(mounts->text);
	*mounts = (struct mountinfo){0};
}

const struct mountinfo_entry *mountinfo_find(const struct mountinfo *mounts, const char *path)
{
	for (size_t i = mounts->count; i > 0; i--)
		if (strcmp(mounts->entries[i - 1].mountpoint, path) == 0)
			return &mounts->entries[i - 1];
	return NULL;
}

const struct mountinfo_entry *mountinfo_containing(const struct mountinfo *mounts, const char *path)
{
	const struct mountinfo_entry *found = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < mounts->count; i++) {
		const struct mountinfo_entry *entry = &mounts->entries[i];
		size_t length = strlen(entry->mountpoint);

		if (length >= longest && path_is_within(path, entry->mountpoint)) {
			found = entry;
			longest = length;
		}
	}
	return found;
}

bool mountinfo_is_venvfs(const struct mountinfo_entry *entry)
{
	return strcmp(entry->type, MOUNTINFO_TYPE) == 0;
}

bool mountinfo_owner(const struct mountinfo_entry *entry, unsigned *uid)
{
	static const char key[] = "user_id=";
	const char *option = entry->super_options;

	while (*option) {
		size_t length = strcspn(option, ",");

		if (strncmp(option, key, sizeof(key) - 1) == 0) {
			_cleanup_free_ char *value =
				strndup(option + sizeof(key) - 1, length - (sizeof(key) - 1));

			return parse_number(value, uid);
		}
		option += length;
		option += *option == ',';
	}
	return false;
}
