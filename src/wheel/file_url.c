#include "file_url.h"

#include <errno.h>
#include <string.h>

#include "venvfs/buffer.h"
#include "text.h"

bool file_url_is(const char *text)
{
	return strncasecmp(text, "file:", strlen("file:")) == 0;
}

/* Takes the host, which must be this one, off the front. NULL when it is another. */
static const char *skip_host(const char *p)
{
	if (strncmp(p, "//", 2) == 0) {
		p += 2;
		if (strncasecmp(p, "localhost/", strlen("localhost/")) == 0)
			p += strlen("localhost");
	}
	return *p == '/' ? p : NULL;
}

int file_url_to_path(const char *url, char **out, struct error *error)
{
	_cleanup_buffer_ struct buffer path = {0};
	const char *p = skip_host(url + strlen("file:"));

	if (!p)
		return error_set(error, -EINVAL, "'%s' does not name a file on this host",
				 QUOTE(url));
	for (; *p && *p != '#'; p++) {
		int high, low;

		if (*p != '%') {
			buffer_putc(&path, *p);
			continue;
		}
		high = ascii_hex_value(p[1]);
		low = high < 0 ? -1 : ascii_hex_value(p[2]);
		if (low < 0 || (high == 0 && low == 0))
			return error_set(error, -EINVAL, "'%s' has a wrong '%%' in it", QUOTE(url));
		buffer_putc(&path, (char)(high << 4 | low));
		p += 2;
	}
	*out = buffer_take(&path);
	return *out ? 0 : -ENOMEM;
}
