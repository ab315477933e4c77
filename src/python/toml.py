# Turns a TOML file into JSON on stdout: {"value": …}, or {"error": "what is wrong with it"}.
# Arguments: the file, and a pip wheel that has a reader for Pythons before 3.11 ("": none). Dates
# become text.
import sys

sys.path = [entry for entry in sys.path if entry]  # import nothing from where we stand

import json

try:
    import tomllib
except ImportError:
    sys.path.insert(0, sys.argv[2])
    from pip._vendor import tomli as tomllib

try:
    with open(sys.argv[1], "rb") as file:
        answer = {"value": tomllib.load(file)}
except OSError as problem:
    answer = {"error": "it cannot be read: %s" % problem.strerror}
except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as problem:
    answer = {"error": str(problem) or type(problem).__name__}
print(json.dumps(answer, default=str))
