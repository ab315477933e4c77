#!/usr/bin/env python3
"""The first import after mounting, with a warm page cache and with an empty one, against a venv.

Makes a virtual environment with pip and an environment of venvfs from the same wheels, on the same
disk, and imports the same modules in both, in turns:

  native      the virtual environment
  ahead       venvfs: mounted anew, with what was used last time fetched ahead
  plain       venvfs: mounted anew with -o ahead=no

`warm` leaves the page cache alone, `cold` (root only) empties the caches before each mount. Times
are in seconds: the import from the start of python to its end, and the mount before it by itself.
The requests are those that the kernel sent while python ran, by what was done for it beforehand.
Prints a table, or with --json everything.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

MODULES = "numpy,pandas,scipy.stats,sklearn,matplotlib.pyplot"
REQUIREMENTS = "numpy,pandas,scipy,scikit-learn,matplotlib"


def environ(work):
    keep = {name: value for name, value in os.environ.items()
            if not name.startswith(("PIP_", "PYTHON", "VIRTUAL_ENV"))}
    return {**keep, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_CONFIG_FILE": "/dev/null", "XDG_CACHE_HOME": str(work / "cache"),
            "XDG_DATA_HOME": str(work / "data"), "MPLCONFIGDIR": str(work / "matplotlib")}


class Bench:
    def __init__(self, options, work):
        self.options, self.work = options, work
        self.environ = environ(work)
        self.native, self.mount_point = work / "native", work / "mount"
        self.command = "import " + ",".join(options.modules.split(","))

    def run(self, *words):
        subprocess.run([str(word) for word in words], check=True, env=self.environ, cwd="/",
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def timed(self, *words):
        begin = time.perf_counter()
        self.run(*words)
        return time.perf_counter() - begin

    def make(self):
        options = self.options
        requirements = self.work / "requirements.txt"
        requirements.write_text("\n".join(options.requirements.split(",")) + "\n")
        self.run(options.python, "-m", "venv", self.native)
        self.run(self.native / "bin/python", "-m", "pip", "install", "-q", "--find-links",
                 options.wheels, "-r", requirements)
        (self.work / "bench.cfg").write_text(
            f"[base-executable]\nexecutable = {options.python}\n"
            f"[packages]\nrequirements = requirements.txt\nfind-links = {options.wheels}\n"
            f"store = store\n[store]\npath = environment\n")
        # Twice: what Python compiles the first time is read the second time.
        for _ in range(2):
            self.mount("yes")
            self.run(self.mount_point / "bin/python", "-c", self.command)
            self.unmount()
        self.run(self.native / "bin/python", "-c", self.command)

    def mount(self, ahead):
        mount_options = ",".join(filter(None, [self.options.mount_options, f"ahead={ahead}"]))
        return self.timed(self.options.venvfs, "mount", "-o", mount_options,
                          self.work / "bench.cfg", self.mount_point)

    def unmount(self):
        self.run(self.options.venvfs, "umount", self.mount_point)

    def stats(self):
        text = (self.mount_point / ".venvfs/stats").read_text()
        return {name: int(count) for name, count in map(str.split, text.splitlines())}

    def status(self):
        text = (self.mount_point / ".venvfs/status").read_text()
        return dict(line.split(": ", 1) for line in text.splitlines())

    def one(self, variant):
        if variant == "native":
            return {"import": self.timed(self.native / "bin/python", "-c", self.command)}
        result = {"mount": self.mount("yes" if variant == "ahead" else "no")}
        try:
            result["import"] = self.timed(self.mount_point / "bin/python", "-c", self.command)
            result["ahead"] = {key: value for key, value in self.status().items()
                               if key.startswith("ahead")}
        finally:
            self.unmount()
        return result

    def requests(self, variant):
        """What the kernel asks in an import that begins when everything was fetched."""
        self.mount("yes" if variant == "ahead" else "no")
        try:
            until = time.monotonic() + 20
            while self.status().get("ahead") == "running" and time.monotonic() < until:
                time.sleep(0.1)
            before = self.stats()
            self.run(self.mount_point / "bin/python", "-c", self.command)
            after = self.stats()
        finally:
            self.unmount()
        return {name: count - before.get(name, 0) for name, count in after.items()
                if count != before.get(name, 0) and name != "nodes"}

    def rounds(self, cold):
        results = {variant: [] for variant in ("native", "ahead", "plain")}
        order = list(results)
        for number in range(self.options.rounds):
            for variant in order[number % 3:] + order[:number % 3]:
                if cold:
                    os.sync()
                    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3\n")
                results[variant].append(self.one(variant))
        return results


def summary(results):
    native = [one["import"] for one in results["native"]]
    rows = []
    for variant, ones in results.items():
        imports = [one["import"] for one in ones]
        ratios = [a / b for a, b in zip(imports, native)]
        mounts = [one["mount"] for one in ones if "mount" in one]
        rows.append({"variant": variant, "import": statistics.median(imports),
                     "least": min(imports), "most": max(imports),
                     "ratio": statistics.median(ratios),
                     "mount": statistics.median(mounts) if mounts else None})
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venvfs", default=os.environ.get("VENVFS", "venvfs"))
    parser.add_argument("--python", default=sys.executable, help="the base of both")
    parser.add_argument("--wheels", required=True, type=pathlib.Path, help="a directory of wheels")
    parser.add_argument("--requirements", default=REQUIREMENTS, metavar="NAME,…")
    parser.add_argument("--modules", default=MODULES, metavar="NAME,…")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mount-options", default="", metavar="OPTION,…")
    parser.add_argument("--directory", help="on the disk to be measured; default: /tmp")
    parser.add_argument("--only", choices=["warm", "cold"])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.wheels = options.wheels.resolve()
    options.venvfs = os.path.abspath(options.venvfs) if "/" in options.venvfs else options.venvfs

    with tempfile.TemporaryDirectory(prefix="venvfs-cold.", dir=options.directory) as work:
        bench = Bench(options, pathlib.Path(work))
        try:
            bench.make()
            result = {"modules": options.modules, "rounds": options.rounds}
            if options.only != "cold":
                result["warm"] = bench.rounds(cold=False)
                result["requests"] = {variant: bench.requests(variant)
                                      for variant in ("ahead", "plain")}
            if options.only != "warm" and os.geteuid() == 0:
                result["cold"] = bench.rounds(cold=True)
        finally:
            # Sealed layers can't be removed otherwise.
            subprocess.run(["chattr", "-R", "-f", "-i", work], stderr=subprocess.DEVNULL,
                           check=False)
            subprocess.run(["chmod", "-R", "u+w", work], check=False)

    if options.json:
        json.dump(result, sys.stdout, indent=1)
        print()
        return
    for kind in ("warm", "cold"):
        if kind not in result:
            continue
        print(f"| {kind} | import | least – most | × native, paired | mount |\n|---|---|---|---|---|")
        for row in summary(result[kind]):
            mount = f"{row['mount']:.3f}" if row["mount"] is not None else ""
            print(f"| {row['variant']} | {row['import']:.3f} | {row['least']:.3f} – "
                  f"{row['most']:.3f} | {row['ratio']:.2f} | {mount} |")
        print()
    for variant, counts in result.get("requests", {}).items():
        print(f"requests, {variant}:", ", ".join(f"{name} {count}"
                                                 for name, count in counts.items()))
    for one in result.get("cold", {}).get("ahead", [])[-1:]:
        print("the last cold one:", one["ahead"])


if __name__ == "__main__":
    main()
