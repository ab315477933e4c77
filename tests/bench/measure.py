"""Interleaved rounds, and what they come to.

A *case* is one question ("warm import"); a *subject* is one of those that answer it side by side
(native, venvfs, a peer). Each round asks every subject once, in an order that turns, so that what
the machine does meanwhile falls on all of them. A ratio is the median of the rounds' own ratios:
paired, so that a slow minute does not count for one side only.
"""

import statistics
import sys
import time

from context import BenchError

BASELINE = "native"


class Subject:
    """@run does the work and returns one value for each case (a number if there is one case only);
    None where there is nothing to tell.
    @prepare is not timed, and comes before each @run. @every: it is asked in one round of so many,
    beginning with the first, where asking it in all would take the time of the others."""

    def __init__(self, name, run, prepare=None, every=1):
        self.name = name
        self.run = run
        self.prepare = prepare
        self.every = every


class Case:
    def __init__(self, name, title, unit="s", note=""):
        self.name = name    # THEME.WORD, what budgets refer to
        self.title = title
        self.unit = unit    # "s", "us" (of seconds), "B", "count", "x"
        self.note = note
        self.baseline = BASELINE  # the subject that ratios are of
        self.samples = {}   # subject: [value of each round in which it was asked]
        self.rounds = {}    # subject: [the numbers of those rounds]
        self.skipped = {}   # subject: reason

    @property
    def theme(self):
        return self.name.split(".")[0]

    def add(self, subject, value, number=0):
        self.samples.setdefault(subject, []).append(value)
        self.rounds.setdefault(subject, []).append(number)

    def by_round(self, subject):
        return dict(zip(self.rounds.get(subject, []), self.samples.get(subject, [])))

    def median(self, subject):
        values = self.samples.get(subject)
        return statistics.median(values) if values else None

    def ratio(self, subject):
        """(median, first quartile, third quartile) of the paired ratios, or None."""
        baseline = self.by_round(self.baseline)
        pairs = [value / baseline[number] for number, value in self.by_round(subject).items()
                 if baseline.get(number)]
        return spread(pairs) if pairs else None

    def as_json(self):
        subjects = []
        for name, values in self.samples.items():
            middle, low, high = spread(values)
            entry = {"name": name, "median": middle, "q1": low, "q3": high, "min": min(values),
                     "max": max(values), "n": len(values), "samples": values,
                     "rounds": self.rounds[name]}
            ratio = self.ratio(name)
            if ratio and name != self.baseline:
                entry["ratio"] = dict(zip(("median", "q1", "q3"), ratio))
            subjects.append(entry)
        return {"name": self.name, "title": self.title, "unit": self.unit, "note": self.note,
                "baseline": self.baseline if self.baseline in self.samples else None,
                "subjects": subjects, "skipped": self.skipped}


def spread(values):
    values = sorted(values)
    if len(values) < 3:
        return statistics.median(values), values[0], values[-1]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return statistics.median(values), low, high


class Measurements:
    """All cases of a run, and how many rounds there is time for."""

    def __init__(self, profile, context):
        self.profile = profile
        self.context = context
        self.cases = {}
        self.deadline = time.monotonic() + profile.seconds
        context.end = self.deadline + min(profile.seconds / 10, 60 * profile.factor)
        self.theme_end = self.deadline

    def begin_theme(self, seconds):
        self.theme_end = min(self.deadline, time.monotonic() + seconds)

    def out_of_time(self):
        return time.monotonic() >= self.theme_end

    def case(self, name, title, unit="s", note=""):
        return self.cases.setdefault(name, Case(name, title, unit, note))

    def skip(self, case, subject, reason):
        case.skipped[subject] = self.context.hide(str(reason))
        say("    %s: %s: %s" % (case.name, subject, case.skipped[subject]))

    def value(self, name, title, subject, value, unit="count", note=""):
        """One value that needs no rounds."""
        self.case(name, title, unit, note).add(subject, value)

    def compare(self, cases, subjects, rounds, seconds, warmup=1, baseline=BASELINE):
        """Asks @subjects in @rounds interleaved rounds, after @warmup that are not counted, for at
        most about @seconds; the first round is made in any case. @cases is a list of (name, title,
        unit), one for each value that a subject returns."""
        cases = [self.case(*case) for case in cases]
        for case in cases:
            case.baseline = baseline
        if self.out_of_time():
            for case in cases:
                for subject in subjects:
                    self.skip(case, subject.name, "no time was left")
            return
        rounds = self.profile.rounds(rounds)
        end = min(self.theme_end, time.monotonic() + self.profile.limit(seconds))
        alive = list(subjects)
        begin = time.monotonic()
        done = 0
        for number in range(-self.profile.warmup(warmup), rounds):
            slow = (time.monotonic() - begin) / max(done, 1) if done else 0
            if number > 0 and time.monotonic() + slow / 2 > end:
                break
            # A warm-up that takes all the time would leave nothing to count.
            if number < 0 and done and time.monotonic() + 2 * slow > end:
                continue
            for subject in turned(alive, number):
                if number % subject.every != 0 and number != -1:
                    continue
                values = self.ask(cases, subject, alive)
                if number < 0 or values is None:
                    continue
                for case, value in zip(cases, values):
                    if value is not None:
                        case.add(subject.name, value, number)
            done += 1
        for case in cases:
            say("    " + summary(case))

    def ask(self, cases, subject, alive):
        try:
            if time.monotonic() > self.context.end:
                raise BenchError("no time was left")
            if subject.prepare:
                subject.prepare()
            values = subject.run()
        except BenchError as error:
            alive.remove(subject)
            for case in cases:
                self.skip(case, subject.name, error)
            return None
        return values if isinstance(values, (list, tuple)) else [values]


def turned(subjects, number):
    """In another order each round: turned by one, and every other time backwards."""
    if not subjects:
        return []
    shift = number % len(subjects)
    order = subjects[shift:] + subjects[:shift]
    return order if number % 2 == 0 else order[::-1]


def summary(case):
    parts = []
    for name in case.samples:
        middle = case.median(name)
        ratio = case.ratio(name)
        text = "%s %s" % (name, human(middle, case.unit))
        if ratio and name != case.baseline:
            text += " (%.2fx)" % ratio[0]
        parts.append(text)
    return "%s: %s" % (case.name, ", ".join(parts))


def human(value, unit):
    """@value as a person reads it."""
    if value is None:
        return "-"
    if unit == "s":
        return "%.1f ms" % (value * 1e3) if value < 0.1 else \
               "%.0f ms" % (value * 1e3) if value < 1 else "%.2f s" % value
    if unit == "us":
        return "%.2f us" % (value * 1e6)
    if unit == "B":
        for word in ("B", "KiB", "MiB", "GiB"):
            if abs(value) < 1024 or word == "GiB":
                return ("%d %s" if word == "B" else "%.1f %s") % (value, word)
            value /= 1024
    if unit == "x":
        return "%.2f" % value
    return "%d" % value if value == int(value) else "%.1f" % value


def say(text):
    print(text, file=sys.stderr, flush=True)
