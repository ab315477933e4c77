/* Generated files: quoting for every language, shebangs, pyvenv.cfg, and the table as a whole. */
#include <errno.h>
#include <sys/stat.h>

#include "suite.h"
#include "pythons.h"
#include "venvfs/generated.h"
#include "venvfs/io.h"

#include "tree/gen.h"
#include "tree/gen_quote.h"

static struct spec spec;
static struct interpreter interpreter;
static struct generated_context context;

/* What every test begins with, and may change: it runs in a process of its own. */
static void set_context(void)
{
	spec = (struct spec){.pip = true};
	interpreter = (struct interpreter){
		.executable = (char *)"/opt/py/bin/python3.11",
		.real_executable = (char *)"/opt/py-3.11.7/bin/python3.11",
		.home = (char *)"/opt/py/bin",
		.major = 3,
		.minor = 11,
		.micro = 7,
		.version_info = (char *)"3.11.7.final.0",
		.implementation = (char *)"CPython",
	};
	context = (struct generated_context){
		.spec = &spec,
		.interpreter = &interpreter,
		.mountpoint = "/home/ann/envs/proj",
		.prompt = "proj",
	};
}

/* An interpreter that is served, or NULL: none on this machine. */
static const char *any_python(void)
{
	for (int i = 0; i < python_count; i++)
		if (is_served(pythons[i]))
			return pythons[i];
	return NULL;
}

/* What @render makes of the context; to be freed. */
static char *rendered(gen_render_fn *render)
{
	struct buffer out = {0};

	ck_assert_int_eq(render(&context, &out), 0);
	return buffer_take(&out);
}

/* Quoting */

typedef void quote_fn(struct buffer *out, const char *text);

static const struct {
	quote_fn *quote;
	const char *text, *quoted;
} quotings[] = {
	{quote_sh, "", "''"},
	{quote_sh, "a b$(c)`d`\\!\"", "'a b$(c)`d`\\!\"'"},
	{quote_sh, "it's", "'it'\\''s'"},
	{quote_csh, "it's \\!", "'it'\\''s '\\\\''\\!''"},
	{quote_fish, "it's \\ $x", "'it\\'s \\\\ $x'"},
	{quote_python, "it's \\ é", "'it\\'s \\\\ é'"},
	{quote_powershell, "it's \u2018\u2019\u201a\u201b \" $x `n",
	 "'it''s \u2018\u2018\u2019\u2019\u201a\u201a\u201b\u201b \" $x `n'"},
	{quote_nu, "a\"$x\\", "r#'a\"$x\\'#"},
	{quote_nu, "a'#b'##c", "r###'a'#b'##c'###"},
	{quote_nu, "#'", "r#'#''#"},
	{quote_sh_in_python, "it's \\ '''", "'it'\\''s '\\\\' '\\'''\\'''\\'''"},
	{quote_prompt_bash, "$(a)`b` \\u ! it's",
	 "'(\\\\\\044(a)\\\\\\140b\\\\\\140 \\\\\\\\u \\041 it'\\''s) '"},
	{quote_prompt_dash, "$(a)`b` \\u !", "'(\\$(a)\\`b\\` \\\\u !) '"},
	{quote_prompt_mksh, "$(a)`b` \\u ! \"", "'(\\$(a)\\`b\\` \\\\u !! \") '"},
	{quote_prompt_ksh93, "$(a)`b` \\u ! \" it's",
	 "'\"(\\$(a)\\`b\\` \\\\u !! \\\" it'\\''s) \"'"},
	{quote_prompt_zsh, "$a`\\!%n", "'(%1<<\\$%<<a%1<<\\`%<<%1<<\\\\%<<%1<<!!%<<%%n) '"},
	{quote_prompt_tcsh, "%n^A", "'(%%n'\\\\'^A) '"},
	{quote_prompt_csh, "%n^A!", "'(%n^A'\\\\''\\!') '"},
};

START_TEST(a_text_is_quoted)
{
	_cleanup_buffer_ struct buffer out = {0};

	quotings[_i].quote(&out, quotings[_i].text);
	ck_assert_str_eq(out.data, quotings[_i].quoted);
}
END_TEST

/* Every printable character of ASCII, twice, and others; the language itself gives them back. */
static const char everything[] = " !!\"\"##$$%%&&''(())**++,,--..//"
				 "0011::;;<<==>>??@@AAaa[[\\\\]]^^__``{{||}}~~ \\n\\x41 $(a) "
				 "`b` ''' \"\"\" é ß 日本 \u2018";

START_TEST(sh_and_python_read_what_was_quoted)
{
	_cleanup_buffer_ struct buffer sh = {0}, python = {0}, both = {0};
	_cleanup_free_ char *by_sh = NULL, *by_python = NULL, *by_exec = NULL;

	buffer_puts(&sh, "printf %s ");
	quote_sh(&sh, everything);
	by_sh = RUN("/bin/sh", "-c", sh.data);
	ck_assert_str_eq(by_sh, everything);

	buffer_puts(&both, "printf %s ");
	quote_sh_in_python(&both, everything);
	by_exec = RUN("/bin/sh", "-c", both.data);
	ck_assert_str_eq(by_exec, everything);

	if (!any_python())
		return;
	buffer_puts(&python, "import sys; sys.stdout.buffer.write(");
	quote_python(&python, everything);
	buffer_puts(&python, ".encode('utf-8'))");
	by_python = RUN(any_python(), "-X", "utf8", "-c", python.data);
	ck_assert_str_eq(by_python, everything);
}
END_TEST

static const struct {
	const char *text;
	int r;
} checks[] = {
	{"", 0},
	{"plain", 0},
	{everything, 0},
	{"\u00a0\u2027\u202a\ufffd\U0010ffff", 0},
	{"a\nb", -EINVAL},
	{"a\rb", -EINVAL},
	{"a\tb", -EINVAL},
	{"\x1b[0m", -EINVAL},
	{"\x01", -EINVAL},
	{"\x7f", -EINVAL},
	{"\xc2\x85", -EINVAL},
	{"\xc2\x9f", -EINVAL},
	{"\u2028", -EINVAL},
	{"\u2029", -EINVAL},
	{"\xff", -EINVAL},
	{"\x80", -EINVAL},                 /* no lead */
	{"\xc3", -EINVAL},                 /* ends in the middle */
	{"\xe2\x82", -EINVAL},             /* so does this */
	{"\xc3(", -EINVAL},                /* no continuation */
	{"\xc0\xaf", -EINVAL},             /* / in two bytes */
	{"\xe0\x80\xaf", -EINVAL},         /* in three */
	{"\xed\xa0\x80", -EINVAL},         /* a surrogate */
	{"\xf4\x90\x80\x80", -EINVAL},     /* above U+10FFFF */
	{"\xf8\x88\x80\x80\x80", -EINVAL}, /* five bytes */
};

START_TEST(what_cannot_be_quoted_is_refused)
{
	ck_assert_int_eq(quote_check(checks[_i].text), checks[_i].r);
}
END_TEST

/* Shebangs */

/* "/" and a name of @length - 1 letters. */
static char *path_of_length(size_t length)
{
	char *path = malloc(length + 1);

	ck_assert_ptr_nonnull(path);
	memset(path, 'a', length);
	path[0] = '/';
	path[length] = '\0';
	return path;
}

START_TEST(a_plain_shebang_as_long_as_it_fits)
{
	_cleanup_free_ char *fits = path_of_length(124), *longer = path_of_length(125);
	_cleanup_buffer_ struct buffer plain = {0}, exec = {0};

	generated_shebang(&plain, fits);
	ck_assert_uint_eq(plain.length, 127);
	ck_assert_mem_eq(plain.data, "#!/aaa", 6);
	ck_assert_int_eq(plain.data[126], '\n');
	generated_shebang(&exec, longer);
	ck_assert_mem_eq(exec.data, "#!/bin/sh\n'''exec' '/aaa", 24);
}
END_TEST

static const struct {
	const char *python, *shebang;
} shebangs[] = {
	{"/e/bin/python", "#!/e/bin/python\n"},
	{"/e$(x)/bin/python", "#!/e$(x)/bin/python\n"}, /* the kernel expands nothing */
	{"/my env/bin/python", "#!/bin/sh\n'''exec' '/my env/bin/python' \"$0\" \"$@\"\n' '''\n"},
	{"/it's an/python", "#!/bin/sh\n'''exec' '/it'\\''s an/python' \"$0\" \"$@\"\n' '''\n"},
	{"/coding=x/python", "#!/bin/sh\n'''exec' '/coding=x/python' \"$0\" \"$@\"\n' '''\n"},
};

START_TEST(a_shebang_names_its_python)
{
	_cleanup_buffer_ struct buffer out = {0};

	generated_shebang(&out, shebangs[_i].python);
	ck_assert_str_eq(out.data, shebangs[_i].shebang);
}
END_TEST

/* Directories of an environment that is never there, but whose scripts run. */
static const char *const homes[] = {
	"plain",
	"with space",
	"it's $(touch pwned) `touch pwned` \"so\" \\ \\n \\x ''' !",
	"é ß 日本",
	"a-path-that-is-far-too-long-for-the-first-line-of-a-script-on-linux-before-5.1-where-it-"
	"was-cut-at-one-hundred-and-twenty-seven-bytes",
};

static void write_script(const char *path, const struct buffer *shebang)
{
	static const char body[] = "import sys\nprint(sys.executable, sys.argv[1:], end='')\n";
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(io_write_all(fd, shebang->data, shebang->length), 0);
	ck_assert_int_eq(io_write_all(fd, body, strlen(body)), 0);
}

START_TEST(a_script_finds_its_python)
{
	char directory[] = "/tmp/venvfs-test-generated-XXXXXX";
	_cleanup_free_ char *home = NULL, *python = NULL, *expected = NULL;
	_cleanup_free_ char *by_path = NULL, *by_place = NULL;
	_cleanup_buffer_ struct buffer named = {0}, relocatable = {0};

	if (!any_python())
		return;
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chdir(directory), 0);
	ck_assert_int_eq(mkdir(homes[_i], 0700), 0);
	ck_assert_int_eq(path_join(directory, homes[_i], &home), 0);
	ck_assert_int_eq(path_join(home, "python", &python), 0);
	ck_assert_int_eq(symlink(any_python(), python), 0);
	ck_assert_int_eq(chdir(home), 0);
	generated_shebang(&named, python);
	write_script("named", &named);
	generated_shebang_relocatable(&relocatable);
	write_script("relocatable", &relocatable);
	ck_assert_int_eq(symlink("relocatable", "link"), 0);

	ck_assert_int_gt(asprintf(&expected, "%s ['a b', '$c']", python), 0);
	setenv("PYTHONWARNINGS", "error", 1);
	setenv("PYTHONUTF8", "1", 1);
	by_path = RUN("./named", "a b", "$c");
	by_place = RUN("./link", "a b", "$c");
	ck_assert_int_ne(access("pwned", F_OK), 0);
	ck_assert_int_eq(chdir("/"), 0);
	io_remove_tree(AT_FDCWD, directory);
	ck_assert_str_eq(by_path, expected);
	ck_assert_str_eq(by_place, expected);
}
END_TEST

START_TEST(a_relocatable_shebang_names_nothing)
{
	_cleanup_free_ char *script = NULL;

	spec.relocatable = true;
	script = rendered(gen_pip_script);
	ck_assert_ptr_nonnull(strstr(script, "realpath -- \"$0\""));
	ck_assert_ptr_null(strstr(script, "proj"));
}
END_TEST

/* pyvenv.cfg */

/* The value of @key, to be freed, as CPython reads it: split at the first "=", blanks taken off. */
static char *value_of(const char *cfg, const char *key)
{
	_cleanup_free_ char *copy = strdup(cfg);
	char *cursor = copy, *line;

	while ((line = strsep(&cursor, "\n")) != NULL) {
		char *name = strsep(&line, "=");

		name[strcspn(name, " ")] = '\0';
		if (line && strcmp(name, key) == 0)
			return strdup(line + strspn(line, " "));
	}
	return NULL;
}

static void expect_value(const char *cfg, const char *key, const char *expected)
{
	_cleanup_free_ char *value = value_of(cfg, key);

	ck_assert_msg(value, "no %s in:\n%s", key, cfg);
	ck_assert_str_eq(value, expected);
}

START_TEST(pyvenv_cfg_has_what_its_readers_want)
{
	_cleanup_free_ char *cfg = rendered(gen_pyvenv_cfg);

	expect_value(cfg, "home", "/opt/py/bin");
	expect_value(cfg, "include-system-site-packages", "false");
	expect_value(cfg, "version", "3.11.7");
	expect_value(cfg, "version_info", "3.11.7.final.0");
	expect_value(cfg, "executable", "/opt/py-3.11.7/bin/python3.11");
	expect_value(cfg, "implementation", "CPython");
	expect_value(cfg, "prompt", "proj");
	expect_value(cfg, "command", "/opt/py/bin/python3.11 -m venv /home/ann/envs/proj");
	ck_assert_ptr_nonnull(strstr(cfg, "\nvenvfs = "));
	ck_assert_ptr_null(strstr(cfg, "\nuv = "));
	ck_assert_ptr_null(strstr(cfg, "relocatable"));
}
END_TEST

START_TEST(pyvenv_cfg_follows_the_spec)
{
	_cleanup_free_ char *cfg = NULL;

	spec = (struct spec){.system_site_packages = true, .relocatable = true};
	cfg = rendered(gen_pyvenv_cfg);
	expect_value(cfg, "include-system-site-packages", "true");
	expect_value(cfg, "relocatable", "true");
	expect_value(cfg, "command",
		     "/opt/py/bin/python3.11 -m venv --without-pip --system-site-packages "
		     "/home/ann/envs/proj");
}
END_TEST

static const struct {
	const char *prompt, *value;
} prompts[] = {
	{"a b", "a b"},
	{"a = b # c", "a = b # c"},
	{"it's \"so\"", "it's \"so\""},
	{"'so'", "\"'so'\""},
	{"\"so\"", "'\"so\"'"},
	{"so ", "'so '"},
	{" so", "' so'"},
	{"", "''"},
};

START_TEST(a_prompt_survives_its_readers)
{
	_cleanup_free_ char *cfg = NULL;

	context.prompt = prompts[_i].prompt;
	cfg = rendered(gen_pyvenv_cfg);
	expect_value(cfg, "prompt", prompts[_i].value);
}
END_TEST

/* A line that was not asked for. */
static const char *const injections[] = {"a\nhome = /evil", "a\rhome = /evil", "a\u2028b", "a\xff"};

START_TEST(pyvenv_cfg_takes_no_second_line)
{
	static char **const fields[] = {&interpreter.home, &interpreter.real_executable,
					&interpreter.version_info, (char **)&context.prompt,
					(char **)&context.mountpoint};

	for (int i = 0; i < COUNT(fields); i++) {
		_cleanup_buffer_ struct buffer out = {0};

		set_context();
		*fields[i] = (char *)injections[_i];
		ck_assert_int_eq(gen_pyvenv_cfg(&context, &out), -EINVAL);
	}
}
END_TEST

/* Activation */

static gen_render_fn *const activations[] = {
	gen_activate_posix, gen_activate_csh, gen_activate_fish,
	gen_activate_nu,    gen_activate_ps1, gen_activate_this,
};

/* How often @word is in @text. */
static int occurrences(const char *text, const char *word)
{
	int count = 0;

	for (const char *p = strstr(text, word); p; p = strstr(p + 1, word))
		count++;
	return count;
}

static const struct {
	gen_render_fn *render;
	quote_fn *quote;
	const char *mountpoint, *prompt; /* the statements, with %s for the literal */
} assignments[] = {
	{gen_activate_posix, quote_sh, "\nexport VIRTUAL_ENV=%s\n",
	 "\nexport VIRTUAL_ENV_PROMPT=%s\n"},
	{gen_activate_csh, quote_csh, "\nsetenv VIRTUAL_ENV %s\n",
	 "\nsetenv VIRTUAL_ENV_PROMPT %s\n"},
	{gen_activate_fish, quote_fish, "\nset -gx VIRTUAL_ENV %s\n",
	 "\nset -gx VIRTUAL_ENV_PROMPT %s\n"},
	{gen_activate_nu, quote_nu, "    let env_dir = %s\n", "    let env_prompt = %s\n"},
	{gen_activate_ps1, quote_powershell, "    $VenvDir = %s\n", "        $Prompt = %s\n"},
	{gen_activate_this, quote_python, "\nenv_dir = %s\n",
	 "\nos.environ[\"VIRTUAL_ENV_PROMPT\"] = %s\n"},
};

/* @statement with @text as its literal is in @script, once. */
static void expect_statement(const char *script, const char *statement, quote_fn *quote,
			     const char *text)
{
	_cleanup_buffer_ struct buffer expected = {0};
	const char *literal = strstr(statement, "%s");

	buffer_append(&expected, statement, (size_t)(literal - statement));
	quote(&expected, text);
	buffer_puts(&expected, literal + 2);
	ck_assert_msg(occurrences(script, expected.data) == 1, "no %s in:\n%s", expected.data,
		      script);
}

START_TEST(an_activation_script_has_its_literals)
{
	_cleanup_free_ char *script = NULL;

	context.mountpoint = "/e'#\u2019 $(x) !\\ @PROMPT@";
	context.prompt = "p'##\u2018 `x` @VIRTUAL_ENV@ @PROMPT";
	script = rendered(assignments[_i].render);
	expect_statement(script, assignments[_i].mountpoint, assignments[_i].quote,
			 context.mountpoint);
	expect_statement(script, assignments[_i].prompt, assignments[_i].quote, context.prompt);
	/* In no place but the literal: nothing else of the script depends on it. */
	ck_assert_int_eq(occurrences(script, "@PROMPT@"), 1);
}
END_TEST

START_TEST(a_template_has_no_slot_left)
{
	_cleanup_free_ char *script = rendered(activations[_i]);

	for (const char *p = strchr(script, '@'); p; p = strchr(p + 1, '@')) {
		size_t length = strspn(p + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

		ck_assert_msg(length == 0 || p[1 + length] != '@', "%s", p);
	}
}
END_TEST

START_TEST(an_activation_script_refuses_what_it_cannot_say)
{
	static const char *const mountpoints[] = {"/a:b", "/a\nb", "/a\x1b[0m", "/a\xff"};
	static const char *const bad_prompts[] = {"a\nb", "a\x1b[0m", "a\xff", "a\u2029"};

	for (int i = 0; i < COUNT(mountpoints); i++) {
		_cleanup_buffer_ struct buffer out = {0};

		context.mountpoint = mountpoints[i];
		ck_assert_int_eq(activations[_i](&context, &out), -EINVAL);
		ck_assert_uint_eq(out.length, 0);
	}
	context.mountpoint = "/a";
	for (int i = 0; i < COUNT(bad_prompts); i++) {
		_cleanup_buffer_ struct buffer out = {0};

		context.prompt = bad_prompts[i];
		ck_assert_int_eq(activations[_i](&context, &out), -EINVAL);
		ck_assert_uint_eq(out.length, 0);
	}
	context.prompt = "a:b";
	free(rendered(activations[_i]));
}
END_TEST

START_TEST(a_slot_is_filled_in_once)
{
	const struct gen_slot slots[] = {
		{"A", "@B@", NULL},
		{"B", "it's @A@", quote_sh},
		GEN_SLOT_END,
	};
	_cleanup_buffer_ struct buffer out = {0};

	ck_assert_int_eq(gen_activate(&context, "@@A@@B@ @C@ a@B", slots, &out), 0);
	ck_assert_str_eq(out.data, "@@B@'it'\\''s @A@' @C@ a@B");
}
END_TEST

/* The table */

static bool is_present(const struct generated_entry *entry)
{
	return !entry->present || entry->present(&context);
}

/* Whether the table has @path for the context, @entry of it in *entry. */
static bool has(const char *path, const struct generated_entry **entry)
{
	for (*entry = generated_table; (*entry)->path; (*entry)++) {
		_cleanup_free_ char *own = generated_path(*entry, &context);

		if (strcmp(own, path) == 0)
			return is_present(*entry);
	}
	return false;
}

START_TEST(every_entry_renders)
{
	interpreter.free_threaded = true;
	for (const struct generated_entry *entry = generated_table; entry->path; entry++) {
		_cleanup_free_ char *path = generated_path(entry, &context);
		_cleanup_buffer_ struct buffer out = {0};

		ck_assert_msg(is_present(entry), "%s", path);
		ck_assert_msg(!strpbrk(path, "{}"), "%s", path);
		ck_assert_int_eq(S_ISDIR(entry->mode), entry->render == NULL);
		if (!entry->render)
			continue;
		ck_assert_int_eq(entry->render(&context, &out), 0);
		ck_assert_uint_gt(out.length, 0);
		ck_assert_uint_eq(out.length, strlen(out.data));
		if (S_ISREG(entry->mode))
			ck_assert_int_eq(out.data[out.length - 1], '\n');
		else
			ck_assert_ptr_null(strchr(out.data, '\n'));
	}
}
END_TEST

START_TEST(parents_come_before_children)
{
	for (const struct generated_entry *entry = generated_table; entry->path; entry++) {
		const char *slash = strrchr(entry->path, '/');
		bool found = !slash;

		for (const struct generated_entry *p = generated_table; !found && p < entry; p++)
			found = strlen(p->path) == (size_t)(slash - entry->path) &&
				strncmp(p->path, entry->path, strlen(p->path)) == 0 &&
				S_ISDIR(p->mode);
		ck_assert_msg(found, "%s", entry->path);
	}
}
END_TEST

START_TEST(the_table_follows_the_interpreter)
{
	const struct generated_entry *entry;

	ck_assert(has("bin/python3.11", &entry) && has("bin/pip3.11", &entry));
	ck_assert(has("include/python3.11", &entry) && !has("bin/python3.11t", &entry));
	ck_assert(has("lib/python3.11/site-packages", &entry));

	interpreter.minor = 10;
	ck_assert(has("bin/python3.10", &entry) && !has("include/python3.10", &entry));
	interpreter.minor = 13;
	interpreter.free_threaded = true;
	ck_assert(has("bin/python3.13", &entry) && has("bin/python3.13t", &entry));
	ck_assert(has("lib/python3.13t/site-packages", &entry));
	ck_assert(has("include/python3.13t", &entry));

	spec.pip = false;
	ck_assert(!has("bin/pip", &entry) && !has("bin/pip3", &entry) &&
		  !has("bin/pip3.13", &entry));
}
END_TEST

START_TEST(links_lead_to_the_base)
{
	_cleanup_free_ char *python = rendered(gen_python_link);
	_cleanup_free_ char *alias = rendered(gen_python_alias);
	_cleanup_free_ char *lib64 = rendered(gen_lib64_link);

	ck_assert_str_eq(python, "/opt/py/bin/python3.11");
	ck_assert_str_eq(alias, "python");
	ck_assert_str_eq(lib64, "lib");
}
END_TEST

static const struct {
	const char *path;
	int r;
} mountpoints[] = {
	{"/home/ann/proj", 0}, {"/a b/it's", 0},   {"/é", 0},           {"/a:b", -EINVAL},
	{":", -EINVAL},        {"/a\nb", -EINVAL}, {"/a\xff", -EINVAL},
};

START_TEST(a_mount_point_is_fit_for_scripts)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	ck_assert_int_eq(generated_check_mountpoint(mountpoints[_i].path, &error),
			 mountpoints[_i].r);
	ck_assert_int_eq(error.message != NULL, mountpoints[_i].r < 0);
}
END_TEST

static TCase *quoting(void)
{
	TCase *tests = tcase_create("quoting");

	tcase_add_loop_test(tests, a_text_is_quoted, 0, COUNT(quotings));
	tcase_add_loop_test(tests, what_cannot_be_quoted_is_refused, 0, COUNT(checks));
	return tests;
}

static TCase *scripts(void)
{
	TCase *tests = tcase_create("scripts");

	tcase_add_unchecked_fixture(tests, find_pythons, forget_pythons);
	tcase_add_test(tests, sh_and_python_read_what_was_quoted);
	tcase_add_test(tests, a_plain_shebang_as_long_as_it_fits);
	tcase_add_loop_test(tests, a_shebang_names_its_python, 0, COUNT(shebangs));
	tcase_add_loop_test(tests, a_script_finds_its_python, 0, COUNT(homes));
	tcase_add_test(tests, a_relocatable_shebang_names_nothing);
	tcase_add_loop_test(tests, an_activation_script_has_its_literals, 0, COUNT(assignments));
	tcase_add_loop_test(tests, a_template_has_no_slot_left, 0, COUNT(activations));
	tcase_add_loop_test(tests, an_activation_script_refuses_what_it_cannot_say, 0,
			    COUNT(activations));
	tcase_add_test(tests, a_slot_is_filled_in_once);
	return tests;
}

static TCase *table(void)
{
	TCase *tests = tcase_create("table");

	tcase_add_test(tests, pyvenv_cfg_has_what_its_readers_want);
	tcase_add_test(tests, pyvenv_cfg_follows_the_spec);
	tcase_add_loop_test(tests, a_prompt_survives_its_readers, 0, COUNT(prompts));
	tcase_add_loop_test(tests, pyvenv_cfg_takes_no_second_line, 0, COUNT(injections));
	tcase_add_test(tests, every_entry_renders);
	tcase_add_test(tests, parents_come_before_children);
	tcase_add_test(tests, the_table_follows_the_interpreter);
	tcase_add_test(tests, links_lead_to_the_base);
	tcase_add_loop_test(tests, a_mount_point_is_fit_for_scripts, 0, COUNT(mountpoints));
	return tests;
}

int main(void)
{
	TCase *(*const cases[])(void) = {quoting, scripts, table};
	Suite *suite = suite_create("generated");

	for (int i = 0; i < COUNT(cases); i++) {
		TCase *tests = cases[i]();

		tcase_add_checked_fixture(tests, set_context, NULL);
		suite_add_tcase(suite, tests);
	}
	return run_suite(suite);
}
