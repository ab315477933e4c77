"""The wheels that are installed: downloaded once into the cache, by the pins of wheels.lock."""

import glob
import hashlib
import os
import re
import subprocess
import zipfile

from context import BenchError
from measure import say

HERE = os.path.dirname(os.path.abspath(__file__))


def pins(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as lines:
        return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


class Wheels:
    """A directory of wheels; @names are those that an environment is made of."""

    def __init__(self, directory, files):
        self.directory = directory
        self.files = sorted(files)

    def file_of(self, project):
        for path in self.files:
            name = os.path.basename(path).split("-")[0]
            if name.lower().replace("_", "-") == project:
                return path
        raise BenchError("there is no wheel of " + project)

    def requirements(self):
        """Pinned lines for all of them."""
        lines = []
        for path in self.files:
            name, version = os.path.basename(path).split("-")[:2]
            lines.append("%s==%s" % (name.replace("_", "-"), version))
        return lines

    def describe(self):
        digest = hashlib.sha256()
        count = size = 0
        for path in self.files:
            digest.update(os.path.basename(path).encode() + b"\n")
            with zipfile.ZipFile(path) as wheel:
                for entry in wheel.infolist():
                    digest.update(b"%d " % entry.CRC)
                    count += 1
                    size += entry.file_size
        return {"wheels": len(self.files), "files": count, "bytes": size,
                "digest": digest.hexdigest()[:16]}


def download_environment():
    """The caller's own settings of pip, which say where the index is."""
    return {name: value for name, value in os.environ.items()
            if name not in ("PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")}


def fetch(python, lines, directory, complete):
    """Downloads what @lines pin, unless @complete, which is written afterwards, says that they are
    there."""
    wanted = "\n".join(lines) + "\n"
    if os.path.exists(complete):
        with open(complete, encoding="utf-8") as file:
            if file.read() == wanted:
                return
    say("downloading %d wheels" % len(lines))
    listing = complete + ".txt"
    with open(listing, "w", encoding="utf-8") as file:
        file.write(wanted)
    result = subprocess.run(
        [python, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "-d",
         directory, "-r", listing],
        env=download_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=1800)
    if result.returncode != 0:
        raise BenchError("the wheels cannot be downloaded: "
                         + result.stdout.decode("utf-8", "replace").strip()[-600:])
    os.rename(listing, complete)


def normalized(name):
    return re.sub("[-_.]+", "-", name).lower()


def pinned(directory, lines):
    """The wheels in @directory that @lines ask for, in that version if they name one: not those of
    earlier pins."""
    wanted = {(normalized(name), version) for name, _, version in
              (line.partition("==") for line in lines)}
    found = []
    for path in glob.glob(os.path.join(directory, "*.whl")):
        name, version = os.path.basename(path).split("-")[:2]
        if (normalized(name), version) in wanted or (normalized(name), "") in wanted:
            found.append(path)
    return found


def tag_of(context, python):
    return context.run([python, "-c", "import sys; print(sys.implementation.cache_tag)"]) \
        .output.strip()


def open_tools(context, python):
    """A Python with pip, uv and virtualenv in the cache; None for a program that cannot be had."""
    directory = os.path.join(context.cache, "tools-" + tag_of(context, python))
    tool = os.path.join(directory, "bin", "python")
    if not os.path.exists(tool):
        context.run([python, "-m", "venv", directory])
    for name in ("uv", "virtualenv"):
        if not os.path.exists(os.path.join(directory, "bin", name)):
            subprocess.run([tool, "-m", "pip", "install", "-q", name], env=download_environment(),
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=300)
    return directory


def locked_wheels(context, python, tool):
    """All wheels of wheels.lock."""
    directory = os.path.join(context.cache, "wheels-" + tag_of(context, python))
    os.makedirs(directory, exist_ok=True)
    lines = pins("wheels.lock")
    fetch(tool, lines, directory, os.path.join(context.cache, "wheels.complete"))
    return Wheels(directory, pinned(directory, lines))


def torch_wheels(context, python, tool):
    """The wheels of torch alone, if pip has one without an index; raises when not."""
    directory = os.path.join(context.cache, "torch-" + tag_of(context, python))
    os.makedirs(directory, exist_ok=True)
    if not glob.glob(os.path.join(directory, "torch-*.whl")):
        result = subprocess.run(
            [tool, "-m", "pip", "download", "-q", "--no-deps", "--no-index", "-d", directory,
             "torch"], env=download_environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
        if result.returncode != 0:
            raise BenchError("pip knows no torch wheel on this machine")
    lines = pins("torch.lock")
    fetch(tool, lines, directory, os.path.join(context.cache, "torch.complete"))
    return Wheels(directory, glob.glob(os.path.join(directory, "torch-*.whl"))
                  + pinned(directory, lines))
