/*
 * The packages that were not taken over. Which files are theirs is for the report, and so that it
 * is known what is there again once files were copied: it is RECORD that tells, where there is one
 * that can be read, else the names of its modules.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "venv.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/path.h"
#include "venvfs/project_name.h"

/* 1: there is no RECORD that says anything. One that contradicts itself still lists files. */
static int add_record(struct venv_left *left, const struct venv *venv, const char *entry)
{
	_cleanup_buffer_ struct buffer text = {0};
	_cleanup_string_list_ struct string_list rows = {0};
	int r = venv_read_info(venv, entry, "RECORD", &text);

	if (r == 0)
		r = record_list_paths(text.data, text.length, &rows);
	if (r < 0)
		return r == -ENOMEM ? r : 1;
	for (size_t i = 0; r == 0 && i < rows.count; i++) {
		_cleanup_free_ char *path = NULL;

		r = venv_row_path(venv, rows.items[i], &path);
		if (r == 0)
			r = string_list_add(&left->paths, path, strlen(path));
		else if (r == -EXDEV)
			r = 0;
	}
	venv_list_sort(&left->paths);
	return r < 0 ? r : left->paths.count == 0;
}

/* @name of site-packages, and all below it. */
static int add_root(struct venv_left *left, const struct venv *venv, const char *name,
		    const char *suffix)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s%s", venv->site_path, name, suffix) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return string_list_add(&left->roots, path, strlen(path));
}

static int add_module(struct venv_left *left, const struct venv *venv, const char *name)
{
	int r = add_root(left, venv, name, "");

	return r < 0 ? r : add_root(left, venv, name, ".py");
}

/* Modules as top_level.txt of setuptools names them, or else one of the package's own name. */
static int add_modules(struct venv_left *left, const struct venv *venv, const char *entry)
{
	_cleanup_buffer_ struct buffer text = {0};
	_cleanup_free_ char *name = strdup(left->normalised);
	char *save = NULL, *line;
	int r = venv_read_info(venv, entry, "top_level.txt", &text);

	if (r == -ENOMEM || !name)
		return -ENOMEM;
	if (r < 0) {
		for (char *p = name; *p; p++)
			if (*p == '-')
				*p = '_';
		return add_module(left, venv, name);
	}
	r = 0;
	for (line = strtok_r(text.data, "\r\n", &save); r == 0 && line;
	     line = strtok_r(NULL, "\r\n", &save))
		r = add_module(left, venv, line);
	return r;
}

/* Its name: the one that is reported, but that may be the entry's own, or have the version that an
 * egg has. */
static char *name_of(const char *package, const char *entry)
{
	bool is_link = strlen(entry) > 9 && strcmp(entry + strlen(entry) - 9, ".egg-link") == 0;
	const char *suffix = strrchr(entry, '.');
	size_t length = strlen(package), stem = suffix ? (size_t)(suffix - entry) : strlen(entry);

	if (!is_link && strncmp(package, entry, stem) == 0)
		length = strcspn(package, "-");
	return project_name_normalise(package, length);
}

int venv_left_add(struct venv_lefts *lefts, const struct venv *venv, const char *package,
		  const char *entry, size_t finding)
{
	struct venv_left *items = reallocarray(lefts->items, lefts->count + 1, sizeof(*items));
	struct venv_left *left;
	int r;

	if (!items)
		return -ENOMEM;
	lefts->items = items;
	left = &items[lefts->count++];
	*left = (struct venv_left){.package = strdup(package),
				   .normalised = name_of(package, entry),
				   .finding = finding};
	if (!left->package || !left->normalised)
		return -ENOMEM;
	r = add_root(left, venv, entry, "");
	if (r == 0)
		r = add_record(left, venv, entry);
	return r == 1 ? add_modules(left, venv, entry) : r;
}

void venv_lefts_clear(struct venv_lefts *lefts)
{
	for (size_t i = 0; i < lefts->count; i++) {
		free(lefts->items[i].package);
		free(lefts->items[i].normalised);
		string_list_clear(&lefts->items[i].paths);
		string_list_clear(&lefts->items[i].roots);
	}
	free(lefts->items);
}

static bool has(const struct venv_left *left, const char *path)
{
	if (venv_list_has(&left->paths, path))
		return true;
	for (size_t i = 0; i < left->roots.count; i++)
		if (path_is_within(path, left->roots.items[i]))
			return true;
	return false;
}

const struct venv_left *venv_left_owner(const struct venv_lefts *lefts, const char *path)
{
	for (size_t i = 0; i < lefts->count; i++)
		if (has(&lefts->items[i], path))
			return &lefts->items[i];
	return NULL;
}

const struct venv_left *venv_left_find(const struct venv_lefts *lefts, const char *normalised)
{
	for (size_t i = 0; i < lefts->count; i++)
		if (strcmp(lefts->items[i].normalised, normalised) == 0)
			return &lefts->items[i];
	return NULL;
}
