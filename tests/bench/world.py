"""What the workloads share: the wheels, the native environment, the build of venvfs, the peers. Each
is made when it is first asked for, so that a run of one theme makes no more than it needs."""

import os
import shutil

import wheels as wheel_files
from context import BenchError
from envs import Environment, VenvfsBuild
from measure import say
from peers import PEERS, PeerEnvironment


def base_python(context):
    """The interpreter that everything is based on: BENCH_PYTHON, or the system's."""
    python = os.environ.get("BENCH_PYTHON") or shutil.which("python3", path="/usr/bin:/bin") \
        or shutil.which("python3")
    return context.run([python, "-c", "import os, sys; print(os.path.realpath(sys.executable))"]) \
        .output.strip()


class World:
    def __init__(self, context, measurements, profile, wheel_directory=None):
        self.context = context
        self.measure = measurements
        self.profile = profile
        self.python = base_python(context)
        self.wheel_directory = wheel_directory
        self.build = VenvfsBuild(context, self.python)
        self.version = self.build.probe()
        self.peers = {}        # name: {"available", "version"} or {"available", "reason"}
        self.usable_peers = []
        self.native_seconds = None
        self.find_tools()
        self.find_peers()
        self.made = {}

    # Programs

    def find_tools(self):
        """uv and virtualenv: from the cache, installed there by pip, or from PATH."""
        tools = None
        if self.profile.online:
            tools = wheel_files.open_tools(self.context, self.python)
        self.tool_python = os.path.join(tools, "bin", "python") if tools else self.python
        path = (os.path.join(tools, "bin") + ":" if tools else "") + os.environ.get("PATH", "")
        self.uv = shutil.which("uv", path=path)
        self.virtualenv = shutil.which("virtualenv", path=path)
        for name, program in (("uv", self.uv), ("virtualenv", self.virtualenv)):
            if not program:
                self.peers[name] = {"available": False, "reason": name + " is not installed"}
                continue
            text = self.context.run([program, "--version"], check=False).output.split()
            version = next((word for word in text if word[:1].isdigit()), "unknown")
            self.peers[name] = {"available": True, "version": version}

    def find_peers(self):
        for peer in PEERS:
            wanted = self.profile.peers
            reason = "left out" if wanted and peer.name not in wanted else peer.missing()
            if reason:
                self.peers[peer.name] = {"available": False, "reason": reason}
            else:
                self.peers[peer.name] = {"available": True, "version": peer.version(self.context)}
                self.usable_peers.append(peer)
        for name, about in sorted(self.peers.items()):
            say("  %s: %s" % (name, about.get("version") or "missing: " + about["reason"]))

    def need_uv(self):
        if not self.uv:
            raise BenchError(self.peers["uv"]["reason"])
        return self.uv

    # Things that are made once

    def once(self, name, make):
        if name not in self.made:
            try:
                self.made[name] = make()
            except BenchError as error:
                self.made[name] = error
        if isinstance(self.made[name], BenchError):
            raise self.made[name]
        return self.made[name]

    @property
    def wheels(self):
        return self.once("wheels", self.make_wheels)

    def make_wheels(self):
        if self.wheel_directory:
            names = [os.path.join(self.wheel_directory, name)
                     for name in sorted(os.listdir(self.wheel_directory)) if name.endswith(".whl")]
            return wheel_files.Wheels(self.wheel_directory, names)
        return wheel_files.locked_wheels(self.context, self.python, self.tool_python)

    def prepare(self):
        """Makes what most themes need: the native environment, and the wheel store."""
        self.native
        if not self.build.locked:
            say("  filling the wheel store")
            self.build.import_wheels(self.wheels)

    @property
    def native(self):
        """`python -m venv` with all wheels in it, and their bytecode."""
        return self.once("native", self.make_native)

    def make_native(self):
        root = self.context.path("native")
        pip_made = self.profile.pip_native or not self.uv
        say("  making the native environment, by %s" % ("pip" if pip_made else "uv"))
        seconds = self.context.time([self.python, "-m", "venv", root])
        env = Environment("native", root)
        seconds += self.context.time(self.install_command(env, pip=pip_made), timeout=900)
        seconds += self.context.time([env.python, "-c", ""])
        if pip_made:
            self.native_seconds = seconds
        # What programs keep in the home directory is there for everybody from now on: matplotlib
        # looks for all fonts the first time.
        for statement in (self.profile.data_imports, self.profile.framework):
            self.context.run([env.python, "-c", statement])
        os.sync()
        return env

    def install_command(self, env, pip, compiles=True, files=None, extra=()):
        """All wheels into @env, from their files."""
        files = files or self.wheels.files
        if pip:
            return [env.python, "-m", "pip", "install", "-q", "--no-deps",
                    *(() if compiles else ("--no-compile",)), *extra, *files]
        return [self.need_uv(), "pip", "install", "-q", "--no-deps", "--python", env.python,
                "--link-mode", "copy", *(("--compile-bytecode",) if compiles else ()), *extra,
                *files]

    # Environments of all wheels, side by side

    def venvfs(self, name="venvfs", options=""):
        return self.once("env " + name,
                         lambda: self.build.environment(self.wheels, name, options))

    def environments(self, peers=True, shares=("link", "cache")):
        """Native, venvfs by default and by each of @shares, each peer: mounted, warmed by nothing
        yet. One that cannot be had is left out, with the reason in the peers' table."""
        found = [self.native]
        for name, options in self.build.variants(shares):
            found.append(self.venvfs(name, options))
        for peer in self.usable_peers if peers else []:
            try:
                found.append(self.once("peer " + peer.name, lambda peer=peer: PeerEnvironment(
                    self.context, peer, self.native.root)))
            except BenchError as error:
                self.drop_peer(peer, error)
        usable = []
        for env in found:
            try:
                env.again()
                usable.append(env)
            except BenchError as error:
                if not isinstance(env, PeerEnvironment):
                    raise
                self.drop_peer(env.peer, error)
        return usable

    def drop_peer(self, peer, reason):
        self.usable_peers.remove(peer)
        self.peers[peer.name] = {"available": False, "reason": self.context.hide(str(reason))}
        say("  %s: missing: %s" % (peer.name, reason))

    def detach_all(self):
        """Between two themes nothing is mounted."""
        for name, made in self.made.items():
            if isinstance(made, Environment):
                made.detach()
