"""Runs a program and checks what the kernel asked the daemon of an environment meanwhile.

    request_counts.py ENVIRONMENT [OPCODE=COUNT | OPCODE<=COUNT | OPCODE=any]... -- PROGRAM ARGUMENT...

What is not named must not be asked at all. FORGET is left out, because the kernel sends it when it
likes, and so is what reading the counts costs. This program itself must not look at ENVIRONMENT
otherwise. Exits with 1 when there were other requests, and says all counts in any case.
"""

import re
import subprocess
import sys

UNTIMED = {"FORGET", "BATCH_FORGET", "INTERRUPT"}


def read_counts(environment):
    with open(environment + "/.venvfs/stats") as stats:
        lines = (line.split() for line in stats)
        return {name: int(count) for name, count in lines if name.isupper()}


def difference(later, earlier):
    return {name: later.get(name, 0) - earlier.get(name, 0) for name in later.keys() | earlier.keys()}


def main(environment, *rest):
    split = rest.index("--")
    bounds = [re.fullmatch(r"(\w+?)(=|<=)(\w+)", bound).groups() for bound in rest[:split]]
    read_counts(environment)  # what only the first reading asks
    first = read_counts(environment)
    before = read_counts(environment)
    status = subprocess.run(rest[split + 1 :]).returncode
    asked = difference(difference(read_counts(environment), before), difference(before, first))
    asked = {name: count for name, count in asked.items() if count and name not in UNTIMED}
    good = status == 0
    for name, relation, count in bounds:
        got = asked.get(name, 0)
        good &= count == "any" or (got == int(count) if relation == "=" else got <= int(count))
    good &= asked.keys() <= {name for name, _, _ in bounds}
    print(" ".join(f"{name}={count}" for name, count in sorted(asked.items())) or "nothing",
          f"status={status}" if status else "", "allowed:", *rest[:split])
    return not good


sys.exit(main(*sys.argv[1:]))
