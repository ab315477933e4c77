"""One picture for each theme: medians as bars, quartiles as whiskers, a panel for each case."""

import math
import os

from measure import human, say

# The order of colours is the order of what they stand for: the same in every picture.
COLOURS = {"native": "#555555", "venvfs": "#0b7a75"}
PEER = "#c9b27c"
# Counts by opcode are a table.
WITHOUT = ("requests",)


def colour(name):
    word = name.split(" ")[0].split(",")[0]
    return COLOURS.get(word, PEER)


def panel(axes, case):
    entries = case["subjects"][::-1]
    medians = [entry["median"] for entry in entries]
    places = range(len(entries))
    around = [[entry["median"] - entry["q1"] for entry in entries],
              [entry["q3"] - entry["median"] for entry in entries]]
    axes.barh(places, medians, xerr=around, color=[colour(entry["name"]) for entry in entries],
              error_kw={"lw": 1, "ecolor": "#222222"}, height=0.7)
    axes.set_yticks(list(places), [entry["name"] for entry in entries], fontsize=8)
    for place, entry in zip(places, entries):
        text = " " + human(entry["median"], case["unit"])
        if entry.get("ratio"):
            text += "  %.2f×" % entry["ratio"]["median"]
        axes.text(max(entry["q3"], 0), place, text, va="center", fontsize=8)
    baseline = next((entry["median"] for entry in entries if entry["name"] == case["baseline"]), None)
    if baseline:
        axes.axvline(baseline, color="#555555", lw=0.8, ls=":")
    largest = max(entry["q3"] for entry in entries)
    axes.set_xlim(0, largest * 1.45 if largest > 0 else 1)
    axes.set_xticks([])
    axes.set_title(wrapped(case["title"]), fontsize=9, loc="left")
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)


def wrapped(title, width=58):
    lines, line = [], ""
    for word in title.replace("$", "\\$").replace("`", "").split(" "):
        if line and len(line) + len(word) + 1 > width:
            lines.append(line)
            line = word
        else:
            line = (line + " " + word).strip()
    return "\n".join([*lines, line])


def draw(results, directory, themes):
    """{theme: file} of the pictures, which are written to @directory; none without matplotlib."""
    try:
        import matplotlib
        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        say("no plots: matplotlib is missing (Debian: python3-matplotlib)")
        return {}
    images = {}
    for theme, title in themes.items():
        cases = [case for case in results["cases"]
                 if case["name"].split(".")[0] == theme and case["subjects"]]
        if not cases or theme in WITHOUT:
            continue
        rows = math.ceil(len(cases) / 2)
        most = max(len(case["subjects"]) for case in cases)
        figure, grid = pyplot.subplots(rows, 2, squeeze=False,
                                       figsize=(12, rows * (0.9 + 0.24 * most) + 0.4))
        panels = [axes for row in grid for axes in row]
        for axes, case in zip(panels, cases):
            panel(axes, case)
        for axes in panels[len(cases):]:
            axes.set_visible(False)
        figure.suptitle(title, fontsize=12)
        figure.tight_layout()
        images[theme] = "latest-%s.png" % theme
        figure.savefig(os.path.join(directory, images[theme]), dpi=90,
                       metadata={"Software": None})
        pyplot.close(figure)
    return images
