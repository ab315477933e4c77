"""A mounted environment for tests in Python, and how it ends: unmounted, or killed."""

import os
import pathlib
import subprocess
import sys
import time

MOUNT_TIMEOUT = 30.0  # seconds; sanitizers are slow
BUSY_TIMEOUT = 5.0


class EnvironmentFailed(Exception):
    """The environment itself failed: it did not mount, or its daemon died."""


class Environment:
    """An environment in a directory of its own, served by a child of this process."""

    def __init__(self, program, work, layers, options=()):
        self.program = program
        self.options = options
        self.work = pathlib.Path(work)
        self.mount_point = self.work / "mount"
        self.store = self.work / "store"
        self.log = self.work / "daemon.log"
        self.spec = self.work / "spec.cfg"
        self.daemon = None
        self.work.mkdir(parents=True, exist_ok=True)
        self.mount_point.mkdir(exist_ok=True)
        self.set_layers(layers)

    def set_layers(self, layers):
        lines = [f"layer{i} = {path}" for i, path in enumerate(layers)]
        self.spec.write_text(
            f"[base-executable]\nexecutable = {sys.executable}\n"
            f"[store]\npath = {self.store}\n[packages]\npip = no\n[layers]\n"
            + "\n".join(lines) + "\n")

    def mount(self):
        """Returns when the environment answers."""
        below = os.stat(self.mount_point).st_dev
        with open(self.log, "wb") as log:
            self.daemon = subprocess.Popen(
                [self.program, "mount", "-f", *self.options, self.spec, self.mount_point],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + MOUNT_TIMEOUT
        while os.stat(self.mount_point).st_dev == below:
            if self.daemon.poll() is not None or time.monotonic() > until:
                raise EnvironmentFailed("it does not mount: " + self.log.read_text())
            time.sleep(0.001)

    def unmount(self):
        """The daemon must end by itself, and content."""
        until = time.monotonic() + BUSY_TIMEOUT
        while True:
            umount = subprocess.run([self.program, "umount", self.mount_point],
                                    stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if umount.returncode == 0:
                break
            # Someone else on this machine may be looking in.
            if "is in use" not in umount.stderr or time.monotonic() > until:
                raise EnvironmentFailed("it does not unmount: " + umount.stderr)
            time.sleep(0.05)
        code = self.daemon.wait(MOUNT_TIMEOUT)
        self.daemon = None
        if code != 0:
            raise EnvironmentFailed(f"the daemon ended with {code}: " + self.log.read_text())

    def kill(self):
        """Ends the daemon as a crash would, and takes the dead mount away."""
        if self.daemon is None:
            return
        code = self.daemon.poll()
        self.clear_away()
        if code is not None:
            raise EnvironmentFailed(f"the daemon died ({code}): " + self.log.read_text())

    def clear_away(self):
        """The same for a daemon that may be dead."""
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.wait()
            self.daemon = None
        subprocess.run([self.program, "umount", "-l", self.mount_point],
                       stdin=subprocess.DEVNULL, capture_output=True)

    def site_packages(self):
        """Where the layers are attached; known once mounted."""
        (directory,) = (self.mount_point / "lib").glob("python3.*/site-packages")
        return directory
