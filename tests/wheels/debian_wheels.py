"""Makes wheels of the Python packages that Debian has installed here.

    debian_wheels.py DIRECTORY

What is at /usr/lib/python3/dist-packages and belongs to a package of dpkg's, with metadata, becomes
a wheel of the same name and version. Requirements that no other of these wheels meets are left out.
Prints the names.
"""

import base64
import glob
import hashlib
import os
import re
import subprocess
import sys
import sysconfig
import zipfile

TOP = "/usr/lib/python3/dist-packages/"
# What every environment has, or what only works where it lies.
LEFT_OUT = {"pip", "setuptools", "wheel", "python-apt", "pygobject", "dbus-python"}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def field(text, name):
    match = re.search(r"^%s: *(.*)$" % name, text, re.M | re.I)
    return match and match[1].strip()


def owned_files(path):
    """All files of the Debian package that has @path."""
    owner = subprocess.run(["dpkg", "-S", path], capture_output=True, text=True).stdout
    if ": " not in owner:
        return []
    listed = subprocess.run(["dpkg", "-L", owner.split(":")[0]], capture_output=True, text=True)
    return [line for line in listed.stdout.splitlines() if line.startswith(TOP)]


def metadata(path):
    """The text of dist-info or egg-info, its entry points and its files' directory."""
    inside = os.path.isdir(path)
    names = ("METADATA", "PKG-INFO") if inside else ("",)
    for name in names:
        file = os.path.join(path, name) if name else path
        if os.path.isfile(file):
            with open(file, encoding="utf-8", errors="replace") as opened:
                text = opened.read()
            points = os.path.join(path, "entry_points.txt")
            if inside and os.path.isfile(points):
                with open(points, encoding="utf-8") as opened:
                    return text, opened.read()
            return text, ""
    return "", ""


def describe(path):
    text, points = metadata(path)
    name, version = field(text, "Name"), field(text, "Version")
    if not name or not version or normal(name) in LEFT_OUT:
        return None
    files = [file for file in owned_files(path)
             if not re.search(r"\.(dist|egg)-info(/|$)|__pycache__|\.pyc$", file)
             and os.path.isfile(file) and os.path.realpath(file).startswith(TOP)]
    return (name, version, text, points, files) if files else None


def digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def required(line, present):
    match = re.match(r"Requires-Dist: *([A-Za-z0-9._-]+)(.*)", line, re.I)
    return not match or (normal(match[1]) in present and "extra" not in match[2]
                         and not re.search("[<>=~]", match[2]))


def write(directory, present, name, version, text, points, files):
    head, _, body = text.partition("\n\n")
    head = "\n".join(line for line in head.splitlines() if required(line, present))
    tag = "py3-none-any"
    if any(file.endswith(".so") for file in files):
        tag = "cp3%d-cp3%d-%s" % (sys.version_info[1], sys.version_info[1],
                                  re.sub("[-.]", "_", sysconfig.get_platform()))
    stem = "%s-%s" % (re.sub(r"[-_.]+", "_", name), version.replace("-", "_"))
    info = stem + ".dist-info/"
    content = {file[len(TOP):]: open(file, "rb").read() for file in files}
    content[info + "METADATA"] = (head + "\n\n" + body).encode()
    content[info + "WHEEL"] = (
        "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: %s\nTag: %s\n"
        % (str(tag == "py3-none-any").lower(), tag)).encode()
    if points:
        content[info + "entry_points.txt"] = points.encode()
    rows = ["%s,sha256=%s,%d" % (file if "," not in file else '"%s"' % file, digest(data), len(data))
            for file, data in content.items()]
    content[info + "RECORD"] = "\n".join(rows + [info + "RECORD,,", ""]).encode()
    with zipfile.ZipFile(os.path.join(directory, stem + "-" + tag + ".whl"), "w",
                         zipfile.ZIP_DEFLATED) as wheel:
        for file, data in content.items():
            entry = zipfile.ZipInfo(file, (2024, 2, 29, 12, 0, 0))
            entry.external_attr = 0o100644 << 16
            wheel.writestr(entry, data)


def main(directory):
    found = {}
    for path in sorted(glob.glob(TOP + "*.dist-info") + glob.glob(TOP + "*.egg-info")):
        described = describe(path)
        if described:
            found.setdefault(normal(described[0]), described)
    for row in found.values():
        write(directory, set(found), *row)
    print("\n".join(sorted(found)))


main(*sys.argv[1:])
