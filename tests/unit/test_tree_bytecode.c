/* Which of a layer's bytecode shows, while sources and the directories around them change. */
#include "grove.h"

#define SOURCE   "pkg/a.py"
#define CACHE    "pkg/__pycache__"
#define OTHER    "pkg/kept"
#define BYTECODE "/a.cpython-311.pyc"

static void sow(const char *directory)
{
	char path[128];

	snprintf(path, sizeof(path), "high/%s" BYTECODE, directory);
	write_real(path, "layer's");
	write_real("high/" SOURCE, "source");
	plant();
}

/* A file made where a layer's is out of sight is its own: written, read and removed as such. */
static void assert_room(const char *path)
{
	assert_absent(path);
	put(path, "new");
	assert_text(path, "new");
	rm(path);
	assert_absent(path);
}

START_TEST(edited_source_takes_it_away)
{
	uint64_t held;

	sow(CACHE);
	held = id_of(CACHE BYTECODE);
	write_at(SOURCE, "S", 0);
	assert_room(CACHE BYTECODE);
	assert_text_of_id(held, "layer's");
}
END_TEST

START_TEST(removed_source_leaves_it)
{
	sow(CACHE);
	assert_text(CACHE BYTECODE, "layer's");
	rm(SOURCE);
	assert_text(CACHE BYTECODE, "layer's");
	put(SOURCE, "another");
	assert_room(CACHE BYTECODE);
}
END_TEST

START_TEST(directory_becomes_a_cache)
{
	uint64_t held;

	sow(OTHER);
	held = id_of(OTHER BYTECODE);
	write_at(SOURCE, "S", 0);
	assert_text(OTHER BYTECODE, "layer's");
	move(OTHER, CACHE);
	assert_room(CACHE BYTECODE);
	assert_text_of_id(held, "layer's");
}
END_TEST

START_TEST(cache_becomes_a_directory)
{
	sow(CACHE);
	write_at(SOURCE, "S", 0);
	assert_absent(CACHE BYTECODE);
	move(CACHE, OTHER);
	assert_text(OTHER BYTECODE, "layer's");
}
END_TEST

START_TEST(cache_and_directory_change_places)
{
	sow(OTHER);
	make(CACHE);
	write_at(SOURCE, "S", 0);
	assert_text(OTHER BYTECODE, "layer's");
	must(try_rename(CACHE, OTHER, RENAME_EXCHANGE), "exchange", CACHE);
	assert_room(CACHE BYTECODE);
	must(try_rename(OTHER, CACHE, RENAME_EXCHANGE), "exchange", OTHER);
	assert_absent(CACHE BYTECODE);
}
END_TEST

/* A source that is put in place of another, and one that is moved away. */
START_TEST(moved_source)
{
	sow(CACHE);
	put("pkg/b.py", "source");
	assert_text(CACHE BYTECODE, "layer's");
	move("pkg/b.py", SOURCE);
	assert_absent(CACHE BYTECODE);
	move(SOURCE, "pkg/b.py");
	assert_text(CACHE BYTECODE, "layer's");
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("tree_bytecode");

	add_grove_fixtures(tests);
	tcase_add_test(tests, edited_source_takes_it_away);
	tcase_add_test(tests, removed_source_leaves_it);
	tcase_add_test(tests, directory_becomes_a_cache);
	tcase_add_test(tests, cache_becomes_a_directory);
	tcase_add_test(tests, cache_and_directory_change_places);
	tcase_add_test(tests, moved_source);
	return run_tests("tree_bytecode", tests);
}
