"""Makes the wheels that the tests install: python3 make_wheels.py DIRECTORY

Together they have what wheels can have: modules, data, scripts of both kinds, a namespace package
that two of them share, headers, manual pages, and from one version to the next files that go and
files that come.
"""

import base64
import hashlib
import os
import sys
import zipfile

MAIN = """\
import os
import sys


def main():
    print("{name} {version} in", sys.prefix, *sys.argv[1:])
"""

SCRIPT = """\
#!python
import sys, {name}
print("script of {name}", {name}.VERSION, "in", sys.prefix)
"""


def sample(version, files):
    base = {
        "sample/__init__.py": 'VERSION = "%s"\n' % version,
        "sample/main.py": MAIN.format(name="sample", version=version),
        "sample/data.txt": "data of %s\n" % version,
        "sample-{v}.data/scripts/sample-script": SCRIPT.format(name="sample"),
        "sample-{v}.data/scripts/sample-shell": "#!/bin/sh\necho shell %s\n" % version,
        "sample-{v}.data/headers/sample.h": "#define SAMPLE 1\n",
        "sample-{v}.data/data/share/man/man1/sample.1": ".Dd\n",
        "sample-{v}.data/platlib/sample_platform.py": "",
    }
    base.update(files)
    points = "[console_scripts]\nsample = sample.main:main\n[gui_scripts]\nsample-gui = " \
             "sample.main:main\n"
    write("sample", version, base, entry_points=points)


def write(name, version, files, entry_points="", requires=()):
    info = "%s-%s.dist-info" % (name, version)
    files = {path.replace("{v}", version): text for path, text in files.items()}
    files[info + "/METADATA"] = "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (
        name, version) + "".join("Requires-Dist: %s\n" % other for other in requires)
    files[info + "/WHEEL"] = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n" \
                             "Tag: py3-none-any\n"
    if entry_points:
        files[info + "/entry_points.txt"] = entry_points
    record = info + "/RECORD"
    lines = [",".join((path, "sha256=" + digest(text), str(len(text.encode()))))
             for path, text in files.items()]
    files[record] = "\n".join(lines + [record + ",,"]) + "\n"
    path = os.path.join(sys.argv[1], "%s-%s-py3-none-any.whl" % (name, version))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path, (2024, 2, 29, 12, 0, 0))
            entry.external_attr = (0o100755 if "/scripts/" in path else 0o100644) << 16
            wheel.writestr(entry, text)


def digest(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def main():
    sample("1.0", {"sample/old.py": "", "sample/sub/__init__.py": "", "sample/sub/deep/x.txt": ""})
    sample("2.0", {"sample/new.py": "", "sample/sub.py": ""})
    for part in "one", "two":
        write("samplespace_" + part, "1.0",
              {"samplespace/%s.py" % part: "PART = %r\n" % part}, requires=["sample>=2"])
    write("broken", "1.0", {"broken.py": ""}, requires=["absent>=1"])
    write("many", "1.0", {"many/part%d/module%d.py" % (i % 20, i): "VALUE = %d\n" % i
                          for i in range(400)})


main()
