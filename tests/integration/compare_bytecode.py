"""Compares a directory's bytecode with what compileall makes of a copy of its sources.

    compare_bytecode.py DIRECTORY COPY

Runs in the interpreter that is asked. COPY is made: the sources of DIRECTORY with their times, and
what compileall makes of them. Both must have the same .pyc, with the same time and size of the
source, and the same code but for co_filename. Prints differences; status 1 if there are any.
"""

import compileall
import marshal
import os
import shutil
import sys
import types

ATTRIBUTES = sorted(name for name in dir(compile("", "", "exec"))
                    if name.startswith("co_")
                    and name not in ("co_filename", "co_consts", "co_lines", "co_positions",
                                     "co_branches", "co_lnotab"))


def describe(value):
    """As something that says all that matters when it is compared or printed."""
    if isinstance(value, types.CodeType):
        return ([(name, getattr(value, name)) for name in ATTRIBUTES],
                [describe(constant) for constant in value.co_consts])
    if isinstance(value, tuple):
        return [describe(item) for item in value]
    if isinstance(value, frozenset):
        return "set", sorted(map(repr, value))
    return type(value).__name__, repr(value)


def bytecode(top):
    found = {}
    for directory, _, files in os.walk(top):
        for name in files:
            if name.endswith(".pyc"):
                path = os.path.join(directory, name)
                with open(path, "rb") as file:
                    data = file.read()
                found[os.path.relpath(path, top)] = data[:16], describe(marshal.loads(data[16:]))
    return found


def copy_sources(top, copy):
    for directory, _, files in os.walk(top):
        for name in files:
            if name.endswith(".py"):
                path = os.path.join(directory, name)
                target = os.path.join(copy, os.path.relpath(path, top))
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy2(path, target)


def main(top, copy):
    copy_sources(top, copy)
    compileall.compile_dir(copy, maxlevels=50, quiet=2)
    wanted, got = bytecode(copy), bytecode(top)
    differences = ["only compileall has " + path for path in sorted(wanted.keys() - got.keys())]
    differences += ["compileall does not have " + path
                    for path in sorted(got.keys() - wanted.keys())]
    differences += ["differs: " + path for path in sorted(wanted.keys() & got.keys())
                    if wanted[path] != got[path]]
    print("\n".join(differences) or "%d files are the same" % len(got))
    return bool(differences) or not got


sys.exit(main(*sys.argv[1:]))
