"""The wheel store: what filling it takes, beside what pip and uv take for the same files, and what
one more environment costs the disk."""

import os

import machine
from context import remove_tree
from envs import Environment, VenvfsEnvironment
from measure import Subject

UV = "uv"


class Scratch:
    """Directories that a subject fills anew each round, removed before the next."""

    def __init__(self, context, name):
        self.context = context
        self.name = name
        self.path = None

    def clear(self):
        if self.path:
            remove_tree(self.path)
        self.path = self.context.directory(self.name)
        os.sync()


def venvfs_store(world, bytecode):
    scratch = Scratch(world.context, "filled")
    words = world.build.compile_words if bytecode else []

    def run():
        return world.context.time([world.build.program, "store",
                                   "--store=" + scratch.path + "/store", "add", *words,
                                   *world.wheels.files], timeout=600)
    return Subject("venvfs", run, scratch.clear)


def uv_install(world, bytecode):
    """Cold: with a cache that is empty."""
    scratch = Scratch(world.context, "uv-cold")

    def prepare():
        scratch.clear()
        world.context.run([world.uv, "venv", "-q", "--python", world.python, scratch.path + "/env"])

    def run():
        env = Environment(UV, scratch.path + "/env")
        words = ["--compile-bytecode"] if bytecode else []
        return world.context.time(
            [world.uv, "pip", "install", "-q", "--no-deps", "--python", env.python, *words,
             *world.wheels.files], env={"UV_CACHE_DIR": scratch.path + "/cache"}, timeout=600)
    return Subject(UV, run, prepare)


def pip_install(world, bytecode):
    scratch = Scratch(world.context, "pip")

    def prepare():
        scratch.clear()
        world.context.run([world.python, "-m", "venv", scratch.path + "/env"])

    def run():
        env = Environment("pip", scratch.path + "/env")
        return world.context.time(world.install_command(env, pip=True, compiles=bytecode),
                                  timeout=900)
    # So slow that the others would be asked once.
    return Subject("pip", run, prepare, every=100)


def fill(world, bytecode, seconds):
    name, title = ("store.import_bytecode", "all wheels, none there before, with bytecode") \
        if bytecode else ("store.import", "all wheels, none there before, without bytecode")
    subjects = []
    case = world.measure.case(name, title)
    if bytecode and not world.profile.compiles:
        world.measure.skip(case, "all", "left out of a %s run" % world.profile.name)
        return
    if bytecode and not world.build.compile_words:
        world.measure.skip(case, "venvfs", "this build's `store add` compiles nothing")
    else:
        subjects.append(venvfs_store(world, bytecode))
    if world.uv:
        subjects.append(uv_install(world, bytecode))
    else:
        world.measure.skip(case, UV, world.peers["uv"]["reason"])
    if world.profile.pip_native:
        subjects.append(pip_install(world, bytecode))
    else:
        world.measure.skip(case, "pip", "left out of a %s run" % world.profile.name)
    world.measure.compare([(name, title, "s")], subjects, 7, seconds, warmup=0, baseline=UV)


def first_import(world):
    """Nothing made yet but the wheels in a folder."""
    statement = world.profile.one_import
    build = world.build
    mine, theirs = Scratch(world.context, "new"), Scratch(world.context, "uv-new")
    state = {}

    def prepare():
        mine.clear()
        spec = build.write_spec("new", build.packages(world.wheels, bytecode="background",
                                                      store=mine.path + "/store"))
        state["env"] = VenvfsEnvironment(build, "venvfs", spec)

    def run():
        env = state["env"]
        seconds = world.context.time([build.program, "mount", env.spec, env.root], timeout=600) + \
            world.context.time([env.python, "-c", statement])
        env.detach()
        # The layers are compiled in the background, which would go on while the next is measured.
        world.context.end_users(mine.path)
        env.forget()
        return seconds

    def run_uv():
        env = Environment(UV, theirs.path + "/env")
        cold = {"UV_CACHE_DIR": theirs.path + "/cache"}
        return world.context.time([world.need_uv(), "venv", "-q", "--python", world.python,
                                   env.root]) + \
            world.context.time([world.uv, "pip", "install", "-q", "--no-deps", "--python",
                                env.python, *world.wheels.files], env=cold, timeout=600) + \
            world.context.time([env.python, "-c", statement])
    world.measure.compare(
        [("store.spec_to_import", "from a spec and a folder of wheels to `%s`" % statement, "s")],
        [Subject("venvfs", run, prepare), Subject(UV, run_uv, theirs.clear)], 5, 45, warmup=0,
        baseline=UV)


def disk_of_venvfs(world):
    """The second and the last of many, each mounted and used once: what the last step added."""
    build = world.build
    seen = set()
    cost = {}
    last = world.profile.environments
    for number in range(1, last + 1):
        env = build.environment(world.wheels)
        env.attach()
        world.context.run([env.python, "-c", "import sys"])
        env.detach()
        if number not in (1, 2, last - 1, last):
            continue  # the store has many files
        size, inodes = machine.disk_of(env.store, seen)
        more, nodes = machine.disk_of(build.store, seen)
        point = machine.disk_of(env.root, seen)
        cost[number] = (size + more + point[0], inodes + nodes + point[1])
    # A lock is beside its spec, and the user's as that is: uv's counts for no environment either.
    lock = machine.disk_of(build.locked[world.wheels.directory][:-len(".cfg")] + ".lock", set())
    world.measure.value("store.disk_lock", "disk of a spec's lock", "venvfs", lock[0], "B")
    return cost[2], cost[last]


def disk_of_uv(world, mode):
    seen = set()
    cost = None
    roots = []
    for _ in range(2):
        env = Environment(UV, world.context.fresh("uv-disk"))
        world.context.run([world.need_uv(), "venv", "-q", "--python", world.python, env.root])
        world.context.run([world.uv, "pip", "install", "-q", "--no-deps", "--python", env.python,
                           "--link-mode", mode, *world.wheels.files], timeout=600)
        cost = machine.disk_of(env.root, seen)
        roots.append(env.root)
    for root in roots:
        remove_tree(root)
    return cost


def disk(world):
    bytes_case = ("store.disk_second", "disk of a second environment")
    inodes_case = ("store.inodes_second", "inodes of a second environment")

    def put(subject, cost):
        world.measure.value(*bytes_case, subject, cost[0], "B")
        world.measure.value(*inodes_case, subject, cost[1])
    second, last = disk_of_venvfs(world)
    put("venvfs", second)
    count = world.profile.environments
    world.measure.value("store.disk_last", "disk of environment %d" % count, "venvfs", last[0], "B")
    world.measure.value("store.inodes_last", "inodes of environment %d" % count, "venvfs", last[1])
    put("native (with bytecode)", machine.disk_of(world.native.root, set()))
    if world.uv:
        put("uv (hardlinks)", disk_of_uv(world, "hardlink"))


def run(world):
    world.build.import_wheels(world.wheels)
    fill(world, False, 70)
    fill(world, True, 140)
    first_import(world)
    disk(world)
