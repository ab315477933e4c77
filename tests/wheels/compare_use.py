"""Uses a mounted environment and one that pip made in the same way, and compares what comes of it.

    compare_use.py imports REAL OURS    imports every top-level module, each in its own process
    compare_use.py scripts REAL OURS    starts every program of the packages with --help
    compare_use.py tests REAL OURS COUNT PYTEST-ARGUMENT...
                                        runs tests that a package ships; COUNT pass at least

Prints what differs, or how many were the same; status 1 when something differs.
"""

import concurrent.futures
import csv
import glob
import os
import re
import signal
import subprocess
import sys
import tempfile

TIMEOUT = {"imports": 300, "scripts": 60, "tests": 7200}  # seconds
SUFFIX = re.compile(r"\.py$|\.(cpython-[^/]*|abi3)?\.?so$")
SKIPPED = re.compile(r"(.*/)?(pip|pip3|pip3\.\d+|easy_install.*)")


def site_packages(environment):
    (directory,) = glob.glob(environment + "/lib/python3*/site-packages")
    return directory


def recorded(environment):
    """The rows of every RECORD."""
    for path in sorted(glob.glob(site_packages(environment) + "/*.dist-info/RECORD")):
        with open(path, newline="", encoding="utf-8") as file:
            for row in csv.reader(file):
                yield row[0]


def modules(environment):
    """What a program can import first: for each file that is recorded, the outermost package it
    is in, or the module itself."""
    files = {name for name in recorded(environment) if SUFFIX.search(name)}
    packages = {os.path.dirname(name) for name in files if name.endswith("/__init__.py")}
    found = set()
    for name in files:
        parts = SUFFIX.sub("", name).split("/")
        for i in range(1, len(parts)):
            if "/".join(parts[:i]) in packages:
                parts = parts[:i]
                break
        if all(part.isidentifier() for part in parts):
            found.add(".".join(parts))
    return sorted(found)


def programs(environment):
    """The files that packages have put into bin."""
    found = {os.path.basename(name) for name in recorded(environment)
             if name.startswith("../../../bin/")}
    return sorted(name for name in found if not SKIPPED.fullmatch(name))


def run(environment, kind, command):
    """The status of a program with a home and a working directory of its own, and what it said.
    None: it did not end."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as home:
        variables = {"HOME": home, "PATH": environment + "/bin:/usr/bin:/bin", "LANG": "C.UTF-8",
                     "TMPDIR": home, "MPLBACKEND": "Agg", "QT_QPA_PLATFORM": "offscreen",
                     "COLUMNS": "80",
                     # numpy's tests would take all memory that there is, and there is another.
                     "NPY_AVAILABLE_MEM": "2 GB"}
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, cwd=home, env=variables,
                                   start_new_session=True)
        try:
            said = process.communicate(timeout=TIMEOUT[kind])[0].decode(errors="replace")
            return process.returncode, said
        except subprocess.TimeoutExpired:
            return None, ""
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.communicate()


def import_module(environment, name):
    """0, or by what it fails."""
    code, said = run(environment, "imports", [
        environment + "/bin/python", "-c", "import importlib, sys\n"
        "importlib.import_module(sys.argv[1])", name])
    lines = said.strip().splitlines()
    return code, lines[-1].replace(environment, "") if code and lines else ""


def start_program(environment, name):
    return run(environment, "scripts", [environment + "/bin/" + name, "--help"])[0], ""


def compare(use, names, real, ours):
    """Each name in both environments; status."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        wanted = pool.map(lambda name: use(real, name), names)
        got = list(pool.map(lambda name: use(ours, name), names))
    different = failing = 0
    for name, theirs, own in zip(names, wanted, got):
        if theirs != own:  # once more: a machine may have been too slow for one of them
            theirs, own = use(real, name), use(ours, name)
        failing += theirs[0] != 0
        if theirs != own:
            different += 1
            print("%s: %s, but in pip's environment %s" % (name, own, theirs))
    print("%d the same, of which %d fail in both; %d differ" % (
        len(names) - different, failing, different))
    return bool(different or not names)


def counts(environment, arguments):
    """How many tests there were of each outcome."""
    code, said = run(environment, "tests", [
        environment + "/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments])
    (summary,) = re.findall(r"^=* ?((?:\d+ \w+,? ?)+) in [\d.]+s", said, re.M)[-1:] or [""]
    # How often something was warned of depends on bytecode, which is compiled or not.
    found = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", summary)
             if not word.startswith("warning")}
    return code, found, "" if found else said[-2000:]


def compare_tests(real, ours, count, *arguments):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        wanted, got = pool.map(lambda environment: counts(environment, arguments), (real, ours))
    print("%s\npip's environment: %s" % (got, wanted))
    return wanted != got or wanted[1].get("passed", 0) < int(count)


def main(kind, real, ours, *rest):
    if kind == "tests":
        return compare_tests(real, ours, *rest)
    if kind == "imports":
        return compare(import_module, modules(real), real, ours)
    return compare(start_program, programs(real), real, ours)


sys.exit(main(*sys.argv[1:]))
