#!/usr/bin/env python3
"""Makes what the fuzzers begin with. Usage: make_seeds.py DIRECTORY

DIRECTORY/wheel is full of small wheels, and so on for each fuzzer.
"""
import os
import stat
import struct
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


def image(tree, version=1):
    """The image of a layer, as layer_image_format.h has it. @tree: by path, a mode, and the bytes
    of a file or link; None: they are in files/, five of them; directories: b""."""
    children = {"": []}
    for path in sorted(tree):
        parent, _, name = path.rpartition("/")
        children[parent].append((name.encode(), path))
        if stat.S_ISDIR(tree[path][0]):
            children[path] = []
    order, places = [("", b"", 0)], {}
    for path, _, _ in order:  # grows while it is gone through
        if path in children:
            places[path] = (len(order) if children[path] else 0, len(children[path]))
            me = [row[0] for row in order].index(path)
            order += [(below, name, me) for name, below in sorted(children[path])]
    data, names, entries, digests = b"", b"", b"", 0
    for path, name, parent in order:
        mode, content = tree[path] if path else (stat.S_IFDIR | 0o755, b"")
        digests += content is None
        directory = stat.S_ISDIR(mode)
        entries += struct.pack(
            "<IHHIIIIQQqQ", len(names), len(name), mode, parent, *places.get(path, (0, 0)),
            digests if content is None else 0, 5 if content is None else len(content),
            0 if directory or content is None else 64 + len(data), 1500000000, 0)
        names += name
        data += content or b""
    data += bytes(-len(data) % 8)
    at = 64 + len(data)
    size = at + len(entries) + len(names) + 32 * digests
    return struct.pack("<8sIIQQQQQII", b"venvfs\r\n", version, len(order), size, at,
                       at + len(entries), len(names), size - 32 * digests, digests, 0) \
        + data + entries + names + bytes(32 * digests)


def write_images(directory):
    folder, file, program = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o644, stat.S_IFREG | 0o755
    link = stat.S_IFLNK | 0o777
    sample = {
        "site": (folder, b""), "site/pkg": (folder, b""), "site/empty": (folder, b""),
        "site/pkg/__init__.py": (file, b"x = 1\n"), "site/pkg.py": (file, b""),
        "site/big.so": (file, None), "site/gone.so": (file, None),
        "site/link": (link, b"pkg/__init__.py"), "scripts": (folder, b""),
        "scripts/run": (program, b"import pkg\n"), "site/n\u00e9": (file, b"\xc3"),
    }
    write(directory, "sample", image(sample))
    write(directory, "newer", image(sample, 2))
    write(directory, "cut", image(sample)[:-1])
    write(directory, "empty", image({}))
    write(directory, "flat", image({"%03d" % i: (file, b"x" * i) for i in range(100)}))
    for depth in 100, 130:
        deep = {"/".join(["d"] * i): (folder, b"") for i in range(1, depth)}
        write(directory, "deep%d" % depth, image(deep))
    for name in ".", "..", ".wh.x", "a\0b", "n" * 256:
        write(directory, "name-%.4r" % name, image({name: (file, b"")}))
    for mode in 0o104755, 0o020644, 0o010644, 0o060644, 0o000644:
        write(directory, "mode-%o" % mode, image({"x": (mode, b"x")}))
    write(directory, "link-empty", image({"x": (link, b"")}))
    write(directory, "link-long", image({"x": (link, b"y" * 4096)}))


def library():
    """An ELF file with the section that makes a plugin of Qt."""
    names = b"\0.shstrtab\0.qtmetadata\0"
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, 62, 1, 0, 0, 64, 0, 64, 0, 0, 64,
                       3, 1)
    sections = [(0, 0, 0), (1, 64 * 4, len(names)), (11, 0, 0)]
    return head + b"".join(struct.pack("<IIQQQQIIQQ", name, 1, 0, 0, offset, size, 0, 0, 0, 0)
                           for name, offset, size in sections) + names


def main(directory):
    write_images(os.path.join(directory, "image"))
    write(os.path.join(directory, "elf"), "plugin", library())
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
