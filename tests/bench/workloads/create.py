"""Creating an environment until `python -c ''` has run in it, and removing it again."""

import os

from context import remove_tree
from envs import Environment, VenvfsEnvironment
from measure import Subject

FULL = [("create.full", "all wheels: until `python -c ''` has ended"),
        ("create.full_delete", "removing it")]
EMPTY = [("create.empty", "no packages: until `python -c ''` has ended"),
         ("create.empty_delete", "removing it")]


def delete(context, env):
    """Seconds for `rm -rf`, or for unmounting and removing what the environment has written."""
    if isinstance(env, VenvfsEnvironment):
        seconds = context.time([env.build.program, "umount", env.root])
        return seconds + context.time(["rm", "-rf", env.root, env.store])
    return context.time(["rm", "-rf", env.root])


def cycle(context, env, commands, sync=True):
    """[seconds for @commands and the first start of Python, seconds for removing it]."""
    seconds = 0
    for command in commands:
        seconds += context.time(command, timeout=900)
    seconds += context.time([env.python, "-c", ""])
    if sync:
        os.sync()
    return [seconds, delete(context, env)]


def mount_alone(world, env):
    def run():
        return world.context.time([world.build.program, "mount", env.spec, env.root])

    def prepare():
        env.detach()
    return Subject("venvfs mount", run, prepare)


def full(world):
    context, build = world.context, world.build
    spec = build.locked_spec(world.wheels, "create")
    subjects = []

    def venvfs():
        env = VenvfsEnvironment(build, "venvfs", spec)
        return cycle(context, env, [[build.program, "mount", spec, env.root]])
    subjects.append(Subject("venvfs", venvfs))

    def uv():
        env = Environment("uv", context.fresh("uv"))
        return cycle(context, env, [
            [world.need_uv(), "venv", "-q", "--python", world.python, env.root],
            [world.uv, "pip", "install", "-q", "--no-deps", "--link-mode", "hardlink", "--python",
             env.python, *world.wheels.files]])
    subjects.append(Subject("uv (hardlinks, warm cache)", uv))
    world.measure.compare([(name, title, "s") for name, title in FULL], subjects, 12, 80)

    # pip's is the environment that everything else is compared with: made once, half a minute long.
    if world.native_seconds is not None:
        world.measure.value(*FULL[0], "native (pip)", world.native_seconds, "s")

    env = build.environment(world.wheels)
    world.measure.compare([("create.mount", "`venvfs mount` alone, of the locked spec", "s")],
                          [mount_alone(world, env)], 20, 10)
    env.detach()
    context.run([env.build.program, "store", "--store=" + build.store, "list"])


def empty(world):
    context, build = world.context, world.build
    spec = build.write_spec("empty")
    python = world.python

    def venvfs():
        env = VenvfsEnvironment(build, "venvfs", spec)
        return cycle(context, env, [[build.program, "mount", spec, env.root]], sync=False)

    def made_by(*command):
        def run():
            env = Environment("", context.fresh("empty"))
            return cycle(context, env, [[*command, env.root]], sync=False)
        return run
    subjects = [
        Subject("native", made_by(python, "-m", "venv", "--without-pip")),
        Subject("venvfs", venvfs),
    ]
    if world.profile.name != "smoke":
        subjects.append(Subject("native with pip", made_by(python, "-m", "venv")))
    case = world.measure.case(*EMPTY[0])
    for name, program, words in (("uv", world.uv, ["venv", "-q", "--python", python]),
                                 ("virtualenv", world.virtualenv, ["-q", "--python", python])):
        if program:
            subjects.append(Subject(name, made_by(program, *words)))
        else:
            world.measure.skip(case, name, world.peers[name]["reason"])
    world.measure.compare([(name, title, "s") for name, title in EMPTY], subjects, 9, 45)
    remove_tree(spec[:-len(".cfg")] + ".store")


def run(world):
    full(world)
    empty(world)
