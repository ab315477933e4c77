"""Makes wheels with what is shown as links: python link_wheels.py DIRECTORY [CFLAG...]

linked has bytecode, libraries and a program that are large, and pairs of them that are equal to the
byte; qtlike a plugin as Qt marks them; kept a library. To be run by the Python that they are for, with
gcc. With CFLAGs, which say where Python.h is, linked has extension modules too.
"""

import base64
import hashlib
import importlib.util
import os
import subprocess
import sys
import sysconfig
import zipfile

MARSHALLED = (2024, 2, 29, 12, 0, 0)
SECONDS = 1709208000  # the same

LIBRARY = """\
__attribute__((used)) static const char padding[1 << 20] = {1};
static int count;
int next(void) { return ++count + padding[1]; }
"""

PLUGIN = """\
__attribute__((used, section(".qtmetadata"))) static const char metadata[] = "QTMETADATA !";
"""

PROGRAM = """\
#include <stdio.h>
#include <unistd.h>
int main(void)
{
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
    printf("%.*s\\n", (int)length, path);
    return next() != 1;
}
"""

EXTENSION = """\
#define PY_SSIZE_T_CLEAN
#include <Python.h>
static PyObject *call(PyObject *self, PyObject *args) { return PyLong_FromLong(next()); }
static PyMethodDef methods[] = {{"next", call, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_twin", "", -1, methods};
PyMODINIT_FUNC PyInit__twin(void) { return PyModule_Create(&module); }
"""


def build(directory, source, *flags):
    path = os.path.join(directory, "built")
    subprocess.run(["gcc", "-O1", "-w", "-x", "c", "-", "-o", path, *flags], check=True,
                   input=source.encode())
    with open(path, "rb") as file:
        data = file.read()
    os.unlink(path)
    return data


def bytecode(source):
    code = compile(source, "large.py", "exec")
    head = importlib.util.MAGIC_NUMBER + (0).to_bytes(4, "little")
    import marshal
    return (head + SECONDS.to_bytes(4, "little") + len(source).to_bytes(4, "little")
            + marshal.dumps(code))


def digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def write(directory, name, version, files):
    info = "%s-%s.dist-info/" % (name, version)
    files = dict(files)
    files[info + "METADATA"] = b"Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (
        name.encode(), version.encode())
    files[info + "WHEEL"] = (b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
                             b"Tag: py3-none-any\n")
    rows = ["%s,sha256=%s,%d\n" % (path, digest(data), len(data)) for path, data in files.items()]
    files[info + "RECORD"] = ("".join(rows) + info + "RECORD,,\n").encode()
    path = os.path.join(directory, "%s-%s-py3-none-any.whl" % (name, version))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, MARSHALLED)
            executable = path.endswith(("program", ".so"))
            entry.external_attr = (0o100755 if executable else 0o100644) << 16
            wheel.writestr(entry, data)


def main(directory, *flags):
    library = build(directory, LIBRARY, "-shared", "-fPIC")
    source = "VALUE = 'old'\nDATA = '%s'\n" % ("x" * 70000)
    cached = "linked/__pycache__/large.%s.pyc" % sys.implementation.cache_tag
    files = {
        "linked/__init__.py": b"",
        "linked/large.py": source.encode(),
        cached: bytecode(source),
        "linked/small.py": b"VALUE = 'old'\n",
        "linked/libcounter.so": library,
        "linked/other/libcounter.so": library,
        "linked/program": build(directory, LIBRARY + PROGRAM),
    }
    if flags:
        twin = build(directory, LIBRARY + EXTENSION, "-shared", "-fPIC", *flags)
        for package in "one", "two":
            files["linked/%s/__init__.py" % package] = b""
            files["linked/%s/_twin%s" % (package, sysconfig.get_config_var("EXT_SUFFIX"))] = twin
    write(directory, "linked", "1.0", files)
    write(directory, "linked", "2.0", {
        "linked/__init__.py": b"",
        "linked/large.py": source.replace("old", "new").encode(),
        "linked/small.py": b"VALUE = 'new'\n",
    })
    write(directory, "qtlike", "1.0", {
        "qtlike/__init__.py": b"",
        "qtlike/libcore.so": library,
        "qtlike/plugins/libplugin.so": build(directory, LIBRARY + PLUGIN, "-shared", "-fPIC"),
    })
    write(directory, "kept", "1.0", {"kept/__init__.py": b"", "kept/libkept.so": library})


main(*sys.argv[1:])
