#!/usr/bin/env python3
"""A model test: random operations on an environment and on a plain directory.

The environment has several layers that conflict in every way; the plain directory begins with what
they merge to. Each operation runs on both, and must give the same result, or the same error, and
leave the same tree. In between, the environment is unmounted and mounted, its daemon killed, and
the kernel made to forget what it knows. A failing sequence is shrunk by Hypothesis and printed as
a list that --replay takes.
"""

import argparse
import ast
import ctypes
import errno
import os
import secrets
import shutil
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from hypothesis import HealthCheck, Phase, given, seed, settings, strategies  # noqa: E402

import layers  # noqa: E402
from comparison import Comparison, Difference, same  # noqa: E402
from environment import Environment, EnvironmentFailed  # noqa: E402
from operations import (CHOICES, EVENTS, NOTHING, OPERATIONS, PATHS, Side, check,  # noqa: E402
                        libc)

LAYER_SETS = 6
LAYERS = 3
EVERYTHING_EVERY = 25  # steps
EXAMPLES_AT_ONCE = 50
SHORTEST, LONGEST = 60, 180
MS_NOSUID, MS_NODEV, MS_REMOUNT = 2, 4, 32


class Plain:
    """In place of an environment: to test the test, against a second plain directory."""

    def __init__(self, work, merged):
        self.work, self.merged = work, merged

    def mount(self):
        self.top = tempfile.mkdtemp(dir=self.work)
        copy_tree(self.merged, os.path.join(self.top, "m"))

    def unmount(self):
        pass

    def kill(self):
        pass


def copy_tree(source, target):
    layers.merge([source], target)


class Workshop:
    """The directories of a run: the layers, what they merge to, and where both are used."""

    def __init__(self, program, work):
        self.program, self.work = program, work
        self.sets = []
        for i in range(LAYER_SETS):
            paths = [os.path.join(work, f"layers{i}", str(j)) for j in range(LAYERS)]
            for j, path in enumerate(paths):
                layers.make(path, i * 100 + j)
            merged = os.path.join(work, f"merged{i}")
            layers.merge([os.path.join(path, "m") for path in paths], merged)
            self.sets.append((paths, merged))
        self.fingerprints = self.fingerprint()
        self.steps = 0

    def fingerprint(self):
        return [layers.fingerprint(path) for paths, _ in self.sets for path in paths]


class Run:
    """One sequence, from fresh trees."""

    def __init__(self, shop, layer_set):
        self.shop = shop
        paths, merged = shop.sets[layer_set]
        self.plain_root = os.path.join(shop.work, "plain")
        if shop.program:
            self.environment = Environment(shop.program, os.path.join(shop.work, "environment"),
                                           paths)
        else:
            self.environment = Plain(shop.work, merged)
        os.mkdir(self.plain_root)
        copy_tree(merged, os.path.join(self.plain_root, "m"))

    def __enter__(self):
        try:
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _begin(self):
        self.environment.mount()
        if self.shop.program:
            top = self.environment.site_packages()
        else:
            top = self.environment.top
        self.plain = Side(os.path.join(self.plain_root, "m"))
        self.mounted = Side(os.path.join(top, "m"))
        self.comparison = Comparison(self.plain.root, self.mounted.root)
        self.comparison.everything()

    def __exit__(self, *_):
        for side in (getattr(self, "plain", None), getattr(self, "mounted", None)):
            if side:
                side.close()
        try:
            self.environment.kill()
        finally:
            shutil.rmtree(self.plain_root, ignore_errors=True)
            if self.shop.program:
                shutil.rmtree(self.environment.store, ignore_errors=True)
            else:
                shutil.rmtree(self.environment.top, ignore_errors=True)

    def _event(self, name, path, number):
        if not self.shop.program:
            return
        if name in ("remount", "kill"):
            self.plain.close()
            self.mounted.close()
            self.comparison.everything()
            if name == "kill":
                self.environment.kill()
            else:
                self.environment.unmount()
            self._check_store()
            self.environment.mount()
            self.comparison.remounted()
            self.comparison.everything()
        elif name == "forget" and os.getuid() == 0:
            check(libc.mount(None, os.fsencode(self.environment.mount_point), None,
                             MS_REMOUNT | MS_NOSUID | MS_NODEV, None))
        elif name == "reserved":
            self._reserved(path, number)

    def _check_store(self):
        """What is no longer needed is not kept."""
        same("work", "store", [], [name for name in os.listdir(self.environment.store / "work")
                                   if name != "whiteout"])  # that all whiteouts are links to

    def _reserved(self, path, number):
        """Names of the upper's own cannot be made, and are never there."""
        name = os.path.join(self.mounted.path(path), (".wh.a", ".wh..wh..opq", ".wh.b")[number % 3])
        if not os.path.isdir(os.path.dirname(name)):
            return
        if os.path.lexists(name):
            raise Difference(f"{name} is there")
        try:
            os.mkdir(name)
        except OSError as error:
            same("errno", name, errno.EINVAL, error.errno)
        else:
            raise Difference(f"{name} could be made")

    def step(self, operation):
        name, p, q, number = operation
        self.shop.steps += 1
        if name in EVENTS:
            self._event(name, p, number)
            return
        paths = self._removable(name, p, q)
        before = self.comparison.inodes(*paths)
        results = []
        for side in (self.plain, self.mounted):
            try:
                results.append(OPERATIONS[name](side, p, q, number))
            except OSError as error:
                results.append(errno.errorcode[error.errno])
        same("result", operation, *results)
        self.comparison.gone(before, *paths)
        for path in self._touched(p, q):
            self.comparison.path(path)

    def _removable(self, name, *paths):
        """The paths that may lose their file by the operation."""
        if name == "clear" and os.path.isdir(self.plain.path(paths[0])):
            return [os.path.join(paths[0], below)
                    for below in os.listdir(self.plain.path(paths[0]))]
        return paths

    def _touched(self, *paths):
        touched = set()
        for path in paths:
            touched.update((path, os.path.dirname(path)))
            real = os.path.realpath(self.plain.path(path))
            if real.startswith(self.plain.root + "/"):
                touched.add(real[len(self.plain.root) + 1:])
        return sorted(touched)

    def all(self, sequence):
        for i, operation in enumerate(sequence, 1):
            if operation[0] != NOTHING:
                self.step(operation)
            if i % EVERYTHING_EVERY == 0:
                self.comparison.everything()
        self._event("remount", "", 0)


def run_sequence(shop, layer_set, sequence):
    with Run(shop, layer_set) as run:
        run.all(sequence)


OPERATION = strategies.tuples(strategies.sampled_from(CHOICES), strategies.sampled_from(PATHS),
                              strategies.sampled_from(PATHS), strategies.integers(0, 255))


def explore(shop, number, failures):
    """Runs some random sequences; a failing one is left in @failures, shrunk."""
    @seed(number)
    @settings(max_examples=EXAMPLES_AT_ONCE, deadline=None, database=None,
              suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink),
              report_multiple_bugs=False, print_blob=False)
    @given(strategies.integers(0, LAYER_SETS - 1),
           strategies.lists(OPERATION, min_size=SHORTEST, max_size=LONGEST))
    def sequences(layer_set, sequence):
        try:
            run_sequence(shop, layer_set, sequence)
        except BaseException:
            failures.append((layer_set, sequence, traceback.format_exc(limit=-3)))
            raise

    try:
        sequences()
    except Exception as error:  # also Hypothesis' own: that it fails at times only
        print(f"# {type(error).__name__}")
        return False
    return True


def report(layer_set, sequence, why):
    sequence = [operation for operation in sequence if operation[0] != NOTHING]
    print("# this sequence fails; put it into a file for --replay:")
    print(f"# ({layer_set}, [")
    for operation in sequence:
        print(f"#   {operation!r},".replace(repr(layers.LONG), '"n" * 255'))
    print("# ])")
    for line in why.splitlines():
        print("# " + line)


def explore_all(shop, steps, first):
    number = first
    while shop.steps < steps:
        failures = []
        if not explore(shop, number, failures):
            print(f"# seed {number}")
            report(*failures[-1])
            return False
        number += 1
    return True


def replay(shop, path):
    with open(path, encoding="utf-8") as file:
        text = "\n".join(line.lstrip("# ") for line in file).replace('"n" * 255', repr(layers.LONG))
    layer_set, sequence = ast.literal_eval(text)
    try:
        run_sequence(shop, layer_set, sequence)
    except (AssertionError, OSError, EnvironmentFailed):
        report(layer_set, sequence, traceback.format_exc())
        return False
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", help="venvfs; without it, plain directories are compared")
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--seed", type=int, help="default: a random one")
    parser.add_argument("--replay", metavar="FILE", help="run this sequence instead")
    options = parser.parse_args()
    first = secrets.randbits(32) if options.seed is None else options.seed

    os.umask(0o022)
    work = tempfile.mkdtemp(prefix="venvfs-model.")
    try:
        shop = Workshop(options.program, work)
        print("1..2")
        if options.replay:
            good = replay(shop, options.replay)
        else:
            print(f"# seed {first}")
            good = explore_all(shop, options.steps, first)
        print("ok 1" if good else "not ok 1", f"- {shop.steps} steps are as in a plain directory")
        untouched = shop.fingerprint() == shop.fingerprints
        print("ok 2" if untouched else "not ok 2", "- the layers are untouched")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 0 if good and untouched else 1


if __name__ == "__main__":
    sys.exit(main())
