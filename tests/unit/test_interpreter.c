/* Base interpreters: what they say of themselves, how they are found, and what is refused. */
#include "probing.h"

/* The next line of @cursor, which must be there. */
static const char *next_line(char **cursor)
{
	const char *line = strsep(cursor, "\n");

	ck_assert_ptr_nonnull(line);
	return line;
}

/* What is asked here in its own words, one line for each field. */
static const char self_portrait[] =
	"import os, platform, sys, sysconfig\n"
	"v = sys.version_info\n"
	"paths = sysconfig.get_paths()\n"
	"for line in (sys.executable, os.path.realpath(sys.executable),\n"
	"             os.path.dirname(sys.executable), '%d %d %d' % v[:3],\n"
	"             platform.python_version(), '%d.%d.%d.%s.%d' % v,\n"
	"             platform.python_implementation(), sys.implementation.cache_tag,\n"
	"             sys.abiflags, sysconfig.get_config_var('EXT_SUFFIX')[1:-3],\n"
	"             int('t' in sys.abiflags), sys.base_prefix, paths['stdlib'],\n"
	"             paths['include'], paths['platinclude']):\n"
	"    print(line)\n";

START_TEST(an_interpreter_is_what_it_says)
{
	_cleanup_interpreter_ struct interpreter *found = NULL;
	_cleanup_free_ char *portrait = NULL;
	char *cursor, numbers[64];

	if (!is_served(pythons[_i]))
		return; /* an_old_interpreter_is_refused has these */
	found = probe(pythons[_i]);
	portrait = RUN(pythons[_i], "-c", self_portrait);
	cursor = portrait;
	ck_assert_str_eq(found->executable, pythons[_i]);
	ck_assert_str_eq(found->executable, next_line(&cursor));
	ck_assert_str_eq(found->real_executable, next_line(&cursor));
	ck_assert_str_eq(found->home, next_line(&cursor));
	snprintf(numbers, sizeof(numbers), "%d %d %d", found->major, found->minor, found->micro);
	ck_assert_str_eq(numbers, next_line(&cursor));
	ck_assert_str_eq(found->version, next_line(&cursor));
	ck_assert_str_eq(found->version_info, next_line(&cursor));
	ck_assert_str_eq(found->implementation, next_line(&cursor));
	ck_assert_str_eq(found->cache_tag, next_line(&cursor));
	ck_assert_str_eq(found->abiflags, next_line(&cursor));
	ck_assert_str_eq(found->soabi, next_line(&cursor));
	ck_assert_int_eq(found->free_threaded, atoi(next_line(&cursor)));
	ck_assert_str_eq(found->base_prefix, next_line(&cursor));
	ck_assert_str_eq(found->stdlib, next_line(&cursor));
	ck_assert_str_eq(found->include, next_line(&cursor));
	ck_assert_str_eq(found->platinclude, next_line(&cursor));
	ck_assert_int_eq(interpreter_changed(found), 0);
}
END_TEST

/* The wheel that ensurepip would install, as it says itself. */
START_TEST(an_interpreter_has_the_pip_of_its_ensurepip)
{
	static const char code[] =
		"import glob, os\n"
		"try:\n"
		"    import ensurepip\n"
		"    name = 'pip-%s-py3-none-any.whl' % ensurepip.version()\n"
		"    own = os.path.join(os.path.dirname(ensurepip.__file__), '_bundled')\n"
		"except ImportError:\n"
		"    name, own = 'pip-*-py3-none-any.whl', '/nonexistent'\n"
		"for place in (own, '/usr/share/python-wheels'):\n"
		"    for path in glob.glob(os.path.join(place, name)):\n"
		"        print(path, end='')\n"
		"        raise SystemExit\n";
	_cleanup_interpreter_ struct interpreter *found = NULL;
	_cleanup_free_ char *wheel = NULL;

	if (!is_served(pythons[_i]))
		return;
	found = probe(pythons[_i]);
	wheel = RUN(pythons[_i], "-c", code);
	ck_assert_str_eq(found->pip_wheel ? found->pip_wheel : "", wheel);
}
END_TEST

/* What we say of the base is what an environment with that `home` and link sees. */
START_TEST(an_environment_finds_its_base_by_home)
{
	_cleanup_interpreter_ struct interpreter *found = NULL;
	_cleanup_free_ char *cfg = NULL, *seen = NULL, *expected = NULL;

	if (!is_served(pythons[_i]))
		return;
	found = probe(pythons[_i]);
	ck_assert_int_eq(mkdir("env", 0700), 0);
	ck_assert_int_eq(mkdir("env/bin", 0700), 0);
	ck_assert_int_eq(symlink(found->executable, "env/bin/python"), 0);
	ck_assert_int_gt(asprintf(&cfg, "home = %s\n", found->home), 0);
	write_file("env/pyvenv.cfg", 0600, cfg);
	ck_assert_int_gt(asprintf(&expected, "%s %s", found->base_prefix, found->stdlib), 0);
	seen = RUN("env/bin/python", "-c",
		   "import sys, sysconfig\n"
		   "assert sys.prefix != sys.base_prefix\n"
		   "print(sys.base_prefix, sysconfig.get_path('stdlib'), end='')");
	ck_assert_str_eq(seen, expected);
}
END_TEST

START_TEST(an_old_interpreter_is_refused)
{
	_cleanup_free_ char *version = NULL, *message = NULL;

	if (is_served(pythons[_i]))
		return;
	version = RUN(pythons[_i], "-c",
		      "import sys; sys.stdout.write('%d.%d.%d' % sys.version_info[:3])");
	ck_assert_int_gt(asprintf(&message, "'%s' is Python %s, which venvfs does not serve",
				  pythons[_i], version),
			 0);
	refuse(pythons[_i], -EOPNOTSUPP, message, "give a CPython from 3.8 to 3.14");
}
END_TEST

static void expect_base(const char *wanted, const char *home)
{
	_cleanup_interpreter_ struct interpreter *found = probe(wanted);

	ck_assert_str_eq(found->home, home);
	ck_assert_ptr_nonnull(found->base_prefix);
	ck_assert_int_eq(path_is_within(found->base_prefix, directory), 0);
}

START_TEST(environments_are_followed_to_the_base)
{
	_cleanup_interpreter_ struct interpreter *base = NULL;
	_cleanup_free_ char *venv = NULL, *nested = NULL;

	if (!is_served(pythons[_i]))
		return;
	base = probe(pythons[_i]);
	free(RUN(pythons[_i], "-m", "venv", "--without-pip", "venv"));
	free(RUN("venv/bin/python", "-m", "venv", "--without-pip", "nested"));
	free(RUN(pythons[_i], "-m", "venv", "--without-pip", "--copies", "copied"));
	ck_assert_int_eq(symlink("venv", "linked"), 0);
	ck_assert_int_eq(symlink("copied", "linked-copy"), 0);
	ck_assert_int_eq(symlink("venv/bin/python", "tool"), 0);
	ck_assert_int_eq(symlink(pythons[_i], "other-name"), 0);
	free(RUN("./other-name", "-m", "venv", "--without-pip", "made-by-link"));

	venv = path_of("venv/bin/python");
	nested = path_of("nested/bin/python3");
	expect_base(venv, base->home);
	expect_base(nested, base->home);
	expect_base("./copied/bin/python", base->home);
	expect_base("./linked/bin/python", base->home);
	expect_base("./linked-copy/bin/python", base->home);
	expect_base("./made-by-link/bin/python", base->home);
	expect_base("./tool", base->home);
	expect_base("./other-name", base->home);
}
END_TEST

START_TEST(tools_environments_are_followed_to_the_base)
{
	_cleanup_interpreter_ struct interpreter *base = probe(python);

	if (_i == 0)
		free(RUN("/usr/bin/env", "uv", "--offline", "-q", "venv", "-p", python, "env"));
	else
		free(RUN("/usr/bin/env", "virtualenv", "-q", "--no-seed", "-p", python, "env"));
	expect_base("./env/bin/python", base->home);
}
END_TEST

/* pyvenv.cfg in all the ways in which it may be written. %1$s is the home of a base. */
static const char *const configurations[] = {
	"home = %1$s\nversion = %2$s\n",
	"HOME=%1$s\r\nVersion_Info=%2$s.final.0\r\n",
	"# = comment\nnonsense\n\n  home   =   %1$s  \nuv = 0.5.0\nversion_info = %2$s",
	"home = /nowhere\nhome = %1$s\nversion_info = rubbish\n",
};

START_TEST(an_environment_is_read_as_python_does)
{
	_cleanup_interpreter_ struct interpreter *base = probe(python), *found = NULL;
	_cleanup_free_ char *text = NULL;

	ck_assert_int_eq(mkdir("env", 0700), 0);
	ck_assert_int_eq(mkdir("env/bin", 0700), 0);
	/* It is never run, because the file says enough. */
	write_file("env/bin/python", 0755, "#!/bin/false\n");
	ck_assert_int_gt(asprintf(&text, configurations[_i], base->home, base->version), 0);
	write_file(_i % 2 ? "env/pyvenv.cfg" : "env/bin/pyvenv.cfg", 0600, text);
	found = probe("env/bin/python");
	ck_assert_str_eq(found->home, base->home);
}
END_TEST

START_TEST(an_environment_that_leads_nowhere_is_refused)
{
	_cleanup_free_ char *bin = path_of("env/bin"), *itself = NULL;

	ck_assert_int_eq(mkdir("env", 0700), 0);
	ck_assert_int_eq(mkdir("env/bin", 0700), 0);
	ck_assert_int_eq(symlink("/nonexistent/bin/python3.11", "env/bin/python"), 0);
	write_file("env/pyvenv.cfg", 0600, "home = /nonexistent/bin\nversion = 3.11.0\n");
	refuse("env/bin/python", -ENOENT, "there is no Python in '/nonexistent/bin'",
	       "an interpreter that is installed");
	write_file("env/pyvenv.cfg", 0600, "home = bin\n");
	refuse("env/bin/python", -ENOEXEC, "names no absolute path", NULL);
	ck_assert_int_gt(asprintf(&itself, "home = %s\n", bin), 0);
	write_file("env/pyvenv.cfg", 0600, itself);
	write_file("env/bin/python3", 0755, "");
	refuse("env/bin/python3", -ELOOP, "to no base", NULL);
}
END_TEST

START_TEST(a_directory_link_stays_in_home)
{
	_cleanup_interpreter_ struct interpreter *base = probe(python), *found = NULL;
	_cleanup_free_ char *wanted = NULL, *home = path_of("alias/bin");
	char name[64];

	snprintf(name, sizeof(name), "alias/bin/%s", path_basename(base->executable));
	ck_assert_int_eq(symlink(base->base_prefix, "alias"), 0);
	wanted = path_of(name);
	found = probe(wanted);
	ck_assert_str_eq(found->executable, wanted);
	ck_assert_str_eq(found->home, home);
	ck_assert_str_eq(found->real_executable, base->real_executable);
}
END_TEST

START_TEST(debian_keeps_usr_bin_as_home)
{
	expect_base("/usr/bin/python3", "/usr/bin");
	expect_base("/bin/python3", "/usr/bin");
}
END_TEST

START_TEST(a_shim_is_asked_each_time)
{
	_cleanup_interpreter_ struct interpreter *first = NULL, *second = NULL;
	const char *other = NULL;

	for (int i = 0; i < python_count; i++)
		if (is_served(pythons[i]) && pythons[i] != python)
			other = pythons[i];
	write_script("shim", "#!/bin/sh\nexec \"$SHIM\" \"$@\"\n");
	setenv("SHIM", python, 1);
	first = probe("./shim");
	ck_assert_str_eq(first->executable, python);
	ck_assert_int_eq(remembered(), 1); /* the base is, the shim is not */
	if (!other)
		return; /* there is only one Python here */
	setenv("SHIM", other, 1);
	second = probe("./shim");
	ck_assert_str_eq(second->executable, other);
	ck_assert_int_eq(remembered(), 2);
}
END_TEST

START_TEST(a_shim_that_passes_its_own_name_is_asked_each_time)
{
	_cleanup_interpreter_ struct interpreter *base = probe(python), *found = NULL;
	_cleanup_free_ char *shim = path_of("shim");

	write_script("shim", "#!/bin/bash\nexec -a \"$0\" %s \"$@\"\n", python);
	found = probe(shim);
	ck_assert_str_eq(found->version, base->version);
	ck_assert_int_eq(remembered(), 1);
}
END_TEST

START_TEST(a_pyenv_shim_leads_to_its_version)
{
	_cleanup_interpreter_ struct interpreter *found = NULL;
	_cleanup_free_ char *shim = NULL, *version = NULL;

	ck_assert_int_eq(path_expand("~/.pyenv/shims/python3", NULL, &shim), 0);
	version = RUN(shim, "-c", "import platform; print(platform.python_version(), end='')");
	found = probe(shim);
	ck_assert_str_eq(found->version, version);
	ck_assert_str_ne(found->executable, shim);
}
END_TEST

START_TEST(a_name_is_looked_up_as_by_execvp)
{
	_cleanup_interpreter_ struct interpreter *found = NULL, *here = NULL;

	ck_assert_int_eq(mkdir("a", 0700) | mkdir("b", 0700) | mkdir("c", 0700), 0);
	ck_assert_int_eq(mkdir("d", 0700), 0);
	write_file("a/python-x", 0644, "#!/bin/false\n");
	ck_assert_int_eq(mkdir("b/python-x", 0755), 0);
	ck_assert_int_eq(symlink("nowhere", "c/python-x"), 0);
	write_script("d/python-x", "#!/bin/sh\nexec %s \"$@\"\n", python);
	setenv("PATH", "a:b:/nonexistent:c::d", 1);
	found = probe("python-x");
	ck_assert_str_eq(found->executable, python);

	/* An empty part is the working directory. */
	ck_assert_int_eq(unlink("d/python-x"), 0);
	ck_assert_int_eq(chdir("d"), 0);
	write_script("python-x", "#!/bin/sh\nexec %s \"$@\"\n", python);
	setenv("PATH", "/nonexistent:", 1);
	here = probe("python-x");
	ck_assert_str_eq(here->executable, python);
}
END_TEST

START_TEST(a_name_that_is_not_on_path_says_where_we_looked)
{
	setenv("PATH", "/nonexistent/bin:a", 1);
	refuse("python-x", -ENOENT, "there is no 'python-x' on PATH", "/nonexistent/bin:a");
	ck_assert_int_eq(mkdir("a", 0700), 0);
	write_file("a/python-x", 0644, "#!/bin/false\n");
	refuse("python-x", -EACCES, "/a/python-x' is not executable", NULL);
	unsetenv("PATH");
	refuse("python-x", -ENOENT, "there is no 'python-x' on PATH", "/usr/bin");
	refuse("", -ENOENT, "has no name", NULL);
}
END_TEST

START_TEST(what_is_no_program_is_refused)
{
	_cleanup_free_ char *absent = path_of("absent");

	refuse(absent, -ENOENT, "No such file", NULL);
	ck_assert_int_eq(symlink("nowhere", "dangling"), 0);
	refuse("./dangling", -ENOENT, "is a link to 'nowhere', which is not there", NULL);
	ck_assert_int_eq(symlink("circle", "circle"), 0);
	refuse("./circle", -ELOOP, "symbolic links", NULL);
	refuse("/", -ENOEXEC, "is a directory", NULL);
	refuse("/dev/null", -ENOEXEC, "is not a file", NULL);
	ck_assert_int_eq(mkfifo("fifo", 0755), 0);
	refuse("./fifo", -ENOEXEC, "is not a file", NULL);
	write_file("data", 0644, "#!/bin/sh\n");
	refuse("./data", -EACCES, "is not executable", NULL);
	refuse("./data/python", -ENOENT, "No such file", NULL);
	write_file("empty", 0755, "");
	refuse("./empty", -ENOEXEC, "can't be started", NULL);
	write_file("lost", 0755, "#!/nonexistent/sh\n");
	refuse("./lost", -ENOEXEC, "can't be started: No such file", NULL);
}
END_TEST

/* Programs that are no Python, or no working one; and what is said of them. */
static const struct {
	const char *script;
	int code;
	const char *message;
} programs[] = {
	{"exit 3", -ENOEXEC, "ends with status 3 and says: nothing"},
	{"echo; printf 'first\\tline\\n' >&2; echo second >&2; exit 1", -ENOEXEC,
	 "says: first line"},
	{"printf 'Traceback (most recent call last):\\n  File x\\nImportError: no y\\n' >&2; exit "
	 "1",
	 -ENOEXEC, "says: ImportError: no y"},
	{"kill -SEGV $$", -ENOEXEC, "was killed by signal 11"},
	{"echo Hello", -ENOEXEC, "it prints: Hello"},
	{"true", -ENOEXEC, "it prints: nothing"},
	{"printf '\\033[31mred\\n'", -ENOEXEC, "it prints:  [31mred"},
	{"head -c 100000 /dev/zero", -ENOEXEC, "prints more than an answer"},
	{"yes", -ENOEXEC, "prints more than an answer"},
	{"yes >&2", -ETIMEDOUT, "did not answer within 2 s"},
	{"exec sleep 60", -ETIMEDOUT, "did not answer within 2 s"},
	{"sleep 60 & sleep 60", -ETIMEDOUT, "did not answer within 2 s"},
	{"trap '' TERM INT HUP; while :; do sleep 1; done", -ETIMEDOUT, "did not answer within"},
	{"exec >&- 2>&-; exec sleep 60", -ETIMEDOUT, "did not answer within 2 s"},
};

START_TEST(a_program_that_is_no_python_is_refused)
{
	write_script("program", "#!/bin/sh\n%s\n", programs[_i].script);
	refuse("./program", programs[_i].code, programs[_i].message, NULL);
	ck_assert_int_eq(remembered(), 0);
}
END_TEST

/* Answers that are JSON, but not to be believed: a good one but for one field. */
static const struct {
	const char *key, *value;
	int code;
	const char *message;
} lies[] = {
	{"executable", "\"\"", -ENOEXEC, "no sensible 'executable'"},
	{"executable", "\"bin/python\"", -ENOEXEC, "no sensible 'executable'"},
	{"executable", "\"/usr/bin/py\\nthon\"", -ENOEXEC, "no sensible 'executable'"},
	{"executable", "\"/usr/bin/py\\u0085thon\"", -ENOEXEC, "no sensible 'executable'"},
	{"executable", "\"/usr/bin/py\\u0000thon\"", -ENOEXEC, "it prints: {"},
	{"executable", "\"/usr/bin/py\\udcffthon\"", -ENOEXEC, "it prints: {"},
	{"executable", "null", -ENOEXEC, "no sensible 'executable'"},
	{"executable", "\"/nonexistent/python\"", -ENOENT, "'/nonexistent/python'"},
	{"implementation", "\"PyPy\"", -EOPNOTSUPP, "is PyPy 3.11.7, which"},
	{"implementation", "[]", -ENOEXEC, "no sensible 'implementation'"},
	{"version", "\"3.11.7\\u001b[0m\"", -ENOEXEC, "no sensible 'version'"},
	{"version_info", "[3, 11]", -ENOEXEC, "no sensible 'version_info'"},
	{"version_info", "[3, 11, 7, \"final\", 0, 0]", -ENOEXEC, "no sensible 'version_info'"},
	{"version_info", "[3, -11, 7, \"final\", 0]", -ENOEXEC, "no sensible 'version_info'"},
	{"version_info", "[3, 1000, 7, \"final\", 0]", -ENOEXEC, "no sensible 'version_info'"},
	{"version_info", "[3, \"11\", 7, \"final\", 0]", -ENOEXEC, "no sensible 'version_info'"},
	{"version_info", "[3, 11, 7, \"perfect\", 0]", -ENOEXEC, "no sensible 'version_info'"},
	{"version_info", "[3, 15, 0, \"final\", 0]", -EOPNOTSUPP, "does not serve"},
	{"version_info", "[4, 8, 0, \"final\", 0]", -EOPNOTSUPP, "does not serve"},
	{"cache_tag", "\"../../cpython\"", -ENOEXEC, "no sensible 'cache_tag'"},
	{"cache_tag", "\"\"", -ENOEXEC, "no sensible 'cache_tag'"},
	{"abiflags", "7", -ENOEXEC, "no sensible 'abiflags'"},
	{"soabi", "null", -ENOEXEC, "no sensible 'soabi'"},
	{"base_prefix", "\"usr\"", -ENOEXEC, "no sensible 'base_prefix'"},
	{"stdlib", "{}", -ENOEXEC, "no sensible 'stdlib'"},
	{"include", "\"/usr/\\u007finclude\"", -ENOEXEC, "no sensible 'include'"},
	{"platinclude", "true", -ENOEXEC, "no sensible 'platinclude'"},
	{"free_threaded", "0", -ENOEXEC, "no sensible 'free_threaded'"},
	{"twice\": 1, \"twice", "2", -ENOEXEC, "it prints: {"},
};

/* A good answer of ./program, but for one field. */
static char *answer_with(const char *key, const char *value)
{
	_cleanup_free_ char *path = path_of("program");
	const char *const fields[][2] = {
		{"executable", path},
		{"implementation", "CPython"},
		{"version", "3.11.7"},
		{"cache_tag", "cpython-311"},
		{"abiflags", ""},
		{"soabi", "cpython-311-x86_64-linux-gnu"},
		{"base_prefix", "/usr"},
		{"stdlib", "/usr/lib/python3.11"},
		{"include", "/usr/include/python3.11"},
		{"platinclude", "/usr/include/python3.11"},
	};
	struct buffer text = {0};

	buffer_printf(&text, "{\"%s\": %s", key, value);
	for (int i = 0; i < COUNT(fields); i++)
		if (strcmp(fields[i][0], key) != 0)
			buffer_printf(&text, ", \"%s\": \"%s\"", fields[i][0], fields[i][1]);
	if (strcmp(key, "version_info") != 0)
		buffer_puts(&text, ", \"version_info\": [3, 11, 7, \"final\", 0]");
	if (strcmp(key, "free_threaded") != 0)
		buffer_puts(&text, ", \"free_threaded\": false");
	buffer_puts(&text, "}");
	return buffer_take(&text);
}

START_TEST(an_answer_is_not_trusted)
{
	_cleanup_free_ char *answer = answer_with(lies[_i].key, lies[_i].value);

	write_script("program", "#!/bin/sh\ncat <<'END'\n%s\nEND\n", answer);
	refuse("./program", lies[_i].code, lies[_i].message, NULL);
	ck_assert_int_eq(remembered(), 0);
}
END_TEST

/* The rest of these tests would prove little if the good answer were refused, too. */
START_TEST(an_honest_answer_is_believed)
{
	_cleanup_free_ char *answer = answer_with("image", "[1, 2]");
	_cleanup_interpreter_ struct interpreter *found = NULL;

	write_script("program", "#!/bin/sh\ncat <<'END'\n%s\nEND\n", answer);
	found = probe("./program");
	ck_assert_str_eq(found->version_info, "3.11.7.final.0");
	ck_assert_str_eq(found->soabi, "cpython-311-x86_64-linux-gnu");
	ck_assert_int_eq(remembered(), 0); /* a script did not run itself */
}
END_TEST

/* A wrapper @name that says that it ran the interpreter @target. */
static void write_wrapper(const char *name, const char *target)
{
	write_script(name,
		     "#!/bin/sh\ncat <<'END'\n{\"executable\": \"%s\", "
		     "\"implementation\": \"CPython\", \"version\": \"3.11.7\", "
		     "\"version_info\": [3, 11, 7, \"final\", 0], \"cache_tag\": \"c\", "
		     "\"abiflags\": \"\", \"soabi\": \"s\", \"base_prefix\": \"/usr\", "
		     "\"stdlib\": \"/usr\", \"include\": \"/usr\", \"platinclude\": \"/usr\", "
		     "\"free_threaded\": false}\nEND\n",
		     target);
}

START_TEST(wrappers_that_lead_to_each_other_are_refused)
{
	_cleanup_free_ char *a = path_of("a"), *b = path_of("b");

	write_wrapper("a", b);
	write_wrapper("b", a);
	refuse(a, -ELOOP, "leads from one interpreter to the next", NULL);
}
END_TEST

START_TEST(the_users_environment_does_not_matter)
{
	_cleanup_interpreter_ struct interpreter *base = probe(python), *found = NULL;
	_cleanup_free_ char *here = path_of(".");

	ck_assert_int_eq(io_remove_tree(AT_FDCWD, "cache/venvfs"), 0);
	write_file("json.py", 0644, "raise SystemExit('a json of the working directory')\n");
	write_file("sitecustomize.py", 0644, "print('noise')\n");
	setenv("PYTHONHOME", "/nonexistent", 1);
	setenv("PYTHONPATH", here, 1);
	setenv("PYTHONSTARTUP", "/nonexistent", 1);
	setenv("PYTHONWARNINGS", "error", 1);
	setenv("PYTHONIOENCODING", "utf-16", 1);
	setenv("__PYVENV_LAUNCHER__", "/nonexistent", 1);
	setenv("LC_ALL", "xx_XX.no-such-locale", 1);
	found = probe(python);
	ck_assert_str_eq(found->stdlib, base->stdlib);
	ck_assert_str_eq(found->executable, base->executable);
}
END_TEST

START_TEST(a_path_may_hold_anything_printable)
{
	_cleanup_interpreter_ struct interpreter *found = NULL;
	_cleanup_free_ char *expected = path_of("d 'é$(x)\\\" %s/bin/python");

	ck_assert_int_eq(mkdir("d 'é$(x)\\\" %s", 0700), 0);
	ck_assert_int_eq(mkdir("d 'é$(x)\\\" %s/bin", 0700), 0);
	copy_python(python, "d 'é$(x)\\\" %s/bin/python");
	setenv("PYTHONHOME", "/usr", 1);
	setenv("LD_LIBRARY_PATH", "/nonexistent", 1);
	found = probe("d 'é$(x)\\\" %s/bin/python");
	ck_assert_str_eq(found->executable, expected);
}
END_TEST

START_TEST(a_version_constraint_is_checked)
{
	struct interpreter interpreter = {
		.executable = (char *)"/usr/bin/python3",
		.version = (char *)"3.11.7",
		.major = 3,
		.minor = 11,
		.micro = 7,
	};
	static const char *const met[] = {"3.11", "3.11.7"};
	static const char *const unmet[] = {"3.1", "3.12", "3.11.70", "3.11.", "2.11.7", "3", ""};

	for (int i = 0; i < COUNT(met); i++)
		ck_assert_int_eq(interpreter_check_version(&interpreter, met[i], NULL), 0);
	for (int i = 0; i < COUNT(unmet); i++) {
		_cleanup_error_ struct error error = ERROR_INIT;

		ck_assert_int_eq(interpreter_check_version(&interpreter, unmet[i], &error),
				 -EINVAL);
		ck_assert_ptr_nonnull(strstr(error.message, "'/usr/bin/python3' is Python 3.11.7"));
		ck_assert_ptr_nonnull(error.hint);
	}
}
END_TEST

/* Whether a tool is here; when not, says what is left out. */
static bool have(const char *name, const char *what)
{
	_cleanup_free_ char *path = NULL;

	if (strchr(name, '/') ? access(name, X_OK) == 0 : interpreter_find(name, &path, NULL) == 0)
		return true;
	printf("# %s: not tested, there is no %s\n", what, name);
	fflush(stdout);
	return false;
}

/* Tests that each Python is put to. */
static void add_tests_of_each(TCase *tests)
{
	tcase_add_loop_test(tests, an_interpreter_is_what_it_says, 0, python_count);
	tcase_add_loop_test(tests, an_interpreter_has_the_pip_of_its_ensurepip, 0, python_count);
	tcase_add_loop_test(tests, an_environment_finds_its_base_by_home, 0, python_count);
	tcase_add_loop_test(tests, an_old_interpreter_is_refused, 0, python_count);
	tcase_add_loop_test(tests, environments_are_followed_to_the_base, 0, python_count);
}

/* Tests of what is not on every machine. */
static void add_tests_of_tools(TCase *tests)
{
	_cleanup_free_ char *shim = NULL;

	if (have("uv", "environments made by uv"))
		tcase_add_loop_test(tests, tools_environments_are_followed_to_the_base, 0, 1);
	if (have("virtualenv", "environments made by virtualenv"))
		tcase_add_loop_test(tests, tools_environments_are_followed_to_the_base, 1, 2);
	if (path_expand("~/.pyenv/shims/python3", NULL, &shim) == 0 && have(shim, "pyenv's shims"))
		tcase_add_test(tests, a_pyenv_shim_leads_to_its_version);
	if (access("/etc/debian_version", F_OK) == 0 && have("/usr/bin/python3", "Debian's Python"))
		tcase_add_test(tests, debian_keeps_usr_bin_as_home);
}

int main(void)
{
	TCase *tests = tcase_create("interpreter");

	if (!begin_probing())
		return 0;
	add_fixtures(tests);
	add_tests_of_each(tests);
	add_tests_of_tools(tests);
	tcase_add_loop_test(tests, an_environment_is_read_as_python_does, 0, COUNT(configurations));
	tcase_add_test(tests, an_environment_that_leads_nowhere_is_refused);
	tcase_add_test(tests, a_directory_link_stays_in_home);
	tcase_add_test(tests, a_shim_is_asked_each_time);
	tcase_add_test(tests, a_shim_that_passes_its_own_name_is_asked_each_time);
	tcase_add_test(tests, a_name_is_looked_up_as_by_execvp);
	tcase_add_test(tests, a_name_that_is_not_on_path_says_where_we_looked);
	tcase_add_test(tests, what_is_no_program_is_refused);
	tcase_add_loop_test(tests, a_program_that_is_no_python_is_refused, 0, COUNT(programs));
	tcase_add_loop_test(tests, an_answer_is_not_trusted, 0, COUNT(lies));
	tcase_add_test(tests, an_honest_answer_is_believed);
	tcase_add_test(tests, wrappers_that_lead_to_each_other_are_refused);
	tcase_add_test(tests, the_users_environment_does_not_matter);
	tcase_add_test(tests, a_path_may_hold_anything_printable);
	tcase_add_test(tests, a_version_constraint_is_checked);
	return finish_probing("interpreter", tests);
}
