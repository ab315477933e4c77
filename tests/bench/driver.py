"""Measures venvfs side by side with native environments and its peers: see README.md.

usage: run [--install] [--quick] [--wheels DIRECTORY] [--smoke] [--results DIRECTORY] [THEME...]
"""

import argparse
import datetime
import importlib
import os
import subprocess
import sys
import time
import traceback

import budgets
import machine
import report
from context import BenchError, Context, Interrupted, catch_signals
from measure import Measurements, say
from profiles import Profile, Quick, Smoke
from world import World

HERE = os.path.dirname(os.path.abspath(__file__))
FORMAT = 1


def parse(arguments):
    parser = argparse.ArgumentParser(prog="run", description="Measures venvfs beside its peers.",
                                     epilog="--install, first, installs the peers' packages.")
    parser.add_argument("themes", nargs="*", metavar="THEME",
                        help="of: %s; default: all" % " ".join(Profile.themes))
    parser.add_argument("--quick", action="store_true", help="few rounds, less than 5 minutes")
    parser.add_argument("--smoke", action="store_true", help="only whether the benchmark works")
    parser.add_argument("--wheels", metavar="DIRECTORY", help="use these wheels, download none")
    parser.add_argument("--results", metavar="DIRECTORY",
                        default=os.environ.get("BENCH_RESULTS") or os.path.join(HERE, "results"))
    parser.add_argument("--render", metavar="JSON", help="only write the tables and plots of a run")
    parser.add_argument("--join", metavar="JSON", nargs="+",
                        help="the same, of a run and of later ones that measured some of its "
                             "themes again")
    options = parser.parse_args(arguments)
    options.themes = options.themes or list(Profile.themes)
    for theme in options.themes:
        if theme not in Profile.themes:
            parser.error("there is no theme %s; there are: %s" % (theme, " ".join(Profile.themes)))
    return options


def revision():
    """The commit that is measured, and whether the tree has changes; None outside of a checkout."""
    def git(*words):
        return subprocess.run(["git", "-C", HERE, *words], capture_output=True, text=True,
                              check=False).stdout.strip()
    try:
        commit = git("rev-parse", "--short=12", "HEAD")
        return commit + ("+" if git("status", "--porcelain", "-uno") else "") if commit else None
    except OSError:
        return None


def run_themes(world, themes, failures):
    """Each in its turn; one that fails as a whole does not take the others with it."""
    for theme in themes:
        seconds = world.profile.themes[theme]
        say("== %s" % theme)
        begin = time.monotonic()
        if begin > world.measure.deadline:
            failures[theme] = "no time was left"
            say("  no time was left")
            continue
        try:
            # What all need is not a theme's own time.
            world.prepare()
            world.measure.begin_theme(seconds)
            importlib.import_module("workloads." + MODULES.get(theme, theme)).run(world)
        except BenchError as error:
            failures[theme] = world.context.hide(str(error))
            say("  %s failed: %s" % (theme, error))
        except Exception:
            failures[theme] = world.context.hide(traceback.format_exc(limit=-3))
            traceback.print_exc()
        try:
            world.detach_all()
        except BenchError as error:
            say("  unmounting: %s" % error)
        say("   %s: %.0f s" % (theme, time.monotonic() - begin))


# `import` is no name of a module.
MODULES = {"import": "imports"}


def collect(world, options, failures, begin):
    """The results as JSON has them."""
    cases = [case.as_json() for case in world.measure.cases.values()]
    results = {
        "format": FORMAT,
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "profile": world.profile.name,
        "command": "make bench" + (' BENCH="%s"' % " ".join(options.themes)
                                   if len(options.themes) < len(Profile.themes) else "")
                   + (" QUICK=1" if options.quick else ""),
        "seconds": round(time.monotonic() - begin),
        "venvfs": {"version": world.version, "commit": revision(),
                   "share": {name: reason or "available"
                             for name, reason in world.build.shares.items()},
                   "default_share": world.build.default_share or "not said",
                   "bytecode": world.build.bytecode or "in the layers"},
        "machine": world.machine,
        "peers": world.peers,
        "wheels": world.wheels.describe() if not isinstance(world.made.get("wheels"), BenchError)
        else {},
        "cases": cases,
        "failures": failures,
    }
    results["machine"]["load_at_end"] = [round(value, 2) for value in os.getloadavg()]
    results["budgets"] = budgets.judge(results)
    return results


def measure(options):
    venvfs = os.environ.get("VENVFS") or os.path.join(HERE, "..", "..", "build", "venvfs")
    if not os.access(venvfs, os.X_OK):
        raise BenchError("there is no venvfs at %s: build it, or set VENVFS" % venvfs)
    profile = Smoke() if options.smoke else Quick() if options.quick else Profile()
    begin = time.monotonic()
    catch_signals()
    context = Context(venvfs)
    failures = {}
    try:
        say("== peers")
        measurements = Measurements(profile, context)
        world = World(context, measurements, profile, options.wheels)
        world.machine = machine.describe(context, world.python)
        run_themes(world, options.themes, failures)
        # Before what was made is removed, which can take a while.
        report.write(collect(world, options, failures, begin), options.results, profile.plots)
    finally:
        context.close()
    return 1 if failures else 0


def main():
    options = parse(sys.argv[1:])
    try:
        if options.render:
            report.render(options.render, options.results)
            return 0
        if options.join:
            report.write(report.join(options.join), options.results, True)
            return 0
        return measure(options)
    except BenchError as error:
        say("bench: %s" % error)
        return 1
    except Interrupted as signal:
        say("bench: ended by %s; nothing was kept" % signal)
        return 130


if __name__ == "__main__":
    sys.exit(main())
