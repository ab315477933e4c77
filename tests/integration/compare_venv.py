"""Compares a mounted environment with what `python -m venv` made at the same path.

    compare_venv.py describe DIRECTORY         prints all that is compared, as JSON
    compare_venv.py ASPECT REAL.json OURS.json  prints differences; status 1 if there are any

An ASPECT is tree, cfg, python or pip.
"""

import hashlib
import json
import os
import stat
import subprocess
import sys

# What every environment of ours has: virtualenv and uv have these files too, and newer versions of
# venv some of them.
ALWAYS = {
    ".gitignore",
    "CACHEDIR.TAG",
    "bin/Activate.ps1",
    "bin/activate.nu",
    "bin/activate_this.py",
}

# venv installs setuptools too, but no longer since 3.12, and so do we not.
NOT_OURS = ("setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth")

# Run by each environment's own Python.
FACTS = """
import json, os, site, sys, sysconfig
facts = {name: getattr(sys, name) for name in (
    "prefix", "exec_prefix", "base_prefix", "base_exec_prefix", "executable", "_base_executable",
    "path", "version", "platlibdir", "abiflags", "flags") if hasattr(sys, name)}
facts["site-packages"] = site.getsitepackages()
facts["user site"] = [site.ENABLE_USER_SITE, site.getuserbase(), site.getusersitepackages()]
facts["site prefixes"] = site.PREFIXES
facts["config vars"] = {key: value for key, value in sysconfig.get_config_vars().items()}
facts["config files"] = [sysconfig.get_config_h_filename(), sysconfig.get_makefile_filename()]
for scheme in sysconfig.get_scheme_names():
    if os.name == "posix" and not scheme.startswith("nt"):
        facts["paths " + scheme] = sysconfig.get_paths(scheme)
facts["paths"] = sysconfig.get_paths()
json.dump(facts, sys.stdout)
"""


def describe_entry(path):
    info = os.lstat(path)
    entry = {"mode": oct(info.st_mode), "uid": info.st_uid, "gid": info.st_gid}
    if stat.S_ISLNK(info.st_mode):
        entry["target"] = os.readlink(path)
        entry["resolved"] = os.path.realpath(path)
    elif stat.S_ISREG(info.st_mode):
        with open(path, "rb") as file:
            content = file.read()
        assert len(content) == info.st_size, "%s: %d bytes, but size %d" % (
            path, len(content), info.st_size)
        entry["sha256"] = hashlib.sha256(content).hexdigest()
        entry["size"] = info.st_size
    return entry


def describe_tree(top):
    tree = {}
    for directory, directories, files in os.walk(top):
        if "__pycache__" in directories:
            directories.remove("__pycache__")
        if os.path.basename(directory) == "site-packages":
            directories[:] = [name for name in directories if not name.startswith(NOT_OURS)]
            files = [name for name in files if not name.startswith(NOT_OURS)]
        for name in directories + files:
            path = os.path.join(directory, name)
            tree[os.path.relpath(path, top)] = describe_entry(path)
    return tree


def describe_cfg(top):
    """As CPython reads it: lines, split at the first `=`."""
    with open(os.path.join(top, "pyvenv.cfg"), encoding="utf-8") as file:
        pairs = [line.partition("=")[::2] for line in file.read().splitlines()]
    keys = [key.strip() for key, _ in pairs]
    assert len(keys) == len(set(keys)), "a key is there twice"
    return {key.strip(): value.strip() for key, value in pairs}


def ask(top, program, *arguments):
    return subprocess.run([os.path.join(top, "bin", program), *arguments], cwd="/", check=True,
                          stdout=subprocess.PIPE, encoding="utf-8").stdout


def describe_pip(top):
    """What pip says of itself, and the files that it thinks are its own."""
    if not os.path.exists(os.path.join(top, "bin", "pip")):
        return None
    shown = ask(top, "python", "-m", "pip", "show", "--files", "pip").split("Files:\n")
    files = sorted(line.strip() for line in shown[1].splitlines() if "__pycache__" not in line)
    return {"version": ask(top, "pip", "--version"), "show": shown[0], "files": files,
            "list": [package for package in json.loads(ask(top, "pip", "list", "--format=json"))
                     if package["name"] not in NOT_OURS]}


def describe(top):
    # The tree first: Python writes bytecode.
    description = {"tree": describe_tree(top), "cfg": describe_cfg(top)}
    for program in "python", "python3":
        description[program] = json.loads(ask(top, program, "-c", FACTS))
    description["pip"] = describe_pip(top)
    return description


def expect(what, real, ours):
    """A difference, unless the two are equal."""
    if real != ours:
        yield "%s: %r, and ours is %r" % (what, real, ours)


def is_generated(path):
    """Files whose bytes are ours."""
    return path.startswith("bin/") or path in (".gitignore", "pyvenv.cfg") or \
        path.endswith(".dist-info/RECORD")


def compare_link(path, real, ours):
    """python -> python3 -> base there, python3 -> python -> base here: names are free."""
    yield from expect(path + " leads to", real["resolved"], ours["resolved"])
    if path.startswith("bin/"):
        if os.path.isabs(ours["target"]):
            yield from expect(path + " is", "bin/python", path)
    else:
        yield from expect(path + " -> ", real["target"], ours["target"])


def compare_tree(real, ours):
    for path, entry in sorted(real["tree"].items()):
        mine = ours["tree"].get(path)
        if mine is None:
            yield path + " is missing"
            continue
        for key in "mode", "uid", "gid":
            yield from expect("%s: %s" % (path, key), entry[key], mine[key])
        if "target" in entry:
            yield from compare_link(path, entry, mine)
        elif "sha256" in entry and not is_generated(path):
            yield from expect(path + ": bytes", entry["sha256"], mine["sha256"])
    for path in sorted(ALWAYS - set(ours["tree"])):
        yield path + " is missing"
    version = "python" + real["cfg"]["version"].rpartition(".")[0]
    for path in sorted(set(ours["tree"]) - set(real["tree"]) - ALWAYS):
        if path not in ("bin/" + version, "include/" + version):
            yield path + " is too much"


def compare_cfg(real, ours):
    for key, value in real["cfg"].items():
        yield from expect(key, value, ours["cfg"].get(key))
    for key in "version_info", "executable", "implementation", "prompt", "command", "venvfs":
        if key not in ours["cfg"]:
            yield key + " is missing"
    if "uv" in ours["cfg"]:
        yield "uv is forged"


def compare_python(real, ours):
    for program in "python", "python3":
        for key in sorted(set(real[program]) | set(ours[program])):
            yield from expect("%s: %s" % (program, key), real[program].get(key),
                              ours[program].get(key))


def compare_pip(real, ours):
    if not real["pip"] or not ours["pip"]:
        yield from expect("pip", real["pip"], ours["pip"])
        return
    for key in real["pip"]:
        yield from expect(key, real["pip"][key], ours["pip"][key])


COMPARE = {"tree": compare_tree, "cfg": compare_cfg, "python": compare_python, "pip": compare_pip}


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main(aspect, *paths):
    if aspect == "describe":
        json.dump(describe(*paths), sys.stdout)
        return 0
    differences = list(COMPARE[aspect](*map(load, paths)))
    print(*differences, sep="\n")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
