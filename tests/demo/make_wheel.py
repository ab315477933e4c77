"""Makes the wheel that the demonstration installs: python3 make_wheel.py DIRECTORY

A wheel is a zip archive whose last member lists the others with their digests (PEP 427).
"""

import base64
import hashlib
import sys
import zipfile

NAME = "venvfs_hello"
VERSION = "1.0"
DIST_INFO = f"{NAME}-{VERSION}.dist-info"

FILES = {
    f"{NAME}.py": """\
import sys


def main():
    print("Hello from", sys.prefix)
""",
    f"{DIST_INFO}/METADATA": f"""\
Metadata-Version: 2.1
Name: {NAME}
Version: {VERSION}
""",
    f"{DIST_INFO}/WHEEL": """\
Wheel-Version: 1.0
Generator: venvfs-demo
Root-Is-Purelib: true
Tag: py3-none-any
""",
    f"{DIST_INFO}/entry_points.txt": f"""\
[console_scripts]
venvfs-hello = {NAME}:main
""",
}


def record_line(path, text):
    content = text.encode()
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
    return f"{path},sha256={digest.decode()},{len(content)}\n"


def main(directory):
    record = "".join(record_line(path, text) for path, text in FILES.items())
    record += f"{DIST_INFO}/RECORD,,\n"
    with zipfile.ZipFile(f"{directory}/{NAME}-{VERSION}-py3-none-any.whl", "w") as wheel:
        for path, text in FILES.items():
            wheel.writestr(path, text)
        wheel.writestr(f"{DIST_INFO}/RECORD", record)


main(sys.argv[1])
