/* Which pip wheel an interpreter has at hand. Looked up each time, not remembered: packages that
 * bring one come and go without the interpreter's file changing. */
#include "python_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/cleanup.h"
#include "venvfs/path.h"
#include "venvfs/pip.h"

/* Where distributions keep wheels for ensurepip: Debian and Ubuntu (python3-pip-whl), Fedora
 * (python-pip-wheel). */
#define SYSTEM_WHEELS "/usr/share/python-wheels"

char *pip_wheel_version(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.!+_";
	size_t length;

	if (strncmp(name, "pip-", 4) != 0)
		return NULL;
	name += 4;
	length = strspn(name, allowed);
	if (length == 0 || (strcmp(name + length, "-py3-none-any.whl") != 0 &&
			    strcmp(name + length, "-py2.py3-none-any.whl") != 0))
		return NULL;
	return strndup(name, length);
}

/* The newest pip wheel in @directory, in *out, which stays NULL when there is none. Versions are
 * compared as file names are by people: 23.0.1 comes before 23.10. */
static int newest_in(const char *directory, char **out)
{
	_cleanup_closedir_ DIR *dir = opendir(directory);
	_cleanup_free_ char *newest = NULL, *name = NULL;
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL) {
		_cleanup_free_ char *version = pip_wheel_version(entry->d_name);

		if (!version || (newest && strverscmp(version, newest) <= 0))
			continue;
		free(name);
		free(newest);
		newest = TAKE_PTR(version);
		name = strdup(entry->d_name);
		if (!name)
			return -ENOMEM;
	}
	return name ? path_join(directory, name, out) : 0;
}

int pip_wheel_find(const char *stdlib, const char *wheel_dir, char **out)
{
	_cleanup_free_ char *configured = NULL, *bundled = NULL;
	int r = 0;

	*out = NULL;
	if (path_join(stdlib, "ensurepip/_bundled", &bundled) < 0)
		return -ENOMEM;
	if (wheel_dir) {
		r = path_absolute(wheel_dir, NULL, &configured);
		if (r == 0)
			r = newest_in(configured, out);
	}
	if (r == 0 && !*out)
		r = newest_in(bundled, out);
	if (r == 0 && !*out)
		r = newest_in(SYSTEM_WHEELS, out);
	return r;
}

int pip_check(const struct interpreter *interpreter, struct error *error)
{
	int r;

	if (interpreter->pip_wheel)
		return 0;
	r = error_set(error, -ENOENT,
		      "there is no pip for '%s': it has none of its own "
		      "(ensurepip), and the distribution's is not installed",
		      interpreter->executable);
	error_hint(error, "install the package python3-pip-whl (Debian, Ubuntu) or "
			  "python-pip-wheel (Fedora), or set 'pip = no' under [packages]");
	return r;
}

/* What is noted of it is remembered as answers of interpreters are: by path and identity. */

int pip_wheel_identity(const struct interpreter *interpreter, struct interpreter_identity *out)
{
	struct stat st;

	if (stat(interpreter->pip_wheel, &st) < 0)
		return -errno;
	*out = interpreter_identity_of(&st);
	return 0;
}

char *pip_wheel_recall(const struct interpreter *interpreter)
{
	struct interpreter_identity identity;
	_cleanup_json_ json_t *answer = NULL;
	const char *note;

	if (pip_wheel_identity(interpreter, &identity) < 0)
		return NULL;
	answer = interpreter_recall(interpreter->pip_wheel, &identity);
	note = json_string_value(answer);
	return note ? strdup(note) : NULL;
}

void pip_wheel_remember(const struct interpreter *interpreter,
			const struct interpreter_identity *identity, const char *note)
{
	_cleanup_json_ json_t *answer = json_string(note);

	if (answer)
		interpreter_remember(interpreter->pip_wheel, identity, answer);
}
