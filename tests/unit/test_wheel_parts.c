/* The parts of a wheel, one by one: RECORD, METADATA, entry points, and what a zip entry says. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "venvfs/cleanup.h"
#include "venvfs/entry_points.h"
#include "venvfs/record.h"
#include "venvfs/wheel_metadata.h"

#include "../../src/wheel/archive.h"

#define EMPTY_SHA256 "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"

/* RECORD */

START_TEST(a_record_is_read_as_csv)
{
	_cleanup_record_ struct record record = {0};
	const char text[] = "b.py," EMPTY_SHA256 ",0\r\n"
			    "\"a,\"\"x\"\".py\"," EMPTY_SHA256 ",12\n"
			    "\n"
			    "\"RECORD\",\"\",\"\"";

	ck_assert_int_eq(record_parse(text, strlen(text), &record, NULL), 0);
	ck_assert_uint_eq(record.count, 3);
	ck_assert_str_eq(record.rows[0].path, "RECORD");
	ck_assert_ptr_null(record.rows[0].hash);
	ck_assert(!record.rows[0].has_size);
	ck_assert_str_eq(record.rows[1].path, "a,\"x\".py");
	ck_assert_uint_eq(record.rows[1].size, 12);
	ck_assert_str_eq(record_find(&record, "b.py")->hash, EMPTY_SHA256);
	ck_assert(record_find(&record, "b.py")->has_size);
	ck_assert_ptr_null(record_find(&record, "c.py"));
}
END_TEST

START_TEST(an_empty_record_has_nothing_in_it)
{
	_cleanup_record_ struct record record = {0};

	ck_assert_int_eq(record_parse("", 0, &record, NULL), 0);
	ck_assert_uint_eq(record.count, 0);
	ck_assert_ptr_null(record_find(&record, ""));
}
END_TEST

START_TEST(a_record_is_written_as_pip_writes_it)
{
	_cleanup_buffer_ struct buffer text = {0};

	record_append(&text, "a.py", EMPTY_SHA256, 0);
	record_append(&text, "b,\"c\".py", EMPTY_SHA256, 18446744073709551615u);
	record_append(&text, "../../../bin/x", NULL, 5);
	ck_assert_str_eq(text.data, "a.py," EMPTY_SHA256 ",0\r\n"
				    "\"b,\"\"c\"\".py\"," EMPTY_SHA256 ",18446744073709551615\r\n"
				    "../../../bin/x,,\r\n");
}
END_TEST

START_TEST(a_wrong_record_names_the_line)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct record record = {.count = 7};
	const char text[] = "a.py,,\n\nb.py,md5=x,\n";

	ck_assert_int_eq(record_parse(text, strlen(text), &record, &error), -EINVAL);
	ck_assert_int_eq(strncmp(error.message, "line 3 of RECORD ", 17), 0);
	ck_assert_uint_eq(record.count, 7);
}
END_TEST

#define OTHER_SHA256 "sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"

/* As pip leaves it when it compiles what the wheel has bytecode of. */
START_TEST(bytecode_that_was_compiled_again_is_no_contradiction)
{
	static const char *const texts[] = {
		"a/__pycache__/m.cpython-311.pyc," EMPTY_SHA256 ",0\n"
		"a/__pycache__/m.cpython-311.pyc,,\n",
		"__pycache__/m.pyc,,\n__pycache__/m.pyc," EMPTY_SHA256 ",0\n__pycache__/m.pyc,,\n",
		"a.py," EMPTY_SHA256 ",0\na.py," EMPTY_SHA256 ",0\n", /* and any row may be there twice */
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		_cleanup_record_ struct record record = {0};

		ck_assert_int_eq(record_parse(texts[i], strlen(texts[i]), &record, NULL), 0);
		ck_assert_uint_eq(record.count, 1);
		ck_assert_str_eq(record.rows[0].hash, EMPTY_SHA256);
	}
}
END_TEST

static const char *const contradictions[] = {
	"a.py," EMPTY_SHA256 ",0\na.py,,\n",
	"a/m.pyc," EMPTY_SHA256 ",0\na/m.pyc,,\n",
	"__pycache__/m.py," EMPTY_SHA256 ",0\n__pycache__/m.py,,\n",
	"not__pycache__/m.pyc," EMPTY_SHA256 ",0\nnot__pycache__/m.pyc,,\n",
	"__pycache__/m.pyc," EMPTY_SHA256 ",0\n__pycache__/m.pyc," OTHER_SHA256 ",0\n",
};

START_TEST(a_record_that_contradicts_itself_is_wrong)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_string_list_ struct string_list paths = {0};
	const char *text = contradictions[_i];
	struct record record;

	ck_assert_int_eq(record_parse(text, strlen(text), &record, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.message, "twice, differently"));
	ck_assert_int_eq(record_list_paths(text, strlen(text), &paths), 0);
	ck_assert_uint_eq(paths.count, 2);
	ck_assert_int_eq(strncmp(text, paths.items[1], strlen(paths.items[1])), 0);
}
END_TEST

/* Of "abc" (FIPS 180-2). */
static const struct {
	const char *hash;
	int result;
} hashes[] = {
	{"sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0", 0},
	{"sha384=ywB1P0WjXou1oD1pmsZQBycsMqsO3tFjGotgWkP_W-2AhgcroefMI1i67KE0yCWn", 0},
	{"sha512=3a81oZNherrMQXNJriBBMRLm-k6JqX6iCp7u5ktV05ohkpkqJ0_BqDa6PCOj_uu9"
	 "RU1EI2Q86A4qmslPpUyknw",
	 0},
	{EMPTY_SHA256, -EBADMSG},
	{NULL, 0},
};

START_TEST(contents_are_compared_with_their_hash)
{
	static const uint8_t expected[4] = {0xba, 0x78, 0x16, 0xbf};
	_cleanup_record_hasher_ struct record_hasher *hasher = NULL;
	uint8_t digest[RECORD_SHA256_SIZE];
	char text[RECORD_HASH_SIZE];

	ck_assert_int_eq(record_hasher_new(hashes[_i].hash, &hasher), 0);
	ck_assert_int_eq(record_hasher_add(hasher, "a", 1), 0);
	ck_assert_int_eq(record_hasher_add(hasher, "", 0), 0);
	ck_assert_int_eq(record_hasher_add(hasher, "bc", 2), 0);
	ck_assert_int_eq(record_hasher_finish(hasher, digest), hashes[_i].result);
	/* The other digest is there whatever was compared. */
	ck_assert_mem_eq(digest, expected, sizeof(expected));
	record_format_sha256(digest, text);
	ck_assert_str_eq(text, hashes[0].hash);
}
END_TEST

/* METADATA */

#define HEAD "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"

static void parse_metadata(const char *text, struct wheel_metadata *out,
			   struct string_list *warnings)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	ck_assert_msg(wheel_metadata_parse(text, strlen(text), out, warnings, &error) == 0, "%s",
		      error.message);
}

START_TEST(metadata_is_read_as_a_mail)
{
	_cleanup_wheel_metadata_ struct wheel_metadata metadata = {0};
	_cleanup_string_list_ struct string_list warnings = {0};

	parse_metadata("\xef\xbb\xbfMETADATA-version:2.4\r\n"
		       "name:\tDemo.X  \r\n"
		       "Version: v1.0-1\n"
		       "Summary: two\n"
		       "  lines\n"
		       "Requires-Dist: foo\n"
		       " [bar]\n"
		       "\t>=1\n"
		       "\n"
		       "Requires-Dist: not this one\n",
		       &metadata, &warnings);
	ck_assert_str_eq(metadata.name, "Demo.X");
	ck_assert_str_eq(metadata.version.text, "1.0.post1");
	ck_assert_str_eq(metadata.summary, "two lines");
	ck_assert_uint_eq(metadata.requires_count, 1);
	ck_assert_str_eq(metadata.requires[0] -> name, "foo");
	ck_assert_uint_eq(metadata.requires[0] -> extras.count, 1);
	ck_assert_uint_eq(metadata.requires[0] -> specifiers.count, 1);
	ck_assert_uint_eq(warnings.count, 0);
}
END_TEST

START_TEST(what_is_wrong_but_harmless_is_a_warning)
{
	_cleanup_wheel_metadata_ struct wheel_metadata metadata = {0};
	_cleanup_string_list_ struct string_list warnings = {0};

	parse_metadata(HEAD "Requires-Python: >=3.6.*\nProvides-Extra: a b\nProvides-Extra: c\n"
			    "Summary: \x1b[31mred\n",
		       &metadata, &warnings);
	ck_assert_ptr_null(metadata.requires_python);
	ck_assert_uint_eq(metadata.pythons.count, 0);
	ck_assert_uint_eq(metadata.extras.count, 1);
	ck_assert_ptr_null(metadata.summary);
	ck_assert_uint_eq(warnings.count, 2);
	ck_assert_ptr_nonnull(strstr(warnings.items[0], "Requires-Python: >=3.6.*"));
	ck_assert_ptr_nonnull(strstr(warnings.items[1], "Provides-Extra: a b"));
}
END_TEST

START_TEST(fields_end_where_a_line_is_none)
{
	_cleanup_wheel_metadata_ struct wheel_metadata metadata = {0};

	parse_metadata(HEAD "no field\nRequires-Dist: foo\n", &metadata, NULL);
	ck_assert_uint_eq(metadata.requires_count, 0);
}
END_TEST

/* Entry points; hostile ones are in test_wheel. */

START_TEST(scripts_are_found_in_their_groups)
{
	_cleanup_entry_points_ struct entry_points points = {0};
	const char text[] = "ignored = a:b\n"
			    "[console_scripts]\r\n"
			    "  a-b.c_D+1   =  x.y_1 : Z.w  [e1, e2]\r\n"
			    "; comment\n"
			    "[Console_Scripts]\n"
			    "other = x:y\n"
			    "[gui_scripts]\n"
			    "g=x:y";

	ck_assert_int_eq(entry_points_parse(text, strlen(text), &points, NULL), 0);
	ck_assert_uint_eq(points.count, 2);
	ck_assert_str_eq(points.items[0].name, "a-b.c_D+1");
	ck_assert_str_eq(points.items[0].module, "x.y_1");
	ck_assert_str_eq(points.items[0].object, "Z.w");
	ck_assert_uint_eq(points.items[0].line, 3);
	ck_assert(!points.items[0].gui);
	ck_assert_str_eq(points.items[1].name, "g");
	ck_assert(points.items[1].gui);
}
END_TEST

START_TEST(interpreters_have_names_of_their_own)
{
	static const char *const interpreters[] = {"python",  "python3",     "python3.11",
						   "pythonw", "Python3.13t", "python3.6dm",
						   "python2"};
	static const char *const others[] = {"python-argcomplete", "pythonic", "pythran", "ipython",
					     "python3-config",     "pytho",    ""};

	for (int i = 0; i < COUNT(interpreters); i++)
		ck_assert_msg(entry_points_is_python(interpreters[i]), "%s", interpreters[i]);
	for (int i = 0; i < COUNT(others); i++)
		ck_assert_msg(!entry_points_is_python(others[i]), "%s", others[i]);
}
END_TEST

/* Entries of a zip */

static const char *const paths[] = {"a", "a/", "a/b", "a/b/c", "a/b-", "a/b0", "a-", "a0", "aa"};

START_TEST(a_directory_is_followed_by_what_is_in_it)
{
	for (int i = 0; i < COUNT(paths); i++) {
		for (int k = 0; k < COUNT(paths); k++)
			ck_assert_int_eq(archive_compare_paths(paths[i], paths[k]),
					 (i > k) - (i < k));
	}
}
END_TEST

#define DATE(year, month, day)     (uint16_t)(((year)-1980) << 9 | (month) << 5 | (day))
#define TIME(hour, minute, second) (uint16_t)((hour) << 11 | (minute) << 5 | (second) / 2)
#define EARLIEST                   315619200

static const struct {
	uint16_t date, time;
	int64_t mtime;
} times[] = {
	{DATE(2025, 1, 1), TIME(12, 0, 0), 1735732800},
	{DATE(2024, 2, 29), TIME(23, 59, 58), 1709251198},
	{DATE(2107, 12, 31), TIME(23, 59, 58), 4354819198},
	{DATE(1980, 1, 2), TIME(0, 0, 2), EARLIEST + 2},
	{DATE(1980, 1, 1), TIME(23, 59, 58), EARLIEST},
	{0, 0, EARLIEST},
	{DATE(2025, 13, 1), 0, EARLIEST},
	{DATE(2025, 4, 31), 0, EARLIEST},
	{DATE(2025, 1, 1), TIME(24, 0, 0), EARLIEST},
	{0xffff, 0xffff, EARLIEST},
};

START_TEST(times_are_utc_and_none_is_before_1980)
{
	struct archive_entry entry = {.date = times[_i].date, .time = times[_i].time};

	ck_assert_int_eq(setenv("TZ", "Asia/Tokyo", 1), 0);
	ck_assert_int_eq(archive_entry_mtime(&entry), times[_i].mtime);
}
END_TEST

static const struct {
	uint32_t mode;
	bool executable;
} modes[] = {
	{0100644, false}, {0100755, true}, {0100654, true},  {0100001, true},
	{0755, false},    {0, false},      {0104644, false},
};

START_TEST(x_bits_count_for_regular_files)
{
	struct archive_entry entry = {.attributes = modes[_i].mode << 16};

	ck_assert_int_eq(archive_entry_is_executable(&entry), modes[_i].executable);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("wheel_parts");

	tcase_add_test(tests, a_record_is_read_as_csv);
	tcase_add_test(tests, an_empty_record_has_nothing_in_it);
	tcase_add_test(tests, a_record_is_written_as_pip_writes_it);
	tcase_add_test(tests, a_wrong_record_names_the_line);
	tcase_add_test(tests, bytecode_that_was_compiled_again_is_no_contradiction);
	tcase_add_loop_test(tests, a_record_that_contradicts_itself_is_wrong, 0,
			    COUNT(contradictions));
	tcase_add_loop_test(tests, contents_are_compared_with_their_hash, 0, COUNT(hashes));
	tcase_add_test(tests, metadata_is_read_as_a_mail);
	tcase_add_test(tests, what_is_wrong_but_harmless_is_a_warning);
	tcase_add_test(tests, fields_end_where_a_line_is_none);
	tcase_add_test(tests, scripts_are_found_in_their_groups);
	tcase_add_test(tests, interpreters_have_names_of_their_own);
	tcase_add_test(tests, a_directory_is_followed_by_what_is_in_it);
	tcase_add_loop_test(tests, times_are_utc_and_none_is_before_1980, 0, COUNT(times));
	tcase_add_loop_test(tests, x_bits_count_for_regular_files, 0, COUNT(modes));
	return run_tests("wheel_parts", tests);
}
