/* Which wheel a requirement takes, and whether what was taken goes together. What pip makes of the
 * same is compared in integration/resolve.test; here is what pip cannot be asked, and pylock.toml.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"
#include "resolve/pylock.h"
#include "resolve/resolve.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"

#define R "/srv/r.txt"

static char root[] = "/tmp/venvfs-test-resolve-XXXXXX";
static struct target target;
static struct candidates candidates;

/* The wheels that there are, and what their METADATA says besides. */
static const struct {
	const char *file, *more;
} wheels[] = {
	{"foo-1.0-py3-none-any.whl", ""},
	{"foo-1.0-cp311-cp311-linux_x86_64.whl", ""},
	{"foo-2.0-1-py3-none-any.whl", ""},
	{"foo-2.0-12-py3-none-any.whl", ""},
	{"foo-2.0-2-py3-none-any.whl", ""},
	{"foo-3.0rc1-py3-none-any.whl", ""},
	{"foo-4.0-cp27-cp27m-win32.whl", ""},
	{"wants-1.0-py3-none-any.whl",
	 "Provides-Extra: X_y\nRequires-Dist: foo<2\nRequires-Dist: bar; extra == 'x-y'\n"},
	{"bar-1.0-py3-none-any.whl", "Requires-Python: >=3.99\n"},
	{"bar-0.9-py3-none-any.whl", ""},
};

static void set_up(void)
{
	_cleanup_close_ int fd = -1;

	strcpy(strrchr(root, '-'), "-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	for (int i = 0; i < COUNT(wheels); i++)
		ck_assert_int_eq(io_publish(fd, wheels[i].file, "", 0, 0644), 0);
	ck_assert_int_eq(
		target_decode(json_pack("{s:{s:s, s:s, s:s}, s:s}", "markers", "python_version",
					"3.11", "python_full_version", "3.11.2", "os_name", "posix",
					"tags",
					"cp311-cp311-linux_x86_64 py311-none-any py3-none-any"),
			      &target),
		0);
	ck_assert_int_eq(candidates_add_directory(&candidates, root, &target), 0);
	ck_assert_uint_eq(candidates.count, COUNT(wheels));
	for (size_t i = 0; i < candidates.count; i++) {
		struct candidate *candidate = candidates.items[i];
		_cleanup_buffer_ struct buffer text = {0};

		buffer_printf(&text, "Metadata-Version: 2.1\nName: %s\nVersion: %s\n",
			      candidate->name.name, candidate->name.version.text);
		for (int k = 0; k < COUNT(wheels); k++)
			if (strcmp(wheels[k].file, candidate->file) == 0)
				buffer_puts(&text, wheels[k].more);
		ck_assert_int_eq(wheel_metadata_parse(text.data, text.length, &candidate->metadata,
						      NULL, NULL),
				 0);
		candidate->has_metadata = true;
	}
}

static void tear_down(void)
{
	candidates_clear(&candidates);
	target_clear(&target);
	io_remove_tree(AT_FDCWD, root);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What a requirements file comes to: its files and warnings, "pip: REASON", or "error: …; …". */
static char *outcome(const char *text, bool given, bool more_elsewhere)
{
	_cleanup_requirements_ struct requirements *requirements = NULL;
	_cleanup_error_list_ struct error_list errors = {0}, missing = {0};
	_cleanup_resolution_ struct resolution resolution = {0};
	struct resolve_request request = {.target = &target,
					  .candidates = &candidates,
					  .given = given,
					  .more_elsewhere = more_elsewhere};
	struct buffer out = {0};
	int r = requirements_parse(R, text, strlen(text), &requirements, &errors);

	ck_assert_int_eq(r, 0);
	request.requirements = requirements;
	r = resolve(&request, &resolution, &errors, &missing);
	ck_assert(r == 0 || r == 1 || r == -EINVAL);
	if (r == 1) {
		buffer_printf(&out, "pip: %s", resolution.reason);
	} else if (r < 0) {
		ck_assert_uint_gt(errors.count, 0);
		buffer_puts(&out, "error: ");
		for (size_t i = 0; i < errors.count; i++)
			buffer_printf(&out, "%s%s:%u: %s", i > 0 ? "; " : "", errors.items[i].file,
				      errors.items[i].line, errors.items[i].message);
	} else {
		const char *files[16];

		for (size_t i = 0; i < resolution.count; i++)
			files[i] = resolution.items[i].candidate->file;
		if (resolution.count > 0)
			qsort(files, resolution.count, sizeof(files[0]), by_text);
		for (size_t i = 0; i < resolution.count; i++)
			buffer_printf(&out, "%s%s", i > 0 ? " " : "", files[i]);
		for (size_t i = 0; i < resolution.warnings.count; i++)
			buffer_printf(&out, "; %s", resolution.warnings.items[i]);
	}
	return buffer_take(&out);
}

static const struct {
	const char *text;
	bool more_elsewhere;
	const char *outcome;
} cases[] = {
	{"", true, ""},
	{"foo==1.0", true, "foo-1.0-cp311-cp311-linux_x86_64.whl"},
	{"FOO==1", true, "foo-1.0-cp311-cp311-linux_x86_64.whl"},
	{"foo==2.0", true, "foo-2.0-12-py3-none-any.whl"},
	{"foo==3.0rc1", true, "foo-3.0rc1-py3-none-any.whl"},
	{"foo", false, "foo-2.0-12-py3-none-any.whl"},
	{"foo>2", false, "foo-3.0rc1-py3-none-any.whl"},
	{"--pre\nfoo", false, "foo-3.0rc1-py3-none-any.whl"},
	{"foo==1.0\nfoo[no, such]", true,
	 "foo-1.0-cp311-cp311-linux_x86_64.whl; " R ":2: foo 1.0 has no extra 'no'; " R
	 ":2: foo 1.0 has no extra 'such'"},
	{"foo", true, "pip: foo is not pinned to a version"},
	{"foo==9", true, "pip: there is no wheel of foo at hand"},
	{"foo==4.0", true, "pip: there is no wheel of foo at hand"},
	{"foo==4.0", false,
	 "error: " R ":1: no wheel of foo==4.0 has a tag for this Python: there is "
	 "foo-4.0-cp27-cp27m-win32.whl"},
	{"absent==1", false, "error: " R ":1: there is no wheel of absent==1 at hand"},
	{"wants==1.0", false, "foo-1.0-cp311-cp311-linux_x86_64.whl wants-1.0-py3-none-any.whl"},
	{"wants==1.0", true, "pip: foo is not pinned to a version"},
	{"wants==1.0\nfoo==1.0", true,
	 "foo-1.0-cp311-cp311-linux_x86_64.whl wants-1.0-py3-none-any.whl"},
	{"foo==2.0\nwants==1.0", true,
	 "error: " R ":2: foo<2 (required by wants 1.0) is in conflict with foo 2.0"},
	{"foo\nwants", false, "pip: versions of foo must be tried"},
	{"wants[X.Y]==1.0\nfoo==1.0", false,
	 "bar-0.9-py3-none-any.whl foo-1.0-cp311-cp311-linux_x86_64.whl "
	 "wants-1.0-py3-none-any.whl"},
	{"bar==1.0", true, "error: " R ":1: bar 1.0 requires Python >=3.99, and this is 3.11.2"},
	{"foo==1.0\nfoo==2.0\nabsent==1\nbar==1.0", false,
	 "error: " R ":2: foo==2.0 is in conflict with foo 1.0; " R
	 ":3: there is no wheel of absent==1 at hand; " R ":4: bar 1.0 "
	 "requires Python >=3.99, and this is 3.11.2"},
	{"foo==1.0 ; os_name == 'nt'", true, ""},
	{"-e .", true, "pip: " R ":1: an editable install"},
	{"foo @ https://example.com/foo.zip", true, "pip: " R ":1: a URL to fetch or to build"},
	{"foo @ https://example.com/foo.zip ; os_name == 'nt'", true, ""},
};

START_TEST(requirements_come_to)
{
	_cleanup_free_ char *got = outcome(cases[_i].text, false, cases[_i].more_elsewhere);

	ck_assert_str_eq(got, cases[_i].outcome);
}
END_TEST

/* What pip came to is one wheel for each project. */
START_TEST(what_pip_came_to_is_checked)
{
	static const struct {
		const char *drop, *text, *outcome;
	} given[] = {
		{"foo-2", "wants\nfoo",
		 "foo-1.0-cp311-cp311-linux_x86_64.whl wants-1.0-py3-none-any.whl"},
		{"foo-1", "wants",
		 "error: " R ":1: there is no wheel of foo<2 (required by wants "
		 "1.0) at hand, but foo-2.0-12-py3-none-any.whl"},
		{"foo-", "wants",
		 "error: " R ":1: there is no wheel of foo<2 (required by wants "
		 "1.0) at hand"},
		{"foo-2", "-e .\nwants",
		 "foo-1.0-cp311-cp311-linux_x86_64.whl "
		 "wants-1.0-py3-none-any.whl"},
	};
	static const char *const never[] = {"foo-1.0-py3", "foo-2.0-1-", "foo-2.0-2-",
					    "foo-3",       "foo-4",      "bar-"};
	_cleanup_free_ char *got = NULL;
	size_t kept = 0;

	for (size_t i = 0; i < candidates.count; i++) {
		struct candidate *candidate = candidates.items[i], *other;
		bool drop = strncmp(candidate->file, given[_i].drop, strlen(given[_i].drop)) == 0;

		for (int k = 0; k < COUNT(never); k++)
			drop = drop || strncmp(candidate->file, never[k], strlen(never[k])) == 0;
		if (drop)
			continue;
		other = candidates.items[kept];
		candidates.items[kept++] = candidate;
		candidates.items[i] = other;
	}
	{
		size_t all = candidates.count;

		candidates.count = kept;
		got = outcome(given[_i].text, true, false);
		candidates.count = all;
	}
	ck_assert_str_eq(got, given[_i].outcome);
}
END_TEST

START_TEST(pylock_files_are_called_so)
{
	ck_assert(pylock_is_name("pylock.toml"));
	ck_assert(pylock_is_name("pylock.dev.toml"));
	ck_assert(!pylock_is_name("pylock..toml"));
	ck_assert(!pylock_is_name("pylock.a.b.toml"));
	ck_assert(!pylock_is_name("pylock.toml.txt"));
	ck_assert(!pylock_is_name("mypylock.toml"));
	ck_assert(!pylock_is_name("requirements.txt"));
}
END_TEST

#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HASHES "\"hashes\": {\"sha256\": \"" HEX "\"}"
#define HEAD   "{\"lock-version\": \"1.0\", "

/* A pylock.toml as JSON, and "NAME==VERSION FILE [PATH]" of what is taken, or what is wrong. */
static const struct {
	const char *json, *outcome;
} pylocks[] = {
	{HEAD "\"packages\": []}", ""},
	{HEAD "\"packages\": [{\"name\": \"A.b\", \"wheels\": [{\"url\": "
	      "\"https://x/y/a_b-1%2Bc-py3-none-any.whl?q#f\", " HASHES "}]}]}",
	 "a-b==1+c a_b-1+c-py3-none-any.whl -"},
	{HEAD "\"packages\": [{\"name\": \"a\", \"version\": \"1.0\", \"wheels\": ["
	      "{\"path\": \"w/a-1-py3-none-any.whl\", " HASHES "}, "
	      "{\"path\": \"w/a-1-cp311-cp311-linux_x86_64.whl\", " HASHES "}]}]}",
	 "a==1.0 a-1-cp311-cp311-linux_x86_64.whl /srv/w/a-1-cp311-cp311-linux_x86_64.whl"},
	{HEAD "\"packages\": [{\"name\": \"a\", \"marker\": \"os_name == 'nt'\"}]}", ""},
	{HEAD "\"packages\": [{\"name\": \"a\", \"marker\": \"os_name == \"}]}",
	 "a: the marker 'os_name == ' ends where variable or quoted string should be"},
	{"{\"packages\": []}", "it has no 'lock-version'"},
	{"{\"lock-version\": \"1.7\", \"packages\": []}", ""},
	{"{\"lock-version\": \"1.x\", \"packages\": []}",
	 "its lock-version is 1.x, and this venvfs reads 1.0"},
	{HEAD "\"x\": 1}", "it has no 'packages'"},
	{HEAD "\"packages\": [1, {\"name\": \"-\"}]}",
	 "a package has no name; a package has no name"},
	{HEAD "\"packages\": [{\"name\": \"a\"}, {\"name\": \"b\", \"vcs\": {}}]}",
	 "a: it has no wheels; b: it has no wheel, but a 'vcs', which would have to be built"},
	{HEAD "\"packages\": [{\"name\": \"a\", \"wheels\": [{\"name\": "
	      "\"b-1-py3-none-any.whl\", " HASHES "}]}]}",
	 "a: 'b-1-py3-none-any.whl' is a wheel of 'b'"},
	{HEAD "\"packages\": [{\"name\": \"a\", \"version\": \"2\", \"wheels\": [{\"name\": "
	      "\"a-1-py3-none-any.whl\", " HASHES "}]}]}",
	 "a: its version is '2', and its wheel is a-1-py3-none-any.whl"},
	{HEAD "\"packages\": [{\"name\": \"a\", \"wheels\": [{\"name\": "
	      "\"a-1-py3-none-any.whl\", \"hashes\": {\"md5\": \"00\"}}]}]}",
	 "a: a-1-py3-none-any.whl has none of the hashes sha256, sha384 and sha512"},
	{HEAD "\"packages\": [{\"name\": \"a\", \"wheels\": [3]}]}",
	 "a: '' is not the file name of a wheel"},
};

START_TEST(pylocks_come_to)
{
	json_t *json = json_loads(pylocks[_i].json, 0, NULL);
	_cleanup_error_list_ struct error_list errors = {0};
	_cleanup_exacts_ struct exacts exacts = {0};
	_cleanup_buffer_ struct buffer got = {0};
	int r;

	ck_assert_ptr_nonnull(json);
	r = pylock_select(json, "/srv/pylock.toml", &target, &exacts, &errors);
	ck_assert_int_eq(r, errors.count > 0 ? -EINVAL : 0);
	for (size_t i = 0; i < errors.count; i++) {
		ck_assert_str_eq(errors.items[i].file, "/srv/pylock.toml");
		buffer_printf(&got, "%s%s", i > 0 ? "; " : "", errors.items[i].message);
	}
	for (size_t i = 0; r == 0 && i < exacts.count; i++) {
		const struct exact *exact = &exacts.items[i];

		ck_assert_uint_eq(exact->hashes.count, 1);
		ck_assert_str_eq(exact->hashes.items[0], "sha256:" HEX);
		buffer_printf(&got, "%s==%s %s %s", exact->name, exact->version, exact->file,
			      exact->path ? exact->path : "-");
	}
	ck_assert_str_eq(got.data ? got.data : "", pylocks[_i].outcome);
	json_decref(json);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("resolve");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, requirements_come_to, 0, COUNT(cases));
	tcase_add_loop_test(tests, what_pip_came_to_is_checked, 0, 4);
	tcase_add_test(tests, pylock_files_are_called_so);
	tcase_add_loop_test(tests, pylocks_come_to, 0, COUNT(pylocks));
	return run_tests("resolve", tests);
}
