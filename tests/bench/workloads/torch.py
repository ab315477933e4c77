"""Importing torch, whose libraries are large: in environments of its own, where there is a wheel."""

import wheels as wheel_files
from context import BenchError
from envs import Environment
from measure import Subject, say

CASES = [("torch.warm", "`import torch`, warm"),
         ("torch.first", "`import torch`, first after mounting, page cache warm, mounted before")]


def make(world):
    """[native environment, venvfs's ways]."""
    if not world.profile.torch or not world.profile.online:
        raise BenchError("left out of a %s run" % world.profile.name)
    wheels = wheel_files.torch_wheels(world.context, world.python, world.tool_python)
    say("  making environments of torch")
    native = Environment("native", world.context.path("torch"))
    world.context.run([world.python, "-m", "venv", native.root])
    world.context.run(world.install_command(native, pip=not world.uv, files=wheels.files),
                      timeout=300)
    found = [native]
    for name, options in world.build.variants():
        found.append(world.once("torch " + name, lambda: world.build.environment(
            wheels, name, options)))
    return found


def run(world):
    try:
        environments = make(world)
    except BenchError as error:
        for case in CASES:
            world.measure.skip(world.measure.case(*case), "all", error)
        return

    def subject(env, after=None, prepare=None):
        def statement():
            seconds = world.context.time([env.python, "-W", "ignore", "-c", "import torch"])
            if after:
                after()
            return seconds
        return Subject(env.name, statement, prepare)
    for env in environments:
        env.again()
    world.measure.compare([(*CASES[0], "s")], [subject(env) for env in environments], 9, 30)
    world.measure.compare([(*CASES[1], "s")], [subject(env, env.detach, env.again)
                                             for env in environments], 6, 30)
