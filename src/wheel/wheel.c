#include "venvfs/wheel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "venvfs/cleanup.h"
#include "venvfs/path.h"
#include "wheel_internal.h"

static int read_wheel(struct wheel *wheel, const char *file_name, struct error *error)
{
	int r = wheel_name_parse(file_name, &wheel->name, error);

	if (r == -EINVAL)
		r = -EBADMSG;
	if (r == 0)
		r = archive_open(wheel->fd, &wheel->archive, error);
	if (r == 0)
		r = wheel_read_info(wheel, error);
	if (r == 0)
		r = wheel_lay_out(wheel, error);
	return r;
}

int wheel_open_fd(int fd, const char *file_name, struct wheel **out, struct error *error)
{
	_cleanup_wheel_ struct wheel *wheel = calloc(1, sizeof(*wheel));
	int r;

	if (!wheel) {
		close(fd);
		return -ENOMEM;
	}
	wheel->fd = fd;
	r = read_wheel(wheel, file_name, error);
	if (r < 0) {
		error_at(error, file_name, 0);
		return r;
	}
	*out = TAKE_PTR(wheel);
	return 0;
}

int wheel_open(const char *path, struct wheel **out, struct error *error)
{
	/* Not held up by a FIFO, which is refused later. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r;

	if (fd < 0)
		r = error_set_errno(error, -errno, "cannot open the wheel");
	else
		r = wheel_open_fd(fd, path_basename(path), out, error);
	if (r < 0)
		error_at(error, path, 0);
	return r;
}

void wheel_free(struct wheel *wheel)
{
	if (!wheel)
		return;
	wheel_name_clear(&wheel->name);
	wheel_metadata_clear(&wheel->metadata);
	entry_points_clear(&wheel->entry_points);
	free(wheel->dist_info);
	free(wheel->files);
	string_list_clear(&wheel->warnings);
	record_clear(&wheel->record);
	archive_free(wheel->archive);
	close(wheel->fd);
	free(wheel);
}

void wheel_freep(struct wheel **wheel)
{
	wheel_free(*wheel);
}
