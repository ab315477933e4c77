#!/usr/bin/env python3
"""Makes what the fuzzers begin with. Usage: make_seeds.py DIRECTORY

DIRECTORY/wheel is full of small wheels, and so on for each fuzzer.
"""
import os
import sys
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data"))
import make_wheels

REQUIREMENTS = """\
requests
zope.interface[test,docs]>=1.4,!=1.5.*,<2 ; python_version < "3.11" and extra == "test"
six (~=1.10) ; (os_name == 'posix' or sys_platform != "win32") and not_a_variable
demo @ file:///srv/demo-1.0-py3-none-any.whl#sha256=00 ; "test" in extras
demo === 1.0+Local
1!2.0rc1.post2.dev3+ubuntu.1
v1.0-ALPHA_2-3
./wheels/demo-1.0-1-py2.py3-none-any.whl[extra] ; platform_machine in "x86_64 aarch64"
demo==1.0 --hash=sha256:%s --hash sha512:00 \\
    --hash=sha384:00 # comment
-r other.txt
-c constraints.txt
--find-links=https://example.com/simple -f wheels
--no-index --pre -e . --no-binary=:all: --index-url 'https://${USER}@example.com/ "a"'
numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl
cp311-cp311-manylinux_2_17_x86_64 cp311-abi3-linux_x86_64 py3-none-any
""" % ("0" * 64)

SPEC = """\
[environment]
prompt = demo ; comment
system-site-packages = yes
[base-executable]
executable = /usr/bin/python3
python_version = 3.11
[install-scripts]
scripts-dir = bin
relocatable = no
[store]
path = ~/store
[packages]
requirements = a.txt, b.txt
[layers]
one = /opt/one
"""


def write(directory, name, data):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, name), "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def write_lines(directory, text):
    write(directory, "all", text)
    for number, line in enumerate(text.splitlines()):
        write(directory, str(number), line)


def main(directory):
    write_lines(os.path.join(directory, "requirement"), REQUIREMENTS)
    write_lines(os.path.join(directory, "spec"), SPEC)
    texts = os.path.join(directory, "entry_points")
    for name, _, reason, function in make_wheels.CASES:
        made = function()
        data = made if isinstance(made, bytes) else made.build()
        if len(data) > 8192:
            continue
        write(os.path.join(directory, "wheel"), name, data)
        if reason == "good":
            path = os.path.join(directory, "wheel", name)
            with zipfile.ZipFile(path) as wheel:
                for inside in wheel.namelist():
                    if ".dist-info/" in inside:
                        write(texts, "%s-%s" % (name, os.path.basename(inside)), wheel.read(inside))


if __name__ == "__main__":
    main(*sys.argv[1:])
