#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "venv.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/path.h"
#include "venvfs/io.h"

#define CFG_LIMIT 65536

int venv_open_file(const struct venv *venv, const char *path)
{
	_cleanup_close_ int fd =
		path_open_beneath(venv->root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? TAKE_FD(fd) : -EINVAL;
}

/* The value of @key in a pyvenv.cfg, as CPython reads it; to be freed. NULL: it has none. */
static char *find_value(const char *text, const char *key)
{
	while (*text) {
		size_t line = strcspn(text, "\r\n");
		const char *equals = memchr(text, '=', line);
		size_t length = equals ? (size_t)(equals - text) : 0;

		while (length > 0 && strchr(" \t", text[length - 1]))
			length--;
		if (equals && length == strlen(key) && strncasecmp(text, key, length) == 0) {
			const char *value = equals + 1, *end = text + line;

			while (value < end && strchr(" \t", *value))
				value++;
			while (end > value && strchr(" \t", end[-1]))
				end--;
			return strndup(value, (size_t)(end - value));
		}
		text += line + (text[line] != '\0');
	}
	return NULL;
}

static int read_cfg(const struct venv *venv, struct buffer *out, struct error *error)
{
	_cleanup_close_ int fd = venv_open_file(venv, "pyvenv.cfg");
	int r = fd < 0 ? fd : io_read_fd(fd, CFG_LIMIT, out);

	buffer_append(out, "", 0);
	if (r == 0)
		r = buffer_status(out);
	return r < 0 ? error_set_errno(error, r, "%s is no virtual environment: pyvenv.cfg",
				       venv->path)
		     : 0;
}

/* Only what is root's or ours, and nobody else may change, is run. */
static int check_program(const char *path, struct error *error)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	struct stat st;

	if (!real || stat(real, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || access(real, X_OK) < 0)
		return -ENOENT;
	if ((st.st_uid == 0 || st.st_uid == geteuid()) && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	error_set(error, -EPERM, "the interpreter %s can be changed by others, and is not run",
		  real);
	error_hint(error, "name one that you trust with --python");
	return -EPERM;
}

/* The base that pyvenv.cfg names: `home` and the version. */
static int find_base(const struct venv *venv, const char *cfg, char **out, struct error *error)
{
	_cleanup_free_ char *home = find_value(cfg, "home");
	_cleanup_free_ char *version = find_value(cfg, "version");
	static const char *const plain[] = {"python3", "python"};
	int r = -ENOENT;

	if (!version)
		version = find_value(cfg, "version_info");
	if (!home || home[0] != '/')
		return error_set(error, -EINVAL, "%s/pyvenv.cfg names no home", venv->path);
	if (version) {
		const char *dot = strchr(version, '.');
		size_t length = dot ? (size_t)(dot - version) + 1 + strcspn(dot + 1, ".") : 0;

		if (length > 0 && strspn(version, "0123456789.") >= length &&
		    asprintf(out, "%s/python%.*s", home, (int)length, version) > 0) {
			r = check_program(*out, error);
			if (r == 0 || r == -EPERM)
				return r;
			free(TAKE_PTR(*out));
		}
	}
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (path_join(home, plain[i], out) < 0)
			return -ENOMEM;
		r = check_program(*out, error);
		if (r == 0 || r == -EPERM)
			return r;
		free(TAKE_PTR(*out));
	}
	return error_set(error, -ENOENT, "the base of %s, in %s, is gone", venv->path, home);
}

static int open_site(struct venv *venv, struct error *error)
{
	venv->site_path = interpreter_site_packages(venv->interpreter);
	if (!venv->site_path)
		return -ENOMEM;
	venv->site = path_open_beneath(venv->root, venv->site_path, O_RDONLY | O_DIRECTORY, 0);
	return venv->site < 0
		       ? error_set_errno(error, venv->site, "%s/%s", venv->path, venv->site_path)
		       : 0;
}

/* A prompt as a spec can have it, or NULL. */
static char *clean_prompt(char *prompt)
{
	size_t length = prompt ? strlen(prompt) : 0;

	/* 3.13 and virtualenv write it quoted. */
	if (length >= 2 && strchr("'\"", prompt[0]) && prompt[length - 1] == prompt[0]) {
		memmove(prompt, prompt + 1, length - 2);
		prompt[length - 2] = '\0';
	}
	for (const char *p = prompt; p && *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f || strchr(";#\\", *p)) {
			free(prompt);
			return NULL;
		}
	}
	if (prompt && !*prompt) {
		free(prompt);
		return NULL;
	}
	return prompt;
}

int venv_open(const char *path, const char *python, struct venv *out, struct error *error)
{
	_cleanup_buffer_ struct buffer cfg = {0};
	_cleanup_free_ char *base = NULL, *system = NULL;
	int r;

	*out = (struct venv){.root = -1, .site = -1};
	r = path_absolute(path, NULL, &out->path);
	if (r < 0)
		return r;
	out->root = open(out->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	out->real = out->root < 0 ? NULL : realpath(out->path, NULL);
	if (!out->real)
		return error_set_errno(error, -errno, "%s", out->path);
	r = read_cfg(out, &cfg, error);
	if (r == 0 && !python)
		r = find_base(out, cfg.data, &base, error);
	if (r == 0)
		r = interpreter_probe(python ? python : base, &out->interpreter, error);
	if (r == 0)
		r = open_site(out, error);
	if (r < 0)
		return r;
	out->prompt = clean_prompt(find_value(cfg.data, "prompt"));
	system = find_value(cfg.data, "include-system-site-packages");
	/* As site.py reads it: absent means yes. */
	out->system_site_packages = !system || strcasecmp(system, "true") == 0;
	return 0;
}

void venv_clear(struct venv *venv)
{
	cleanup_close(&venv->site);
	cleanup_close(&venv->root);
	interpreter_free(venv->interpreter);
	free(venv->path);
	free(venv->real);
	free(venv->site_path);
	free(venv->prompt);
}
