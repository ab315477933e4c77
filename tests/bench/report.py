"""Writes what a run found: JSON, a Markdown table, plots."""

import json
import os

import budgets
import plots
from measure import human, say

THEMES = {
    "create": "Creating and removing an environment",
    "import": "Importing",
    "startup": "Programs that start",
    "files": "Looking at files",
    "install": "Writing",
    "store": "The wheel store",
    "memory": "Many environments at once",
    "requests": "Requests to the daemon, by opcode",
    "trips": "What one request costs",
    "slow": "A store that is far away",
    "torch": "torch",
}


def escaped(text):
    return text.replace("|", "\\|").replace("\n", " ")


def table(head, rows):
    """Lines of a Markdown table; all columns but the first are numbers."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return lines


def cell(case, entry):
    """Median, half the distance of the quartiles, and the ratio to the baseline."""
    if entry is None:
        return ""
    text = human(entry["median"], case["unit"])
    if entry["n"] > 1 and entry["median"]:
        around = (entry["q3"] - entry["q1"]) / 2 / abs(entry["median"])
        text += " ±%.0f%%" % (100 * around)
    ratio = entry.get("ratio")
    if ratio:
        text += " · **%.2f×**" % ratio["median"]
    return text


def verdict(row):
    if row["met"] is None:
        return "not measured: " + escaped(row["reason"] or "")
    return "met" if row["met"] else "**not met**"


def with_unit(value, unit):
    return "%.2f×" % value if unit == "x" else human(value, unit)


def budget_lines(results):
    rows = []
    for row in results["budgets"]:
        value = "" if row["value"] is None else with_unit(row["value"], row["unit"])
        if row["value"] is not None and row.get("n", 1) > 1:
            value += " (%s – %s)" % (with_unit(row["q1"], row["unit"]),
                                     with_unit(row["q3"], row["unit"]))
        rows.append([escaped(row["what"]), "≤ " + with_unit(row["limit"], row["unit"]), value,
                     verdict(row)])
    return ["## Budgets", "", *table(["what", "budget", "measured (quartiles)", ""], rows), ""]


def subjects_of(cases):
    """Names of all subjects, in the order in which they were met; native first,
    then venvfs."""
    names = []
    for case in cases:
        names += [entry["name"] for entry in case["subjects"] if entry["name"] not in names]
    return sorted(names, key=lambda name: (not name.startswith("native"),
                                           not name.startswith("venvfs")))


def theme_lines(theme, cases):
    """Each case is a row when subjects are few, else a column of its own small table."""
    lines = ["## " + THEMES.get(theme, theme), ""]
    if theme == "requests":
        return lines + request_lines(cases) + skipped_lines(cases)
    measured = [case for case in cases if case["subjects"]]
    names = subjects_of(measured)
    if measured and len(names) <= 4:
        rows = [[escaped(case["title"])] + [cell(case, entry_of(case, name)) for name in names]
                for case in measured]
        lines += [*table(["", *names], rows), ""]
    elif measured:
        for index in range(0, len(measured), 3):
            part = measured[index:index + 3]
            rows = [[name] + [cell(case, entry_of(case, name)) for case in part]
                    for name in subjects_of(part)]
            lines += [*table(["", *[escaped(case["title"]) for case in part]], rows), ""]
    baselines = sorted({case["baseline"] for case in measured if case.get("baseline")})
    if baselines:
        lines += ["Ratios are to %s." % ", ".join(baselines), ""]
    lines += skipped_lines(cases)
    return lines


def request_lines(cases):
    """A row for each opcode, a column for each phase of each way to mount."""
    counts, columns = {}, []
    for case in cases:
        phase, _, word = case["title"].partition(": ")
        for entry in case["subjects"]:
            column = "%s: %s" % (entry["name"], phase)
            if column not in columns:
                columns.append(column)
            counts.setdefault(word, {})[column] = "%d" % entry["median"]
    rows = [[word] + [counts[word].get(column, "") for column in columns]
            for word in sorted(counts, key=lambda word: (word.startswith("all"), word))]
    return [*table(["", *columns], rows), ""] if rows else []


def entry_of(case, name):
    return next((entry for entry in case["subjects"] if entry["name"] == name), None)


def skipped_lines(cases):
    """One line for each reason, whatever it kept from being measured."""
    reasons = {}
    for case in cases:
        for subject, reason in case["skipped"].items():
            reasons.setdefault(reason, {}).setdefault(case["name"], []).append(subject)
    lines = []
    for reason, what in reasons.items():
        parts = ["%s of %s" % (", ".join(subjects), name) if len(subjects) < 4 else name
                 for name, subjects in what.items()]
        lines.append("- not measured: %s: %s" % ("; ".join(parts), escaped(reason)))
    return lines + [""] if lines else []


def head_lines(results):
    machine, wheels, venvfs = results["machine"], results["wheels"], results["venvfs"]
    lines = [
        "# Benchmark of venvfs %s%s" % (venvfs["version"], ", commit " + venvfs["commit"]
                                        if venvfs["commit"] else ""),
        "",
        "`%s`, %s, %d minutes. Every figure is a median ± half the distance of the quartiles; "
        "ratios (×) are medians of the rounds' own ratios. README.md says what is measured, and how."
        % (results["command"], results["date"], round(results["seconds"] / 60)), "",
        "| | |", "|---|---|",
        "| machine | %d CPUs (%s), %s of memory, %s |" % (
            machine["cpus"], machine["cpu"], human(machine["memory"], "B"), machine["file_system"]),
        "| system | Linux %s, %s, Python %s, %s |" % (
            machine["kernel"], machine["system"], machine["python"],
            "as root" if machine["root"] else "as an ordinary user"),
        "| load before, after | %s, %s |" % (machine["load"][0], machine["load_at_end"][0]),
    ]
    if wheels:
        lines.append("| wheels | %d, %d files, %s |" % (wheels["wheels"], wheels["files"],
                                                       human(wheels["bytes"], "B")))
    lines.append("| sharing | default %s; %s |" % (
        venvfs["default_share"],
        escaped("; ".join("%s: %s" % pair for pair in venvfs["share"].items()))))
    lines.append("| bytecode | %s |" % escaped(venvfs["bytecode"]))
    for again in results.get("again", ()):
        lines.append("| measured again | %s: `%s`, %s, %d minutes, commit %s |" % (
            ", ".join(again["themes"]), escaped(again["command"]), again["date"],
            round(again["seconds"] / 60), again["commit"]))
    here = ["%s %s" % (name, about["version"]) for name, about in sorted(results["peers"].items())
            if about["available"]]
    gone = ["%s: %s" % (name, about["reason"]) for name, about in sorted(results["peers"].items())
            if not about["available"]]
    lines.append("| peers | %s |" % escaped(", ".join(here) or "none"))
    lines.append("| peers that are missing | %s |" % escaped("; ".join(gone) or "none"))
    return lines + [""]


def markdown(results, images):
    lines = head_lines(results)
    for theme, reason in results["failures"].items():
        lines += ["**%s failed:** %s" % (theme, escaped(reason)), ""]
    lines += budget_lines(results)
    for theme in THEMES:
        cases = [case for case in results["cases"] if case["name"].split(".")[0] == theme]
        if not cases:
            continue
        lines += theme_lines(theme, cases)
        if theme in images:
            lines += ["![%s](%s)" % (THEMES[theme], images[theme]), ""]
    return "\n".join(lines).rstrip() + "\n"


def store(path, text):
    """In one step, so that a run that is ended leaves the last results as they were."""
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".tmp", path)


def write(results, directory, draws):
    """NAME.json, and latest.md with its plots."""
    os.makedirs(directory, exist_ok=True)
    name = "%s-%s" % (results["date"].replace(":", ""), results["profile"])
    path = os.path.join(directory, name + ".json")
    store(path, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    say("== results: %s" % path)
    render(path, directory, draws)


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def join(paths):
    """The results of the first run, with those of later ones in the place of the themes that they
    have measured again."""
    results = load(paths[0])
    for path in paths[1:]:
        again = load(path)
        themes = {case["name"].split(".")[0] for case in again["cases"]}
        kept = [case for case in results["cases"] if case["name"].split(".")[0] not in themes]
        results["cases"] = kept + again["cases"]
        results.setdefault("again", []).append(
            {"themes": sorted(themes, key=list(THEMES).index), "date": again["date"],
             "command": again["command"], "commit": again["venvfs"]["commit"],
             "seconds": again["seconds"]})
    results["cases"].sort(key=lambda case: list(THEMES).index(case["name"].split(".")[0]))
    results["budgets"] = budgets.judge(results)
    return results


def render(path, directory, draws=True):
    os.makedirs(directory, exist_ok=True)
    results = load(path)
    images = plots.draw(results, directory, THEMES) if draws else {}
    store(os.path.join(directory, "latest.md"), markdown(results, images))
    for row in results["budgets"]:
        if row["met"] is None:
            continue
        say("%-8s %s: %s, budget %s" % ("met" if row["met"] else "NOT MET", row["what"],
                                        with_unit(row["value"], row["unit"]),
                                        with_unit(row["limit"], row["unit"])))
