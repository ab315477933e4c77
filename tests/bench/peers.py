"""Other file systems that show an environment: each mounts a pip-made one, its lower."""

import os
import shutil

from context import BenchError, mounts_below, remove_tree, unmount
from envs import Environment


def version_of(context, command, word):
    """The line of what @command says that has @word in it, and there its last word but a mark."""
    try:
        text = context.run(command, timeout=20, check=False).output
    except BenchError:
        return "unknown"
    for line in text.splitlines():
        if word in line.lower():
            numbers = [part.strip("v,()") for part in line.split() if part.strip("v,(")[:1].isdigit()]
            if numbers:
                return numbers[0]
    return "unknown"


class Peer:
    """How one of them is mounted. @writable: it takes writes, by copying up or straight."""

    name = ""
    programs = ()
    needs_root = False
    writable = True

    def missing(self):
        """Why it cannot be measured here; None when it can."""
        for program in self.programs:
            if not shutil.which(program):
                return program + " is not installed"
        if self.needs_root and os.geteuid() != 0:
            return "mounting it needs root"
        return None

    def version(self, context):
        return "%s of the kernel" % self.name.split()[-1]

    def mount(self, context, lower, upper, point):
        raise NotImplementedError


class Overlay(Peer):
    name = "kernel overlayfs"
    needs_root = True

    def mount(self, context, lower, upper, point):
        context.run(["mount", "-t", "overlay", "overlay", "-o",
                     "lowerdir=%s,upperdir=%s/up,workdir=%s/work" % (lower, upper, upper), point])


class FuseOverlay(Peer):
    name = "fuse-overlayfs"
    programs = ("fuse-overlayfs",)

    def version(self, context):
        return version_of(context, ["fuse-overlayfs", "--version"], "fuse-overlayfs")

    def mount(self, context, lower, upper, point):
        context.run(["fuse-overlayfs", "-o", "lowerdir=%s,upperdir=%s/up,workdir=%s/work"
                     % (lower, upper, upper), point], capture=False)


class Mergerfs(Peer):
    """Tuned as its manual says for one that nobody else writes to. It copies nothing up: the lower
    itself is written to."""
    name = "mergerfs"
    programs = ("mergerfs",)

    def version(self, context):
        return version_of(context, ["mergerfs", "--version"], "mergerfs")

    def mount(self, context, lower, upper, point):
        context.run(["mergerfs", "-o", "cache.files=full,cache.entry=3600,cache.attr=3600,"
                     "cache.negative_entry=3600,cache.readdir=true,cache.symlinks=true,"
                     "dropcacheonclose=false", lower, point], capture=False)


class Image(Peer):
    """A squashfs image of the lower, made once."""
    writable = False
    images = {}

    def image(self, context, lower):
        if lower not in Image.images:
            path = context.fresh("image")
            context.run(["mksquashfs", lower, path, "-comp", "zstd",
                         "-Xcompression-level", "3", "-noappend", "-quiet", "-no-progress"],
                        timeout=300)
            Image.images[lower] = path
        return Image.images[lower]


class KernelSquashfs(Image):
    name = "kernel squashfs"
    programs = ("mksquashfs",)
    needs_root = True

    def mount(self, context, lower, upper, point):
        context.run(["mount", "-t", "squashfs", "-o", "loop,ro", self.image(context, lower), point])


class Squashfuse(Image):
    name = "squashfuse_ll"
    programs = ("mksquashfs", "squashfuse_ll")

    def version(self, context):
        return version_of(context, ["squashfuse_ll"], "squashfuse")

    def mount(self, context, lower, upper, point):
        context.run(["squashfuse_ll", self.image(context, lower), point], capture=False)


PEERS = [Overlay(), KernelSquashfs(), Squashfuse(), FuseOverlay(), Mergerfs()]


class PeerEnvironment(Environment):
    """The lower, shown by a peer. Peers are many, and what they take is no budget."""

    every = 3

    def __init__(self, context, peer, lower):
        super().__init__(peer.name, context.directory("peer"))
        self.context = context
        self.peer = peer
        self.lower = lower
        self.upper = None

    def attach(self):
        if self.upper is None:
            self.upper = self.context.directory("peer-upper")
            os.mkdir(os.path.join(self.upper, "up"))
            os.mkdir(os.path.join(self.upper, "work"))
        self.peer.mount(self.context, self.lower, self.upper, self.root)
        if not mounts_below(self.root):
            raise BenchError("it did not mount")

    def detach(self):
        for point in mounts_below(self.root):
            unmount(point)

    def forget(self):
        if self.upper:
            remove_tree(self.upper)
            self.upper = None

    def daemon(self):
        """The process that serves it, None for the kernel's own."""
        if not self.peer.programs or self.peer.needs_root:
            return None
        program = self.peer.programs[-1]
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open("/proc/%s/cmdline" % name, "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if os.path.basename(words[0].decode()) == program and self.root.encode() in words:
                return int(name)
        return None
