# Compiles sources. They come on stdin in batches: the number of sources, and for each its time, the
# lengths of its name and of its text (64-bit numbers, little-endian), the name, the text. Answers
# each on stdout with a length and the bytes of the .pyc; length 0 for a source that is none. The
# first answer, before anything was asked, is the tag of the interpreter.
#
# Nothing of what is compiled runs. Each batch has a process of its own: what marshal writes depends
# on which strings the interpreter has met, so only then the same batch always comes to the same
# bytes. Time and memory of each are limited by what this process was started with. When one of them
# crashes, this process ends too.
import sys

sys.path = [entry for entry in sys.path if entry]  # import nothing from where we stand

import gc
import os
import struct
import warnings
from importlib import _bootstrap_external

COUNT = struct.Struct("<Q")
HEAD = struct.Struct("<qQQ")


def compile_source(name, time, text):
    """The .pyc that Python itself would write beside a source of that time. co_filename is @name;
    whoever imports it puts the real one there."""
    try:
        code = compile(text, name, "exec", dont_inherit=True)
        return _bootstrap_external._code_to_timestamp_pyc(code, time, len(text))
    except Exception:
        return b""


def read(size):
    """Not more: the rest is for another process."""
    data = b""
    while len(data) < size:
        chunk = os.read(0, size - len(data))
        if not chunk:
            sys.exit()
        data += chunk
    return data


def answer(data):
    message = memoryview(COUNT.pack(len(data)) + data)
    while message:
        message = message[os.write(1, message) :]


def compile_batch(count):
    for _ in range(count):
        time, name_length, length = HEAD.unpack(read(HEAD.size))
        name = os.fsdecode(read(name_length))
        answer(compile_source(name, time, read(length)))


def main():
    answer(sys.implementation.cache_tag.encode())
    while True:
        count = COUNT.unpack(read(COUNT.size))[0]
        child = os.fork()
        if child == 0:
            compile_batch(count)
            os._exit(0)  # taking the interpreter down costs more than a source does
        if os.waitpid(child, 0)[1] != 0:
            sys.exit(1)


gc.disable()
warnings.simplefilter("ignore")
main()
