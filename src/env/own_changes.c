#include "own_changes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/log.h"
#include "venvfs/path.h"
#include "venvfs/project_name.h"
#include "tree/upper.h"
#include "wheel/text.h"

#define DIST_INFO ".dist-info"

struct looking {
	const struct packages *packages;
	bool *said;   /* of each package */
	bool removed; /* it is whiteouts that are looked for */
};

/* A name such as "numpy-2.1.0.dist-info", or the whiteout of one. */
struct dist_info {
	const char *name, *version;
	size_t name_length, version_length;
	bool removed;
};

static bool parse(const char *entry, struct dist_info *out)
{
	size_t length;
	const char *dash;

	*out = (struct dist_info){.name = entry};
	if (strncmp(entry, WHITEOUT_PREFIX, strlen(WHITEOUT_PREFIX)) == 0) {
		out->removed = true;
		out->name += strlen(WHITEOUT_PREFIX);
	}
	length = strlen(out->name);
	if (!text_ends_with(out->name, length, DIST_INFO))
		return false;
	length -= strlen(DIST_INFO);
	dash = memrchr(out->name, '-', length);
	if (!dash)
		return false;
	out->name_length = (size_t)(dash - out->name);
	out->version = dash + 1;
	out->version_length = length - out->name_length - 1;
	return true;
}

static void warn(const struct dist_info *own, const char *name, const char *version)
{
	log_warning("%s %.*s was %s in the environment, and now %s %s is below that: what shows is "
		    "parts of both; 'pip install --force-reinstall --no-deps %s==%s' in the "
		    "environment makes it whole",
		    name, (int)own->version_length, own->version,
		    own->removed ? "removed" : "installed", name, version, name, version);
}

static int look_at(void *arg, int directory, const char *entry, mode_t kind)
{
	struct looking *looking = arg;
	struct dist_info own;

	(void)directory;
	(void)kind;
	if (!parse(entry, &own) || own.removed != looking->removed)
		return 0;
	for (size_t i = 0; i < packages_count(looking->packages); i++) {
		const char *name = packages_name(looking->packages, i);
		const char *version = packages_version(looking->packages, i);

		if (!version || looking->said[i] ||
		    !project_name_equal(name, strlen(name), own.name, own.name_length) ||
		    (strlen(version) == own.version_length &&
		     memcmp(version, own.version, own.version_length) == 0))
			continue;
		looking->said[i] = true;
		warn(&own, name, version);
	}
	return 0;
}

void warn_of_own_changes(const struct packages *packages, const struct env_store *store,
			 const char *site_packages)
{
	_cleanup_free_ bool *said = calloc(packages_count(packages) + 1, sizeof(*said));
	struct looking looking = {.packages = packages, .said = said};
	_cleanup_close_ int upper = store ? env_store_open_upper(store) : -1;

	if (!said || upper < 0)
		return;
	/* To install another version removes the layer's, too: of both, the first is said. */
	for (int pass = 0; pass < 2; pass++) {
		looking.removed = pass == 1;
		(void)io_each_entry(
			path_open_beneath(upper, site_packages, O_RDONLY | O_DIRECTORY, 0), look_at,
			&looking);
	}
}
