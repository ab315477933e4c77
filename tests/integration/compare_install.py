"""Compares a mounted environment with what pip installed into a real one, file by file.

    compare_install.py REAL OURS

Prints differences; status 1 if there are any. A link into the wheel store counts as the file that it
leads to. May differ: times; INSTALLER, REQUESTED and
direct_url.json, which tell who installed what and why; RECORD's rows for these, for scripts, whose
bytes name the environment, and for headers; and the bytes of scripts.
"""

import csv
import os
import re
import stat
import sys

# What is not of the packages: the environment's own, and what ensurepip installs.
OWN = re.compile(
    r"pyvenv\.cfg|\.gitignore|CACHEDIR\.TAG|lib64"
    r"|bin/(python[\d.t]*|𝜋thon|activate.*|Activate\.ps1|pip[\d.]*|easy_install.*)"
    r"|lib/python[^/]*/site-packages/(pip|setuptools|pkg_resources|_distutils_hack"
    r"|distutils-precedence\.pth|(pip|setuptools)-[^/]*)(/.*)?"
    r"|(.*/)?__pycache__(/.*)?"
)
WHO = {"INSTALLER", "REQUESTED", "direct_url.json"}


def is_script(path):
    return path.startswith("bin/")


def read_record(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = [tuple(row) for row in csv.reader(file)]
    kept = set()
    for name, digest, size in rows:
        if os.path.basename(name) in WHO or name.endswith(".pyc") or "../include/" in name:
            continue
        kept.add((name,) if "../bin/" in name else (name, digest, size))
    assert len(rows) == len({row[0] for row in rows}), path + ": a row is there twice"
    return kept


def content(top, path):
    full = os.path.join(top, path)
    if is_script(path):
        return None
    if path.endswith(".dist-info/RECORD"):
        return read_record(full)
    with open(full, "rb") as file:
        return file.read()


def is_store_link(top, path):
    full = os.path.join(top, path)
    return os.path.islink(full) and re.search("/layers/[0-9a-f]{64}/.*/" + re.escape(
        os.path.basename(path)) + "$", os.readlink(full))


def describe(top):
    """What is there, by path."""
    found = {}
    for directory, directories, files in os.walk(top):
        for name in directories + files:
            path = os.path.relpath(os.path.join(directory, name), top)
            if OWN.fullmatch(path) or (".dist-info" in path and name in WHO):
                continue
            info = os.lstat(os.path.join(top, path))
            kind = stat.filemode(info.st_mode)
            if is_store_link(top, path):
                # The file in the store is the one, but for its owner's permission to write.
                mode = os.stat(os.path.join(top, path)).st_mode | stat.S_IWUSR
                found[path] = stat.filemode(mode), content(top, path)
            elif stat.S_ISLNK(info.st_mode):
                found[path] = kind, os.readlink(os.path.join(top, path))
            elif stat.S_ISREG(info.st_mode):
                found[path] = kind, content(top, path)
            else:
                found[path] = kind, None
    return found


def main(real, ours):
    wanted, got = describe(real), describe(ours)
    differences = ["only pip has " + path for path in sorted(wanted.keys() - got.keys())]
    differences += ["pip does not have " + path for path in sorted(got.keys() - wanted.keys())]
    for path in sorted(wanted.keys() & got.keys()):
        if wanted[path] != got[path]:
            differences.append("%s: %.300r, but pip's is %.300r" % (path, got[path], wanted[path]))
    assert len(wanted) > 5, "nothing was installed"
    print("\n".join(differences) or "%d files and directories are the same" % len(wanted))
    return bool(differences)


sys.exit(main(*sys.argv[1:]))
