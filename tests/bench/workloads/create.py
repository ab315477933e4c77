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


def mount_words(env):
    words = ["-o", env.options] if env.options else []
    return [env.build.program, "mount", *words, env.spec, env.root]


def mounted(world, env, name, options, new):
    """[seconds for mounting, seconds for the first start of Python]. @new: there is no store of the
    environment yet; else an earlier mount has imported, and what that used is fetched ahead."""
    def prepare():
        env.detach()
        if new:
            env.forget()
        elif not os.path.exists(env.store):
            env.attach()
            world.context.run([env.python, "-c", world.profile.one_import])
            env.detach()
        env.options = options

    def run():
        found = [world.context.time(mount_words(env)), world.context.time([env.python, "-c", ""])]
        env.detach()  # or what it fetches ahead would go on while the next is measured
        return found
    return Subject(name, run, prepare)


def mount_alone(world):
    """Mounting by itself, beside what a start of Python takes natively."""
    subjects = [Subject("native", lambda: [None, world.context.time([world.native.python, "-c", ""])])]
    environments = []
    for name, options in world.build.variants():
        for new, word in ((True, ""), (False, ", mounted before")):
            env = world.build.environment(world.wheels)
            environments.append(env)
            subjects.append(mounted(world, env, name + word, options, new))
    env = world.build.environment(world.wheels)
    environments.append(env)
    subjects.append(mounted(world, env, "venvfs, mounted before, ahead=no", "ahead=no", False))
    world.measure.compare(
        [("create.mount", "`venvfs mount` alone, of all wheels", "s"),
         ("create.start", "after it, the first `python -c ''`", "s")], subjects, 20, 25)
    for env in environments:
        env.detach()
        env.forget()


def full(world):
    context, build = world.context, world.build
    subjects = []

    def venvfs(name, options="", bytecode=None):
        spec = build.locked_spec(world.wheels, "create", bytecode=bytecode)

        def run():
            env = VenvfsEnvironment(build, name, spec, options)
            return cycle(context, env, [mount_words(env)])
        subjects.append(Subject(name, run))
    for name, options in build.variants():
        venvfs(name, options)
    if build.bytecode is None:
        # What a spec has that does not say it: all is compiled already, which is to be found out.
        venvfs("venvfs, bytecode = background", bytecode="background")

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
    mount_alone(world)


def empty(world):
    context, build = world.context, world.build
    spec = build.empty_spec("empty")
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
        subjects.append(Subject("native with pip", made_by(python, "-m", "venv"), every=3))
    case = world.measure.case(*EMPTY[0])
    for name, program, words in (("uv", world.uv, ["venv", "-q", "--python", python]),
                                 ("virtualenv", world.virtualenv, ["-q", "--python", python])):
        if program:
            subjects.append(Subject(name, made_by(program, *words)))
        else:
            world.measure.skip(case, name, world.peers[name]["reason"])
    world.measure.compare([(name, title, "s") for name, title in EMPTY], subjects, 15, 45)
    remove_tree(spec[:-len(".cfg")] + ".store")


def run(world):
    full(world)
    empty(world)
