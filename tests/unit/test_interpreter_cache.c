/* What is remembered of base interpreters, and when it is not believed. */
#include "probing.h"

/* Replaces text in the remembered answer by text of the same length. */
static void forge(const char *file, const char *old, const char *new)
{
	_cleanup_buffer_ struct buffer text = {0};
	char *place;

	ck_assert_int_eq(io_read_file(AT_FDCWD, file, 1 << 20, &text), 0);
	place = strstr(text.data, old);
	ck_assert_ptr_nonnull(place);
	ck_assert_uint_eq(strlen(old), strlen(new));
	memcpy(place, new, strlen(new));
	write_file(file, 0600, text.data);
}

START_TEST(an_answer_is_remembered)
{
	_cleanup_interpreter_ struct interpreter *first = probe(python), *second = NULL;
	_cleanup_free_ char *file = remembered_file();

	forge(file, "\"cache_tag\": \"cpython", "\"cache_tag\": \"forged_");
	second = probe(python);
	ck_assert_int_eq(strncmp(second->cache_tag, "forged_", 7), 0);
	ck_assert_str_eq(second->stdlib, first->stdlib);
	ck_assert_str_eq(second->version_info, first->version_info);
	ck_assert_int_eq(memcmp(&second->identity, &first->identity, sizeof(first->identity)), 0);
	/* What is remembered is no more trusted than what is said. */
	forge(file, "\"cache_tag\": \"forged_", "\"cache_tag\": \"fo/ged_");
	interpreter_free(second);
	second = probe(python);
	ck_assert_str_eq(second->cache_tag, first->cache_tag);
}
END_TEST

/* What a remembered answer may have become. Each must be passed over, and replaced. */
enum damage {
	TRUNCATED,
	EMPTY,
	NOT_JSON,
	OTHER_FORMAT,
	HUGE_FILE,
	A_LINK,
	A_FIFO,
	WRITABLE,
	FOREIGN, /* the last: only root can make it */
};

static void damage_file(const char *file, enum damage damage)
{
	forge(file, "\"cache_tag\": \"cpython", "\"cache_tag\": \"forged_");
	switch (damage) {
	case TRUNCATED:
		ck_assert_int_eq(truncate(file, 100), 0);
		break;
	case EMPTY:
		ck_assert_int_eq(truncate(file, 0), 0);
		break;
	case NOT_JSON:
		write_file(file, 0600, "\177ELF");
		break;
	case OTHER_FORMAT:
		forge(file, "\"format\": 1", "\"format\": 9");
		break;
	case HUGE_FILE:
		ck_assert_int_eq(truncate(file, 1L << 40), 0);
		break;
	case A_LINK:
		ck_assert_int_eq(rename(file, "moved"), 0);
		ck_assert_int_eq(symlink("../../../moved", file), 0);
		break;
	case A_FIFO:
		ck_assert_int_eq(unlink(file), 0);
		ck_assert_int_eq(mkfifo(file, 0600), 0);
		break;
	case WRITABLE:
		ck_assert_int_eq(chmod(file, 0622), 0);
		break;
	case FOREIGN:
		ck_assert_int_eq(chown(file, 12345, 12345), 0);
		break;
	}
}

START_TEST(a_damaged_answer_is_passed_over)
{
	_cleanup_interpreter_ struct interpreter *first = probe(python), *second = NULL;
	_cleanup_interpreter_ struct interpreter *third = NULL;
	_cleanup_free_ char *file = remembered_file();

	damage_file(file, (enum damage)_i);
	second = probe(python);
	ck_assert_str_eq(second->cache_tag, first->cache_tag);
	/* It was replaced by one that is used again. */
	forge(file, "\"cache_tag\": \"cpython", "\"cache_tag\": \"forged_");
	third = probe(python);
	ck_assert_int_eq(strncmp(third->cache_tag, "forged_", 7), 0);
}
END_TEST

START_TEST(another_file_is_asked_anew)
{
	_cleanup_interpreter_ struct interpreter *first = NULL, *second = NULL;
	_cleanup_free_ char *file = NULL;
	struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	copy_python(python, "python");
	setenv("PYTHONHOME", "/nonexistent", 1);
	first = probe("./python");
	file = remembered_file();
	ck_assert_int_eq(interpreter_changed(first), 0);
	forge(file, "\"cache_tag\": \"cpython", "\"cache_tag\": \"forged_");

	ck_assert_int_eq(utimensat(AT_FDCWD, "python", times, 0), 0);
	ck_assert_int_eq(interpreter_changed(first), 1);
	second = probe("./python");
	ck_assert_str_eq(second->cache_tag, first->cache_tag);
	ck_assert_int_eq(second->identity.mtime.tv_sec, 1);
	ck_assert_int_eq(interpreter_changed(second), 0);
	ck_assert_int_eq(remembered(), 1);

	ck_assert_int_eq(unlink("python"), 0);
	ck_assert_int_eq(interpreter_changed(second), -ENOENT);
	refuse("./python", -ENOENT, "No such file", NULL);
}
END_TEST

START_TEST(the_pip_wheel_is_not_remembered)
{
	_cleanup_interpreter_ struct interpreter *found = NULL;
	_cleanup_free_ char *file = NULL, *wheels = path_of("wheels"), *expected = NULL;
	_cleanup_buffer_ struct buffer text = {0};
	_cleanup_json_ json_t *entry = NULL;

	interpreter_free(probe(python));
	file = remembered_file();
	entry = json_load_file(file, 0, NULL);
	ck_assert_ptr_nonnull(entry);
	ck_assert_int_eq(json_object_set_new(json_object_get(entry, "answer"), "wheel_dir",
					     json_string(wheels)),
			 0);
	ck_assert_int_eq(json_dump_file(entry, file, 0), 0);
	ck_assert_int_eq(chmod(file, 0600), 0);
	ck_assert_int_eq(mkdir("wheels", 0700), 0);
	write_file("wheels/pip-99.0-py3-none-any.whl", 0600, "");
	found = probe(python);
	expected = path_of("wheels/pip-99.0-py3-none-any.whl");
	ck_assert_ptr_nonnull(found->pip_wheel);
	ck_assert_str_eq(found->pip_wheel, expected);
}
END_TEST

START_TEST(without_a_cache_it_is_only_slow)
{
	_cleanup_interpreter_ struct interpreter *found = NULL, *open_to_all = NULL;

	write_file("file", 0600, "");
	setenv("XDG_CACHE_HOME", "/dev/null", 1);
	found = probe(python);
	ck_assert_ptr_nonnull(found);

	/* Where others may write nothing is believed, and nothing written. */
	setenv("XDG_CACHE_HOME", "cache", 1);
	unsetenv("XDG_CACHE_HOME");
	ck_assert_int_eq(mkdir("home", 0700), 0);
	ck_assert_int_eq(mkdir("home/.cache", 0700), 0);
	ck_assert_int_eq(mkdir("home/.cache/venvfs", 0700), 0);
	ck_assert_int_eq(mkdir("home/.cache/venvfs/interpreters", 0700), 0);
	ck_assert_int_eq(chmod("home/.cache/venvfs/interpreters", 0777), 0);
	{
		_cleanup_free_ char *home = path_of("home");

		setenv("HOME", home, 1);
	}
	open_to_all = probe(python);
	ck_assert_str_eq(open_to_all->version, found->version);
	ck_assert_int_eq(rmdir("home/.cache/venvfs/interpreters"), 0);
}
END_TEST

START_TEST(leftovers_are_cleaned)
{
	struct timespec old[2] = {{.tv_sec = 86400}, {.tv_sec = 86400}};

	ck_assert_int_eq(mkdir("cache/venvfs", 0700), 0);
	ck_assert_int_eq(mkdir("cache/venvfs/interpreters", 0700), 0);
	write_file("cache/venvfs/interpreters/.tmp-0123456789abcdef", 0600, "a crash left this");
	write_file("cache/venvfs/interpreters/.tmp-1123456789abcdef", 0600, "this is in use");
	ck_assert_int_eq(
		utimensat(AT_FDCWD, "cache/venvfs/interpreters/.tmp-0123456789abcdef", old, 0), 0);
	interpreter_free(probe(python));
	ck_assert_int_lt(access("cache/venvfs/interpreters/.tmp-0123456789abcdef", F_OK), 0);
	ck_assert_int_eq(access("cache/venvfs/interpreters/.tmp-1123456789abcdef", F_OK), 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("interpreter_cache");
	int damages = geteuid() == 0 ? FOREIGN + 1 : FOREIGN;

	if (!begin_probing())
		return 0;
	if (damages == FOREIGN)
		printf("# answers of another owner: not tested, only root can make them\n");
	fflush(stdout);
	add_fixtures(tests);
	tcase_add_test(tests, an_answer_is_remembered);
	tcase_add_loop_test(tests, a_damaged_answer_is_passed_over, 0, damages);
	tcase_add_test(tests, another_file_is_asked_anew);
	tcase_add_test(tests, the_pip_wheel_is_not_remembered);
	tcase_add_test(tests, without_a_cache_it_is_only_slow);
	tcase_add_test(tests, leftovers_are_cleaned);
	return finish_probing("interpreter_cache", tests);
}
