#include "mount_options.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"

enum action { SET, CLEAR, SKIP, REFUSE, SHARE };

struct rule {
	const char *name; /* ending in '=': with any value; ending in '-': a prefix */
	enum action action;
	size_t field;       /* SET, CLEAR: offset of a bool in struct mount_options */
	const char *reason; /* REFUSE */
};

#define FIELD(name) offsetof(struct mount_options, name)

static const struct rule rules[] = {
	{"ro", SET, FIELD(read_only), NULL},
	{"rw", CLEAR, FIELD(read_only), NULL},
	{"nonempty", SET, FIELD(nonempty), NULL},
	{"allow_other", SET, FIELD(allow_other), NULL},
	{"ahead=yes", CLEAR, FIELD(no_ahead), NULL},
	{"ahead=no", SET, FIELD(no_ahead), NULL},
	{"nosuid", SET, FIELD(nosuid), NULL},
	{"nodev", SET, FIELD(nodev), NULL},
	{"noexec", SET, FIELD(noexec), NULL},
	{"exec", CLEAR, FIELD(noexec), NULL},
	{"noatime", SET, FIELD(noatime), NULL},
	{"atime", CLEAR, FIELD(noatime), NULL},
	{"relatime", CLEAR, FIELD(noatime), NULL},

	{"share=", SHARE, 0, NULL},

	{"suid", REFUSE, 0, "an environment is always mounted nosuid"},
	{"dev", REFUSE, 0, "an environment is always mounted nodev"},
	{"remount", REFUSE, 0, "unmount the environment and mount it with the new options instead"},

	/* Of fstab(5) and mount(8), for other readers than us. */
	{"defaults", SKIP, 0, NULL},
	{"auto", SKIP, 0, NULL},
	{"noauto", SKIP, 0, NULL},
	{"user", SKIP, 0, NULL},
	{"user=", SKIP, 0, NULL},
	{"users", SKIP, 0, NULL},
	{"nouser", SKIP, 0, NULL},
	{"owner", SKIP, 0, NULL},
	{"group", SKIP, 0, NULL},
	{"nofail", SKIP, 0, NULL},
	{"_netdev", SKIP, 0, NULL},
	{"comment=", SKIP, 0, NULL},
	{"helper=", SKIP, 0, NULL},
	{"uhelper=", SKIP, 0, NULL},
	{"x-", SKIP, 0, NULL},
	{"X-", SKIP, 0, NULL},

	/* They ask for what is so anyway. */
	{"async", SKIP, 0, NULL},
	{"nodiratime", SKIP, 0, NULL},
};

static bool rule_matches(const struct rule *rule, const char *option)
{
	size_t length = strlen(rule->name);
	char last = rule->name[length - 1];

	if (last == '=' || last == '-')
		return strncmp(option, rule->name, length) == 0;
	return strcmp(option, rule->name) == 0;
}

static const struct rule *find_rule(const char *option)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rule_matches(&rules[i], option))
			return &rules[i];
	return NULL;
}

static int apply(const char *option, bool sloppy, struct mount_options *options,
		 struct error *error)
{
	const struct rule *rule = find_rule(option);

	if (!rule && sloppy)
		return 0;
	if (!rule)
		return error_set(error, -EINVAL, "unknown mount option '%s'", option);
	switch (rule->action) {
	case SET:
	case CLEAR:
		*(bool *)((char *)options + rule->field) = rule->action == SET;
		return 0;
	case REFUSE:
		return error_set(error, -EINVAL, "mount option '%s': %s", option, rule->reason);
	case SHARE:
		if (share_mode_parse(strchr(option, '=') + 1, &options->share) == 0)
			return 0;
		return error_set(error, -EINVAL, "mount option '%s': expected one of " SHARE_MODES,
				 option);
	case SKIP:
		break;
	}
	return 0;
}

int mount_options_parse(const char *list, bool sloppy, struct mount_options *options,
			struct error *error)
{
	while (*list) {
		_cleanup_buffer_ struct buffer option = {0};
		_cleanup_free_ char *text = NULL;
		int r;

		for (; *list && *list != ','; list++) {
			if (list[0] == '\\' && list[1])
				list++;
			buffer_putc(&option, *list);
		}
		list += *list == ',';
		text = buffer_take(&option);
		if (!text)
			return -ENOMEM;
		r = *text ? apply(text, sloppy, options, error) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}
