/* file: URLs (RFC 8089), which name wheels on this machine. */
#pragma once

#include <stdbool.h>

#include "venvfs/error.h"

/* Whether @text begins with "file:". */
bool file_url_is(const char *text);

/* The absolute path that @url names, without its "#fragment", in *out (to be freed). -EINVAL: it
 * names another host or is badly escaped; -ENOMEM. */
int file_url_to_path(const char *url, char **out, struct error *error);
