/* Images of layers: what is written is what is read, and nothing damaged is. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"
#include "tree/layer_image_format.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/image_writer.h"
#include "venvfs/io.h"
#include "venvfs/layer_image.h"

#define TIME 1500000000

static char root[] = "/tmp/venvfs-test-image-XXXXXX";
static int directory = -1; /* of the layer */

static void make_directory(void)
{
	strcpy(strrchr(root, '-'), "-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	directory = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(directory, 0);
}

static void remove_directory(void)
{
	close(directory);
	io_remove_tree(AT_FDCWD, root);
}

static void write_external(const char *path, const char *text)
{
	_cleanup_close_ int fd = -1;

	mkdirat(directory, "files", 0755);
	mkdirat(directory, "files/site", 0755);
	fd = openat(directory, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(io_write_all(fd, text, strlen(text)), 0);
}

/* An image with some of everything. */
static void write_sample(uint8_t digest[IMAGE_WRITER_DIGEST_SIZE])
{
	_cleanup_image_writer_ struct image_writer *writer = NULL;
	uint8_t external[IMAGE_WRITER_DIGEST_SIZE];

	memset(external, 0xab, sizeof(external));
	ck_assert_int_eq(image_writer_new(directory, TIME, &writer), 0);
	ck_assert_int_eq(
		image_writer_add_file(writer, "site/pkg/__init__.py", 0644, TIME + 1, "x = 1\n", 6),
		0);
	ck_assert_int_eq(image_writer_add_file(writer, "site/pkg.py", 0755, TIME, "", 0), 0);
	ck_assert_int_eq(image_writer_add_external(writer, "site/big.so", 0644, TIME, 5, external),
			 0);
	ck_assert_int_eq(image_writer_add_link(writer, "site/link", "pkg/__init__.py", TIME), 0);
	ck_assert_int_eq(image_writer_add_directory(writer, "site/empty", 0700, TIME), 0);
	ck_assert_int_eq(
		image_writer_add_file(writer, "data/share/man/man1/a.1", 0644, TIME, "man", 3), 0);
	ck_assert_int_eq(image_writer_finish(writer, digest), 0);
}

static struct layer_image *open_image(void)
{
	struct layer_image *image;
	struct error error = ERROR_INIT;
	int r = layer_image_open(directory, "sample", &image, &error);

	ck_assert_msg(r == 0, "%d: %s", r, error.message);
	return image;
}

static struct layer *open_sample(const char *part)
{
	_cleanup_layer_image_ struct layer_image *image = NULL;
	uint8_t digest[IMAGE_WRITER_DIGEST_SIZE];
	struct layer *layer;

	write_sample(digest);
	write_external("files/site/big.so", "12345");
	image = open_image();
	ck_assert_int_eq(layer_image_attach(image, part, "lib/x", &layer), 0);
	return layer;
}

static void assert_content(struct layer *layer, const char *path, const char *expected)
{
	_cleanup_content_ struct content *content = NULL;
	char bytes[64];
	ssize_t n;

	ck_assert_int_eq(layer->ops->open(layer, path, &content), 0);
	n = content_read(content, bytes, sizeof(bytes), 0);
	ck_assert_int_eq(n, (ssize_t)strlen(expected));
	ck_assert_mem_eq(bytes, expected, (size_t)n);
	/* From within, and never beyond the end, whatever lies behind it in the image. */
	n = content_read(content, bytes, sizeof(bytes), 1);
	ck_assert_int_eq(n, *expected ? (ssize_t)strlen(expected) - 1 : 0);
	ck_assert_int_eq(content_read(content, bytes, sizeof(bytes), 1000), 0);
}

START_TEST(what_was_written_is_read)
{
	struct layer *layer = open_sample("site");
	char target[64];
	struct stat st;

	ck_assert_str_eq(layer->attach, "lib/x");
	assert_content(layer, "pkg/__init__.py", "x = 1\n");
	assert_content(layer, "pkg.py", "");
	assert_content(layer, "big.so", "12345");
	ck_assert_int_eq(layer->ops->getattr(layer, "pkg/__init__.py", &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0644);
	ck_assert_int_eq(st.st_mtim.tv_sec, TIME + 1);
	ck_assert_int_eq(st.st_size, 6);
	ck_assert_int_eq(layer->ops->getattr(layer, "pkg", &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 0755);
	ck_assert_int_eq(layer->ops->getattr(layer, "empty", &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 0700);
	ck_assert_int_eq(layer->ops->readlink(layer, "link", target, sizeof(target)), 0);
	ck_assert_str_eq(target, "pkg/__init__.py");
	layer_free(layer);
}
END_TEST

START_TEST(what_is_not_there_is_not_found)
{
	struct layer *layer = open_sample("site");
	struct content *content;
	struct stat st;

	ck_assert_int_eq(layer->ops->getattr(layer, "pk", &st), -ENOENT);
	ck_assert_int_eq(layer->ops->getattr(layer, "pkg/x", &st), -ENOENT);
	ck_assert_int_eq(layer->ops->getattr(layer, "zzz", &st), -ENOENT);
	ck_assert_int_eq(layer->ops->getattr(layer, "pkg.py/x", &st), -ENOTDIR);
	ck_assert_int_eq(layer->ops->getattr(layer, "share", &st), -ENOENT);
	ck_assert_int_eq(layer->ops->open(layer, "pkg", &content), -EISDIR);
	ck_assert_int_eq(layer->ops->open(layer, "link", &content), -EINVAL);
	layer_free(layer);
}
END_TEST

static int collect(void *arg, const char *name, mode_t kind)
{
	buffer_printf(arg, "%s%s ", name, S_ISDIR(kind) ? "/" : S_ISLNK(kind) ? "@" : "");
	return 0;
}

START_TEST(a_directory_is_listed_in_order)
{
	struct layer *layer = open_sample("site");
	_cleanup_buffer_ struct buffer names = {0};

	ck_assert_int_eq(layer->ops->list(layer, "", collect, &names), 0);
	ck_assert_str_eq(names.data, "big.so empty/ link@ pkg/ pkg.py ");
	ck_assert_int_eq(layer->ops->list(layer, "pkg.py", collect, &names), -ENOTDIR);
	ck_assert_int_eq(layer->ops->list(layer, "none", collect, &names), -ENOENT);
	layer_free(layer);
}
END_TEST

START_TEST(parts_are_apart)
{
	struct layer *layer = open_sample("data");
	struct layer *none;
	_cleanup_layer_image_ struct layer_image *image = open_image();

	assert_content(layer, "share/man/man1/a.1", "man");
	ck_assert_int_eq(layer_image_attach(image, "headers", "", &none), -ENOENT);
	ck_assert_int_eq(layer_image_attach(image, "site/pkg.py", "", &none), -ENOENT);
	layer_free(layer);
}
END_TEST

static int describe(void *arg, const char *path, const struct stat *st, const uint8_t *digest)
{
	buffer_printf(arg, "%s:%d:%s ", path, (int)st->st_size, digest ? "files" : "image");
	return 0;
}

START_TEST(every_file_is_told_of)
{
	uint8_t digest[IMAGE_WRITER_DIGEST_SIZE];
	_cleanup_buffer_ struct buffer text = {0};
	_cleanup_layer_image_ struct layer_image *image = NULL;

	write_sample(digest);
	write_external("files/site/big.so", "12345");
	image = open_image();
	ck_assert_int_eq(layer_image_each(image, describe, &text), 0);
	ck_assert_ptr_nonnull(strstr(text.data, " site/big.so:5:files "));
	ck_assert_ptr_nonnull(strstr(text.data, " site/pkg/__init__.py:6:image "));
	ck_assert_int_lt(strstr(text.data, "site:") - text.data,
			 strstr(text.data, "site/pkg:") - text.data);
}
END_TEST

START_TEST(the_same_files_make_the_same_image)
{
	uint8_t first[IMAGE_WRITER_DIGEST_SIZE], second[IMAGE_WRITER_DIGEST_SIZE];

	write_sample(first);
	ck_assert_int_eq(unlinkat(directory, IMAGE_FILE, 0), 0);
	write_sample(second);
	ck_assert_mem_eq(first, second, sizeof(first));
}
END_TEST

START_TEST(a_changed_file_beside_the_image_is_noticed)
{
	struct layer *layer = open_sample("site");
	struct content *content;

	ck_assert_int_eq(unlinkat(directory, "files/site/big.so", 0), 0);
	ck_assert_int_eq(layer->ops->open(layer, "big.so", &content), -EIO);
	write_external("files/site/big.so", "123456");
	ck_assert_int_eq(layer->ops->open(layer, "big.so", &content), -EIO);
	ck_assert_int_eq(unlinkat(directory, "files/site/big.so", 0), 0);
	ck_assert_int_eq(symlinkat("/etc/passwd", directory, "files/site/big.so"), 0);
	ck_assert_int_lt(layer->ops->open(layer, "big.so", &content), 0);
	layer_free(layer);
}
END_TEST

/* What could be shown as links, and what never is. */
static const struct {
	const char *path;
	mode_t mode;
	uint64_t size;
	unsigned link; /* IMAGE_LINK_…; 0: none */
} linkable[] = {
	{"site/a/x.cpython-311-x86_64-linux-gnu.so", 0644, 10, IMAGE_LINK_LIBRARIES},
	{"site/a/libx.so.1.2", 0755, 1 << 30, IMAGE_LINK_LIBRARIES},
	{"site/a/__pycache__/x.cpython-311.pyc", 0644, 10, IMAGE_LINK_BYTECODE},
	{"site/a/x.pyc", 0644, 1 << 20, IMAGE_LINK_BYTECODE},
	{"site/a/program", 0755, 1 << 30, 0},
	{"site/a/data.bin", 0644, 1 << 30, 0},
	{"site/a/notes.so.txt", 0644, 1 << 30, 0},
	{"site/a/.pyc", 0644, 10, 0},
};

#define LINKABLE (sizeof(linkable) / sizeof(linkable[0]))

static struct layer *open_linkable(bool qt, unsigned what)
{
	_cleanup_image_writer_ struct image_writer *writer = NULL;
	_cleanup_layer_image_ struct layer_image *image = NULL;
	uint8_t digest[IMAGE_WRITER_DIGEST_SIZE] = {0};
	struct layer *layer;

	ck_assert_int_eq(image_writer_new(directory, TIME, &writer), 0);
	for (size_t i = 0; i < LINKABLE; i++)
		ck_assert_int_eq(image_writer_add_external(writer, linkable[i].path,
							   linkable[i].mode, TIME + 3,
							   linkable[i].size, digest),
				 0);
	ck_assert_int_eq(image_writer_add_file(writer, "site/a/inside.pyc", 0644, TIME, "x", 1), 0);
	if (qt)
		image_writer_mark_qt_plugins(writer);
	ck_assert_int_eq(image_writer_finish(writer, digest), 0);
	mkdirat(directory, "files", 0755);
	image = open_image();
	ck_assert_int_eq(layer_image_set_links(image, "/srv/store/layers/x", what), 0);
	ck_assert_int_eq(layer_image_attach(image, "site", "lib/x", &layer), 0);
	ck_assert_int_eq(unlinkat(directory, IMAGE_FILE, 0), 0);
	return layer;
}

/* That attributes, target and listing agree on what @path is. */
static void assert_shown(struct layer *layer, size_t i, bool link)
{
	_cleanup_buffer_ struct buffer names = {0};
	_cleanup_free_ char *expected = NULL, *marked = NULL;
	const char *path = linkable[i].path + strlen("site/");
	struct content *content;
	char target[256];
	struct stat st;

	ck_assert_int_eq(layer->ops->getattr(layer, path, &st), 0);
	ck_assert_int_eq(st.st_mtim.tv_sec, TIME + 3);
	ck_assert_msg(S_ISLNK(st.st_mode) == link, "%s", path);
	ck_assert_int_eq(layer->ops->list(layer, strstr(path, "__") ? "a/__pycache__" : "a",
					  collect, &names),
			 0);
	ck_assert_int_gt(asprintf(&marked, "%s%s ", strrchr(path, '/') + 1, link ? "@" : ""), 0);
	ck_assert_msg(strstr(names.data, marked) != NULL, "%s: %s", path, names.data);
	if (!link) {
		ck_assert_int_eq(st.st_size, (off_t)linkable[i].size);
		ck_assert_int_eq(layer->ops->readlink(layer, path, target, sizeof(target)),
				 -EINVAL);
		return;
	}
	ck_assert_int_gt(asprintf(&expected, "/srv/store/layers/x/files/%s", linkable[i].path), 0);
	ck_assert_int_eq(layer->ops->readlink(layer, path, target, sizeof(target)), 0);
	ck_assert_str_eq(target, expected);
	ck_assert_int_eq(st.st_size, (off_t)strlen(expected));
	ck_assert_int_eq(layer->ops->readlink(layer, path, target, strlen(expected)),
			 -ENAMETOOLONG);
	ck_assert_int_eq(layer->ops->open(layer, path, &content), -EINVAL);
}

START_TEST(what_is_wanted_is_shown_as_links)
{
	for (unsigned what = 0; what < 4; what++) {
		for (int qt = 0; qt < 2; qt++) {
			struct layer *layer = open_linkable(qt, what);
			unsigned links = qt ? what & ~(unsigned)IMAGE_LINK_LIBRARIES : what;
			struct stat st;

			for (size_t i = 0; i < LINKABLE; i++)
				assert_shown(layer, i, linkable[i].link & links);
			/* There is no file of its own that a link could lead to. */
			ck_assert_int_eq(layer->ops->getattr(layer, "a/inside.pyc", &st), 0);
			ck_assert(S_ISREG(st.st_mode));
			layer_free(layer);
		}
	}
}
END_TEST

START_TEST(a_target_that_is_too_long_is_no_link)
{
	_cleanup_layer_image_ struct layer_image *image = NULL;
	char base[4096 - 10];
	struct layer *layer;
	struct stat st;

	layer_free(open_linkable(false, 0));
	layer = open_sample("site");
	layer_free(layer);
	memset(base, 'a', sizeof(base) - 1);
	base[0] = '/';
	base[sizeof(base) - 1] = '\0';
	image = open_image();
	ck_assert_int_eq(layer_image_set_links(image, base, IMAGE_LINK_LIBRARIES), 0);
	ck_assert_int_eq(layer_image_attach(image, "site", "", &layer), 0);
	ck_assert_int_eq(layer->ops->getattr(layer, "big.so", &st), 0);
	ck_assert(S_ISREG(st.st_mode));
	layer_free(layer);
}
END_TEST

START_TEST(bad_paths_are_refused)
{
	static const char *const paths[] = {
		"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "a/./b", ".wh.a", "a/.wh..wh..opq",
	};
	_cleanup_image_writer_ struct image_writer *writer = NULL;
	char deep[2 * 200] = "a";

	ck_assert_int_eq(image_writer_new(directory, TIME, &writer), 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		ck_assert_int_eq(image_writer_add_file(writer, paths[i], 0644, TIME, "", 0),
				 -EINVAL);
		ck_assert_int_eq(image_writer_add_directory(writer, paths[i], 0755, TIME), -EINVAL);
	}
	for (int i = 0; i < 128; i++)
		strcat(deep, "/a");
	ck_assert_int_eq(image_writer_add_file(writer, deep, 0644, TIME, "", 0), -EINVAL);
	ck_assert_int_eq(image_writer_add_file(writer, "suid", 04755, TIME, "", 0), -EINVAL);
	ck_assert_int_eq(image_writer_add_link(writer, "link", "", TIME), -EINVAL);
}
END_TEST

START_TEST(contradictions_are_refused)
{
	uint8_t digest[IMAGE_WRITER_DIGEST_SIZE];

	for (int i = 0; i < 2; i++) {
		_cleanup_image_writer_ struct image_writer *writer = NULL;

		ck_assert_int_eq(image_writer_new(directory, TIME, &writer), 0);
		ck_assert_int_eq(image_writer_add_file(writer, "a", 0644, TIME, "", 0), 0);
		ck_assert_int_eq(image_writer_add_file(writer, i ? "a" : "a/b", 0644, TIME, "", 0),
				 0);
		ck_assert_int_eq(image_writer_finish(writer, digest), i ? -EEXIST : -ENOTDIR);
		unlinkat(directory, IMAGE_FILE, 0);
	}
}
END_TEST

/* Damage. */

static void read_image(struct buffer *out)
{
	ck_assert_int_eq(io_read_file(directory, IMAGE_FILE, 1 << 20, out), 0);
}

static void replace_image(const char *bytes, size_t size)
{
	_cleanup_close_ int fd = openat(directory, IMAGE_FILE, O_WRONLY | O_TRUNC | O_CLOEXEC);

	ck_assert_int_eq(io_write_all(fd, bytes, size), 0);
}

static int look(void *arg, const char *path, const struct stat *st, const uint8_t *digest)
{
	uint8_t sum = 0;

	for (int i = 0; digest && i < IMAGE_WRITER_DIGEST_SIZE; i++)
		sum ^= digest[i];
	*(size_t *)arg += strlen(path) + (size_t)st->st_mode + sum;
	return 0;
}

/* Opens the image, and if it can be opened, looks at all that is in it. */
static int open_and_look(void)
{
	_cleanup_layer_image_ struct layer_image *image = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	size_t sum = 0;
	int r = layer_image_open(directory, "sample", &image, &error);

	ck_assert(r == 0 || error.message);
	return r < 0 ? r : layer_image_each(image, look, &sum);
}

START_TEST(an_image_that_is_cut_off_is_refused)
{
	uint8_t digest[IMAGE_WRITER_DIGEST_SIZE];
	_cleanup_buffer_ struct buffer image = {0};

	write_sample(digest);
	write_external("files/site/big.so", "12345");
	read_image(&image);
	ck_assert_int_eq(open_and_look(), 0);
	for (size_t size = 0; size < image.length; size++) {
		replace_image(image.data, size);
		ck_assert_int_eq(open_and_look(), -EUCLEAN);
	}
	buffer_putc(&image, 'x');
	replace_image(image.data, image.length);
	ck_assert_int_eq(open_and_look(), -EUCLEAN);
}
END_TEST

/* Whether the change of that byte sets a flag that there is. */
static bool is_flag(size_t offset, unsigned char bits)
{
	return offset == offsetof(struct image_header, flags) && bits == IMAGE_QT_PLUGINS;
}

/* No change of a byte does worse than to show other bytes. */
START_TEST(a_damaged_byte_does_no_harm)
{
	static const unsigned char flips[] = {0x01, 0x80, 0xff};
	uint8_t digest[IMAGE_WRITER_DIGEST_SIZE];
	_cleanup_buffer_ struct buffer image = {0};
	size_t refused = 0, header = sizeof(struct image_header);

	write_sample(digest);
	write_external("files/site/big.so", "12345");
	read_image(&image);
	for (size_t i = 0; i < image.length; i++) {
		for (size_t k = 0; k < sizeof(flips); k++) {
			int r;

			image.data[i] = (char)(image.data[i] ^ flips[k]);
			replace_image(image.data, image.length);
			r = open_and_look();
			ck_assert(r == 0 || r == -EUCLEAN || r == -EPROTO);
			ck_assert_msg(i >= header || r < 0 || is_flag(i, flips[k]),
				      "byte %zu of the header", i);
			refused += r < 0;
			image.data[i] = (char)(image.data[i] ^ flips[k]);
		}
	}
	ck_assert_uint_gt(refused, image.length);
}
END_TEST

START_TEST(a_newer_version_is_named)
{
	uint8_t digest[IMAGE_WRITER_DIGEST_SIZE];
	_cleanup_buffer_ struct buffer image = {0};
	struct layer_image *opened;
	_cleanup_error_ struct error error = ERROR_INIT;

	write_sample(digest);
	read_image(&image);
	((struct image_header *)(void *)image.data)->version = htole32(IMAGE_VERSION + 1);
	replace_image(image.data, image.length);
	ck_assert_int_eq(layer_image_open(directory, "sample", &opened, &error), -EPROTO);
	ck_assert_ptr_nonnull(strstr(error.message, "version 2"));
}
END_TEST

START_TEST(scripts_are_shown_with_their_first_line)
{
	struct layer *layer;
	char target[64];
	struct stat st;

	ck_assert_int_eq(layer_scripts_new(open_sample("site"), "#!/a b/python\n", &layer), 0);
	ck_assert_str_eq(layer->attach, "lib/x");
	assert_content(layer, "pkg/__init__.py", "#!/a b/python\nx = 1\n");
	assert_content(layer, "pkg.py", "#!/a b/python\n");
	assert_content(layer, "big.so", "#!/a b/python\n12345");
	ck_assert_int_eq(layer->ops->getattr(layer, "pkg/__init__.py", &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0644);
	ck_assert_int_eq(st.st_mtim.tv_sec, TIME + 1);
	ck_assert_int_eq(st.st_size, (off_t)strlen("#!/a b/python\nx = 1\n"));
	/* What is no file stays as it is. */
	ck_assert_int_eq(layer->ops->getattr(layer, "link", &st), 0);
	ck_assert_int_eq(st.st_size, (off_t)strlen("pkg/__init__.py"));
	ck_assert_int_eq(layer->ops->readlink(layer, "link", target, sizeof(target)), 0);
	ck_assert_str_eq(target, "pkg/__init__.py");
	ck_assert_int_eq(layer->ops->getattr(layer, "absent", &st), -ENOENT);
	layer_free(layer);
}
END_TEST

START_TEST(lost_files_are_noticed)
{
	uint8_t digest[IMAGE_WRITER_DIGEST_SIZE];
	struct layer_image *opened;
	_cleanup_error_ struct error error = ERROR_INIT;

	ck_assert_int_eq(layer_image_open(directory, "sample", &opened, &error), -ENOENT);
	write_sample(digest);
	ck_assert_int_eq(layer_image_open(directory, "sample", &opened, &error), -EUCLEAN);
	ck_assert_ptr_nonnull(strstr(error.message, "lost its files"));
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("layer_image");

	tcase_add_checked_fixture(tests, make_directory, remove_directory);
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, what_was_written_is_read);
	tcase_add_test(tests, what_is_not_there_is_not_found);
	tcase_add_test(tests, a_directory_is_listed_in_order);
	tcase_add_test(tests, parts_are_apart);
	tcase_add_test(tests, every_file_is_told_of);
	tcase_add_test(tests, the_same_files_make_the_same_image);
	tcase_add_test(tests, a_changed_file_beside_the_image_is_noticed);
	tcase_add_test(tests, what_is_wanted_is_shown_as_links);
	tcase_add_test(tests, a_target_that_is_too_long_is_no_link);
	tcase_add_test(tests, bad_paths_are_refused);
	tcase_add_test(tests, contradictions_are_refused);
	tcase_add_test(tests, an_image_that_is_cut_off_is_refused);
	tcase_add_test(tests, a_damaged_byte_does_no_harm);
	tcase_add_test(tests, a_newer_version_is_named);
	tcase_add_test(tests, scripts_are_shown_with_their_first_line);
	tcase_add_test(tests, lost_files_are_noticed);
	return run_tests("layer_image", tests);
}
