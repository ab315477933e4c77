/* A whole environment, put together and not mounted; and what happens when its base changes. */
#include "probing.h"

#include <pthread.h>
#include <sys/stat.h>

#include "venvfs/environment.h"

static struct environment *environment;

static void close_environment(void)
{
	environment_free(environment);
	environment = NULL;
}

static void write_spec(const char *executable, const char *rest)
{
	write_script("spec.cfg",
		     "[environment]\nprompt = test\n[base-executable]\nexecutable = %s\n"
		     "[store]\npath = store\n[packages]\npip = no\n%s",
		     executable, rest);
}

static int try_open(bool read_only, struct error_list *errors)
{
	_cleanup_free_ char *spec = path_of("spec.cfg"), *mountpoint = path_of("env");

	mkdir("env", 0755);
	return environment_open(spec, mountpoint,
				&(struct environment_options){.read_only = read_only}, &environment,
				errors);
}

static void open_environment(bool read_only)
{
	_cleanup_error_list_ struct error_list errors = {0};
	int r = try_open(read_only, &errors);

	ck_assert_msg(r == 0, "%d: %s", r, errors.count ? errors.items[0].message : "no message");
}

/* Opening fails with @code, and some message holds @text. */
static void refuse_environment(int code, const char *text)
{
	_cleanup_error_list_ struct error_list errors = {0};
	int r = try_open(false, &errors);
	bool said = false;

	ck_assert_int_eq(r, code);
	for (size_t i = 0; i < errors.count; i++)
		said = said || strstr(errors.items[i].message, text);
	ck_assert_msg(said, "not said: %s; but: %s", text,
		      errors.count ? errors.items[0].message : "nothing");
}

static uint64_t id_of(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	struct tree_entry entry = {.id = TREE_ROOT_ID};
	char *cursor = copy, *name;

	while ((name = strsep(&cursor, "/")) != NULL)
		if (tree_lookup(environment->tree, entry.id, name, &entry) < 0)
			return 0;
	return entry.id;
}

static char *text_of(const char *path)
{
	_cleanup_content_ struct content *content = NULL;
	char *text = calloc(1, 4096);
	uint64_t id = id_of(path);

	ck_assert_msg(id != 0, "%s is not there", path);
	ck_assert_int_eq(tree_open(environment->tree, id, &content), 0);
	ck_assert_int_ge(content_read(content, text, 4095, 0), 0);
	return text;
}

START_TEST(an_environment_has_all_its_parts)
{
	_cleanup_free_ char *cfg = NULL, *home = NULL, *layer = NULL;
	_cleanup_interpreter_ struct interpreter *base = probe(python);
	char path[128];

	ck_assert_int_eq(mkdir("layer", 0755), 0);
	write_file("layer/six.py", 0644, "six");
	write_spec(python, "[layers]\nl = layer\n");
	open_environment(false);
	ck_assert_str_eq(environment->prompt, "test");
	cfg = text_of("pyvenv.cfg");
	ck_assert_int_gt(asprintf(&home, "home = %s\n", base->home), 0);
	ck_assert_msg(strstr(cfg, home), "%s", cfg);
	snprintf(path, sizeof(path), "lib/python%d.%d%s/site-packages/six.py", base->major,
		 base->minor, base->free_threaded ? "t" : "");
	layer = text_of(path);
	ck_assert_str_eq(layer, "six");
	ck_assert_uint_ne(id_of("bin/python"), 0);
	ck_assert_uint_eq(id_of("bin/pip"), 0);
}
END_TEST

START_TEST(without_a_store_it_is_read_only)
{
	const struct tree_caller caller = {0, 0};
	struct tree_entry entry;

	write_spec(python, "");
	open_environment(true);
	ck_assert_int_lt(access("store", F_OK), 0);
	ck_assert_int_eq(tree_mkdir(environment->tree, TREE_ROOT_ID, "x", 0755, &caller, &entry),
			 -EROFS);
	ck_assert_uint_ne(id_of("pyvenv.cfg"), 0);
}
END_TEST

START_TEST(a_store_that_leads_elsewhere_is_refused)
{
	write_spec(python, "");
	ck_assert_int_eq(mkdir("store", 0700), 0);
	ck_assert_int_eq(mkdir("outside", 0700), 0);
	ck_assert_int_eq(symlink("../outside", "store/upper"), 0);
	refuse_environment(-ENOTDIR, "cannot be shown");
}
END_TEST

START_TEST(a_damaged_store_is_refused)
{
	write_spec(python, "");
	ck_assert_int_eq(mkdir("store", 0700), 0);
	ck_assert_int_eq(mkdir("store/upper", 0755), 0);
	write_file("store/upper/.wh..wh.redirect", 0600, "..");
	refuse_environment(-EIO, "cannot be shown");
}
END_TEST

/* What we serve must not be what we read, and two environments must not write into each other. */
START_TEST(places_must_not_contain_each_other)
{
	ck_assert_int_eq(mkdir("env", 0755), 0);
	ck_assert_int_eq(mkdir("env/layer", 0755), 0);
	write_spec(python, "[layers]\nl = env/layer\n");
	refuse_environment(-EINVAL, "lies under the mount point");
	ck_assert_int_eq(symlink("env", "alias"), 0);
	write_spec(python, "[layers]\nl = alias/layer\n");
	refuse_environment(-EINVAL, "lies under the mount point");
	write_spec(python, "[layers]\nl = .\n");
	refuse_environment(-EINVAL, "lies in the layer");
	write_spec(python, "[layers]\nl = store/inner\n");
	refuse_environment(-EINVAL, "lie in one another");
	ck_assert_int_lt(access("store", F_OK), 0);
}
END_TEST

/* The watch over the base */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t told = PTHREAD_COND_INITIALIZER;
static int attributes_told, data_told;

static void take_note(void *arg, uint64_t id, bool data)
{
	(void)arg, (void)id;
	pthread_mutex_lock(&lock);
	++*(data ? &data_told : &attributes_told);
	pthread_cond_broadcast(&told);
	pthread_mutex_unlock(&lock);
}

static void wait_for_data(void)
{
	pthread_mutex_lock(&lock);
	while (data_told == 0)
		pthread_cond_wait(&told, &lock);
	ck_assert_int_gt(attributes_told, 0);
	pthread_mutex_unlock(&lock);
}

static void wait_for_state(enum base_state state)
{
	while (environment->base_state != (int)state)
		usleep(10000);
}

START_TEST(an_upgraded_base_is_noticed)
{
	_cleanup_free_ char *executable = path_of("python");
	struct base_watch *watch;
	uint64_t id;

	copy_python(python, "python");
	write_spec(executable, "");
	open_environment(false);
	ck_assert_str_eq(environment->executable, executable);
	id = id_of("pyvenv.cfg");
	ck_assert_uint_ne(id, 0);
	watch = base_watch_start(environment, take_note, NULL);
	ck_assert_ptr_nonnull(watch);
	copy_python(python, "copy");
	ck_assert_int_eq(rename("copy", "python"), 0);
	wait_for_data();
	ck_assert_int_eq(environment->base_state, BASE_OK);
	ck_assert_int_eq(unlink("python"), 0);
	wait_for_state(BASE_GONE);
	free(text_of("pyvenv.cfg")); /* it is still shown */
	copy_python(python, "python");
	wait_for_state(BASE_OK);
	base_watch_stop(watch);
}
END_TEST

START_TEST(a_watch_can_be_stopped_at_once)
{
	write_spec(python, "");
	open_environment(true);
	for (int i = 0; i < 10; i++)
		base_watch_stop(base_watch_start(environment, take_note, NULL));
	base_watch_stop(NULL);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("environment");

	if (!begin_probing())
		return 0;
	add_fixtures(tests);
	tcase_add_checked_fixture(tests, NULL, close_environment);
	tcase_add_test(tests, an_environment_has_all_its_parts);
	tcase_add_test(tests, without_a_store_it_is_read_only);
	tcase_add_test(tests, a_store_that_leads_elsewhere_is_refused);
	tcase_add_test(tests, a_damaged_store_is_refused);
	tcase_add_test(tests, places_must_not_contain_each_other);
	tcase_add_test(tests, an_upgraded_base_is_noticed);
	tcase_add_test(tests, a_watch_can_be_stopped_at_once);
	return finish_probing("environment", tests);
}
