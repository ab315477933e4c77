"""Programs that are started often: Python itself, django, pip list, compileall, pytest."""

import os

import probes
from measure import Subject


def compare(world, name, title, environments, arguments, rounds, seconds, check=True):
    def subject(env):
        return Subject(env.name, lambda: world.context.time([env.python, *arguments(env)],
                                                            check=check), every=env.every)
    world.measure.compare([("startup." + name, title, "s")],
                          [subject(env) for env in environments], rounds, seconds)


def run(world):
    environments = world.environments()
    profile = world.profile
    compare(world, "python", "`python -c ''`", environments, lambda env: ["-c", ""], 40, 20)
    compare(world, "no_site", "`python -S -c ''`", environments, lambda env: ["-S", "-c", ""], 40, 20)
    compare(world, "django", "`import django; django.setup()`", environments,
            lambda env: ["-c", profile.framework], 16, 20)
    compare(world, "pip_list", "`pip list`", environments, lambda env: ["-m", "pip", "list"], 9, 30)
    tests = world.context.path("tests")
    if not os.path.exists(tests):
        probes.make_tests(tests, profile.tests)
    if profile.name != "smoke":
        compare(world, "pytest", "pytest, %d tests" % profile.tests, environments,
                lambda env: ["-m", "pytest", "-q", "-p", "no:cacheprovider", tests], 6, 40)
    # Some wheels have files on purpose that no Python compiles.
    compare(world, "compileall", "`python -m compileall -q` of site-packages, compiled already",
            [env for env in environments if "squash" not in env.name],
            lambda env: ["-m", "compileall", "-q", env.site_packages()], 4, 30, check=False)
