"""Compares a virtual environment with the mounted one that `venvfs import` made of it.

    compare_import.py VENV MOUNT [PATH...]    prints differences; status 1 if there are any

Every file is to be there, with the same bytes, but for bytecode, what an environment generates, and
what installers write about themselves; scripts are to be there and to be executable. PATHs are left
out.
"""

import hashlib
import os
import sys

GENERATED = {"pyvenv.cfg", ".gitignore", "CACHEDIR.TAG", ".lock", "lib64", "bin/Activate.ps1",
             "bin/pydoc.bat"}
INSTALLERS = {"INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json"}


def is_compared(path):
    name = os.path.basename(path)
    if path in GENERATED or ("dist-info/" in path and name in INSTALLERS):
        return False
    if path.startswith("bin/"):
        return not name.startswith(("python", "activate", "deactivate", "pip"))
    return not name.startswith("_virtualenv.") and not name.endswith((".pyc", ".virtualenv"))


def describe(top, left_out):
    files = {}
    for directory, directories, names in os.walk(top):
        directories[:] = [name for name in directories
                          if name not in ("__pycache__", "lib64", ".venvfs")]
        for name in names:
            path = os.path.relpath(os.path.join(directory, name), top)
            if not is_compared(path) or path.startswith(left_out):
                continue
            full = os.path.join(directory, name)
            if path.startswith("bin/"):
                files[path] = os.access(full, os.X_OK)
            else:
                with open(full, "rb") as file:
                    files[path] = hashlib.sha256(file.read()).hexdigest()
    return files


def main(real, mount, *left_out):
    a, b = describe(real, left_out), describe(mount, left_out)
    differences = ["%s: %s" % (path, "missing" if path not in b else
                               "too much" if path not in a else "other bytes")
                   for path in sorted(set(a) | set(b)) if a.get(path) != b.get(path)]
    assert len(a) > 3, "nothing to compare"
    print("\n".join(differences))
    return bool(differences)


sys.exit(main(*sys.argv[1:]))
