"""The budgets, and whether a run meets them.

Each is a value out of the cases, a limit, and what the value is: `ratio` is the paired median
against the case's baseline, `median` the median itself.
"""


class Budget:
    def __init__(self, key, what, limit, unit, case, subject="venvfs", measure="ratio", of=None):
        self.key = key            # the heading in README.md
        self.what = what
        self.limit = limit
        self.unit = unit          # "x" for a ratio
        self.case = case
        self.subject = subject
        self.measure = measure
        self.of = of              # profiles whose figures are a statement; None: all


BUDGETS = [
    Budget("create", "all wheels locked and in the store: `venvfs mount` until Python can be "
           "started in it", 0.020, "s", "create.mount", measure="median"),
    Budget("requests", "requests of a warm import other than IOCTL", 0, "count",
           "requests.warm_but_ioctl", measure="median"),
    Budget("warm", "warm import, `link`, against native", 1.02, "x", "import.warm", "venvfs link"),
    Budget("warm", "warm import, `cache`, against native (3.11)", 1.12, "x", "import.warm",
           "venvfs cache"),
    Budget("first", "first import of a later mount, page cache warm", 1.05, "x", "import.first",
           "venvfs, mounted before"),
    Budget("first", "first import of the first mount, page cache warm", 1.3, "x", "import.first"),
    Budget("cold", "import right after mounting, caches dropped, later mounts", 0.9, "x",
           "import.cold", "venvfs, mounted before"),
    Budget("cold", "the same, first mount", 1.1, "x", "import.cold"),
    Budget("find", "`find` over the environment, first time", 1.5, "x", "files.find_first"),
    Budget("find", "`find` over the environment, second time", 1.1, "x", "files.find_second"),
    Budget("install", "pip install of a large wheel inside the mount (numpy)", 1.25, "x",
           "install.pip_numpy"),
    Budget("uninstall", "pip uninstall of a layer's package: bytes of its files copied", 0, "B",
           "install.layer_copied", measure="median"),
    Budget("disk", "disk for one more environment", 64 << 10, "B", "store.disk_last",
           measure="median"),
    Budget("disk", "inodes for one more environment", 10, "count", "store.inodes_last",
           measure="median"),
    Budget("memory", "daemon's own memory after a full `find`", 12 << 20, "B", "memory.daemon_own",
           measure="median"),
    Budget("import", "all wheels into an empty store, without bytecode, against uv's cold install",
           0.7, "x", "store.import"),
    Budget("import", "the same with bytecode, against `uv pip install --compile-bytecode`, cold",
           0.9, "x", "store.import_bytecode"),
]


def find(results, budget):
    """The subject's entry, or why there is none."""
    case = next((case for case in results["cases"] if case["name"] == budget.case), None)
    if case is None:
        return None, "not part of this run"
    names = [budget.subject]
    # `link` and `cache` are not measured twice when one of them is the default.
    if budget.subject == "venvfs " + results["venvfs"]["default_share"]:
        names.append("venvfs")
    for name in names:
        for entry in case["subjects"]:
            if entry["name"] == name:
                return entry, None
    for name in [*names, "all"]:
        if name in case["skipped"]:
            return None, case["skipped"][name]
    word = budget.subject.removeprefix("venvfs ")
    reason = results["venvfs"]["share"].get(word)
    return None, reason if reason and reason != "available" else "not measured"


def judge_one(results, budget):
    row = {"key": budget.key, "what": budget.what, "limit": budget.limit, "unit": budget.unit,
           "case": budget.case, "subject": budget.subject, "value": None, "met": None,
           "reason": None}
    entry, row["reason"] = find(results, budget)
    if entry is None:
        return row
    if budget.measure == "ratio":
        ratio = entry.get("ratio")
        if ratio is None:
            row["reason"] = "there was nothing to compare with"
            return row
        row["value"], row["q1"], row["q3"] = ratio["median"], ratio["q1"], ratio["q3"]
    else:
        row["value"], row["q1"], row["q3"] = entry["median"], entry["q1"], entry["q3"]
    row["n"] = entry["n"]
    row["met"] = row["value"] <= budget.limit
    return row


def judge(results):
    """One row for each budget, in the order of the plan."""
    return [judge_one(results, budget) for budget in BUDGETS]
