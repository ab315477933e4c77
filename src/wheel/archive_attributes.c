/* What an entry says of its file: permissions and time. */
#include <sys/stat.h>
#include <time.h>

#include "archive.h"

#define EARLIEST 315619200 /* 1980-01-02 00:00:00 UTC: what tools that write zips still accept */

bool archive_entry_is_executable(const struct archive_entry *entry)
{
	mode_t mode = entry->attributes >> 16;

	return S_ISREG(mode) && (mode & 0111) != 0;
}

int64_t archive_entry_mtime(const struct archive_entry *entry)
{
	struct tm tm = {
		.tm_year = (entry->date >> 9) + 80,
		.tm_mon = ((entry->date >> 5) & 15) - 1,
		.tm_mday = entry->date & 31,
		.tm_hour = entry->time >> 11,
		.tm_min = (entry->time >> 5) & 63,
		.tm_sec = (entry->time & 31) * 2,
	};
	struct tm same = tm;
	time_t seconds = timegm(&same);

	/* timegm() makes 31 April the first of May. */
	if (same.tm_mday != tm.tm_mday || same.tm_mon != tm.tm_mon || same.tm_hour != tm.tm_hour ||
	    same.tm_min != tm.tm_min || same.tm_sec != tm.tm_sec || seconds < EARLIEST)
		return EARLIEST;
	return seconds;
}
