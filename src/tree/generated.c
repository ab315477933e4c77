#include "venvfs/generated.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "gen.h"
#include "gen_quote.h"

#define DIRECTORY (S_IFDIR | 0755)
#define FILE_MODE (S_IFREG | 0644)
#define SCRIPT	  (S_IFREG | 0755)
#define LINK	  (S_IFLNK | 0777)

/* venv makes the directory since 3.11. */
static bool has_versioned_include(const struct generated_context *context)
{
	return context->interpreter->minor >= 11;
}

static bool is_free_threaded(const struct generated_context *context)
{
	return context->interpreter->free_threaded;
}

static bool has_pip(const struct generated_context *context)
{
	return context->spec->pip;
}

const struct generated_entry generated_table[] = {
	{"pyvenv.cfg", FILE_MODE, gen_pyvenv_cfg, NULL, false},
	{".gitignore", FILE_MODE, gen_gitignore, NULL, true},
	{"CACHEDIR.TAG", FILE_MODE, gen_cachedir_tag, NULL, true},

	{"bin", DIRECTORY, NULL, NULL, false},
	{"bin/python", LINK, gen_python_link, NULL, false},
	{"bin/python3", LINK, gen_python_alias, NULL, false},
	{"bin/python{X.Y}", LINK, gen_python_alias, NULL, false},
	{"bin/python{X.Y}t", LINK, gen_python_alias, is_free_threaded, false},
	{"bin/activate", FILE_MODE, gen_activate_posix, NULL, false},
	{"bin/activate.csh", FILE_MODE, gen_activate_csh, NULL, false},
	{"bin/activate.fish", FILE_MODE, gen_activate_fish, NULL, false},
	{"bin/activate.nu", FILE_MODE, gen_activate_nu, NULL, false},
	{"bin/Activate.ps1", FILE_MODE, gen_activate_ps1, NULL, false},
	{"bin/activate_this.py", FILE_MODE, gen_activate_this, NULL, false},
	{"bin/pip", SCRIPT, gen_pip_script, has_pip, true},
	{"bin/pip3", SCRIPT, gen_pip_script, has_pip, true},
	{"bin/pip{X.Y}", SCRIPT, gen_pip_script, has_pip, true},

	{"lib", DIRECTORY, NULL, NULL, false},
	{"lib/python{X.Y}{t}", DIRECTORY, NULL, NULL, false},
	{"lib/python{X.Y}{t}/site-packages", DIRECTORY, NULL, NULL, false},
	{"lib64", LINK, gen_lib64_link, NULL, false},
	{"include", DIRECTORY, NULL, NULL, true},
	{"include/python{X.Y}{t}", DIRECTORY, NULL, has_versioned_include, true},

	{NULL, 0, NULL, NULL, false},
};

char *generated_path(const struct generated_entry *entry, const struct generated_context *context)
{
	const struct interpreter *interpreter = context->interpreter;
	_cleanup_buffer_ struct buffer path = {0};

	for (const char *p = entry->path; *p;) {
		if (strncmp(p, "{X.Y}", 5) == 0) {
			buffer_printf(&path, "%d.%d", interpreter->major, interpreter->minor);
			p += 5;
		} else if (strncmp(p, "{t}", 3) == 0) {
			buffer_puts(&path, interpreter->free_threaded ? "t" : "");
			p += 3;
		} else {
			buffer_putc(&path, *p++);
		}
	}
	return buffer_take(&path);
}

int generated_check_mountpoint(const char *path, struct error *error)
{
	if (strchr(path, ':'))
		return error_set(error, -EINVAL,
				 "the mount point %s holds a colon, so it could not be on PATH", path);
	if (quote_check(path) < 0)
		return error_set(error, -EINVAL,
				 "the mount point holds a control character or is not UTF-8, so no "
				 "script could name it");
	return 0;
}
