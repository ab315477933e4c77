"""Environments that are measured: native ones, and venvfs's own."""

import os
import shutil
import zlib

import machine
from context import BenchError, mounts_below, remove_tree


class Environment:
    """Something with a bin/python. What a native one does about mounting is nothing."""

    every = 1   # it is asked in one round of so many

    def __init__(self, name, root):
        self.name = name
        self.root = root

    @property
    def python(self):
        return os.path.join(self.root, "bin", "python")

    def site_packages(self):
        lib = os.path.join(self.root, "lib")
        for name in os.listdir(lib):
            if name.startswith("python3"):
                return os.path.join(lib, name, "site-packages")
        raise BenchError("%s has no site-packages" % self.name)

    def attach(self):
        """Mounts it."""

    def detach(self):
        """Unmounts it."""

    def forget(self):
        """While detached: gives up what was written into it and remembered of it."""

    def daemon(self):
        """The process that serves it, or None."""
        return None

    def again(self, forget=False):
        """Mounted anew: the kernel has no names and no pages of it."""
        self.detach()
        if forget:
            self.forget()
        self.attach()


class VenvfsEnvironment(Environment):
    def __init__(self, build, name, spec, options=""):
        super().__init__(name, build.context.directory("env"))
        self.build = build
        self.spec = spec
        self.store = spec[:-len(".cfg")] + ".store"
        self.options = options
        self.pid = None

    def attach(self):
        words = ["-o", self.options] if self.options else []
        self.build.context.run([self.build.program, "mount", *words, self.spec, self.root],
                               timeout=300)
        self.pid = int(self.status()["pid"])

    def detach(self):
        if mounts_below(self.root):
            self.build.context.run([self.build.program, "umount", self.root], timeout=60)

    def forget(self):
        remove_tree(self.store)

    def daemon(self):
        return self.pid

    def read(self, name):
        with open(os.path.join(self.root, ".venvfs", name), encoding="utf-8") as file:
            return file.read()

    def status(self):
        return dict(line.split(": ", 1) for line in self.read("status").splitlines()
                    if ": " in line)

    def requests(self):
        """{opcode: count} since it was mounted."""
        counts = {}
        for line in self.read("stats").splitlines():
            words = line.split()
            if len(words) == 2 and words[0].isupper() and words[1].isdigit():
                counts[words[0]] = int(words[1])
        return counts


class VenvfsBuild:
    """The venvfs that is measured, and which of its options it knows: they are tried, not assumed,
    so that a build without them is measured too."""

    SHARES = ("link", "bytecode", "cache")

    def __init__(self, context, python):
        self.context = context
        self.program = context.venvfs
        self.python = python
        self.store = context.path("store")
        self.shares = {}            # word: None, or why not
        self.default_share = None   # what auto came to, if status says it
        self.bytecode = None        # None: the spec's key `bytecode` is known; else why not
        self.compile_words = []     # what makes `venvfs store add` compile, if anything does
        self.locked = {}            # directory of wheels: the spec whose lock others copy

    def write_spec(self, name, packages=(), sections=()):
        """A spec in the scratch directory; its store is beside it."""
        path = self.context.fresh(name) + ".cfg"
        lines = ["[environment]", "prompt = bench", "[base-executable]",
                 "executable = " + self.python, "[store]",
                 "path = " + os.path.basename(path)[:-len(".cfg")] + ".store"]
        if packages:
            lines += ["[packages]", *packages]
        lines += sections
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        return path

    def empty_spec(self, name):
        """A spec with pip and nothing else, whose layer is beside all others, and is not compiled
        while something is measured."""
        lines = ["bytecode = wait"] if self.bytecode is None else []
        return self.write_spec(name, ["store = " + self.store, *lines])

    def probe(self):
        version = self.context.run([self.program, "--version"]).output.split("\n")[0].split()
        checked = self.context.run(
            [self.program, "check", self.write_spec("probe", ["bytecode = wait"])], check=False)
        if checked.status != 0:
            self.bytecode = "this build compiles nothing for layers"
        spec = self.empty_spec("probe")
        env = VenvfsEnvironment(self, "probe", spec)
        env.attach()
        self.default_share = env.status().get("share")
        env.detach()
        for share in self.SHARES:
            env.options = "share=" + share
            try:
                env.attach()
            except BenchError:
                self.shares[share] = "this build refuses it"
                continue
            given = env.status().get("share", share)
            self.shares[share] = None if given.startswith(share) else "it became " + given
            env.detach()
        usage = self.context.run([self.program, "store", "--help"], check=False).output
        if "--python" in usage:
            self.compile_words = ["--python=" + self.python]
        return version[-1] if version else "unknown"

    def variants(self, shares=("link", "cache")):
        """[(name, mount options)]: as an ordinary user has it, and each of @shares that is another
        way."""
        found = [("venvfs", "")]
        for share in shares:
            if self.shares.get(share, "unknown") is None and share != self.default_share:
                found.append(("venvfs " + share, "share=" + share))
        return found

    def packages(self, wheels, bytecode=None, store=None):
        """The [packages] section of an environment of all of @wheels."""
        text = "\n".join(wheels.requirements()) + "\n"
        listing = self.context.path("requirements-%08x.txt" % zlib.crc32(text.encode()))
        if not os.path.exists(listing):
            with open(listing, "w", encoding="utf-8") as file:
                file.write(text)
        lines = ["requirements = " + listing, "find-links = " + wheels.directory,
                 "store = " + (store or self.store)]
        if self.bytecode is None:
            lines.append("bytecode = " + (bytecode or "wait"))
        return lines

    def import_wheels(self, wheels):
        """All of them into the store, and a lock, so that mounting asks nobody: the spec that has
        it."""
        if wheels.directory not in self.locked:
            self.context.run([self.program, "store", "--store=" + self.store, "add",
                              *self.compile_words, *wheels.files], timeout=900)
            spec = self.write_spec("locked", self.packages(wheels))
            self.context.run([self.program, "lock", spec], timeout=300)
            # The first mount sees to pip's layer, and to the bytecode that `add` did not make.
            env = VenvfsEnvironment(self, "locked", spec)
            env.attach()
            env.detach()
            env.forget()
            os.sync()
            self.locked[wheels.directory] = spec
        return self.locked[wheels.directory]

    def locked_spec(self, wheels, name="all", store=None, bytecode=None):
        """A new spec of all wheels that is locked: by a copy, which is as good as its origin."""
        origin = self.import_wheels(wheels)
        spec = self.write_spec(name, self.packages(wheels, bytecode=bytecode, store=store))
        shutil.copyfile(origin[:-len(".cfg")] + ".lock", spec[:-len(".cfg")] + ".lock")
        return spec

    def environment(self, wheels, name="venvfs", options="", store=None):
        return VenvfsEnvironment(self, name, self.locked_spec(wheels, store=store), options)

    def store_size(self):
        return machine.disk_of(self.store, set())
