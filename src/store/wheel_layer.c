#include "venvfs/wheel_layer.h"

#include <errno.h>
#include <string.h>

static int note_dist_info(void *arg, const char *name, mode_t kind)
{
	char **out = arg;
	const char *suffix = strrchr(name, '.');

	(void)kind;
	if (!suffix || strcmp(suffix, ".dist-info") != 0)
		return 0;
	*out = strdup(name);
	return *out ? 1 : -ENOMEM;
}

int wheel_layer_dist_info(struct layer *site, char **out)
{
	int r = site->ops->list(site, "", note_dist_info, out);

	return r == 0 ? -ENOENT : r < 0 ? r : 0;
}
