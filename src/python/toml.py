# Turns a TOML file into JSON on stdout: {"value": …}, or {"error": "what is wrong with it"}.
# Arguments: the file, and a pip wheel that has a reader for Pythons before 3.11 ("": none). Dates
# become text, and numbers that JSON has not null: where something else is expected, neither will do.
import sys

sys.path = [entry for entry in sys.path if entry]  # import nothing from where we stand

import json
import math

try:
    import tomllib
except ImportError:
    sys.path.insert(0, sys.argv[2])
    from pip._vendor import tomli as tomllib


def plain(value):
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str) and "\0" in value:
        raise ValueError("a text has a NUL in it: %.40r" % value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if abs(value) < 2**63 else None
    return value


try:
    with open(sys.argv[1], "rb") as file:
        answer = {"value": plain(tomllib.load(file))}
except OSError as problem:
    answer = {"error": "it cannot be read: %s" % problem.strerror}
except (ValueError, RecursionError) as problem:  # the reader's, and that of text, are ValueErrors
    answer = {"error": str(problem) or type(problem).__name__}
print(json.dumps(answer, default=str))
