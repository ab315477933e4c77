"""Types lines into a shell on a real terminal: terminal.py READY COMMAND... <LINES

Each line is typed when the terminal shows READY, the end of the shell's prompt. Prints what the
terminal showed, without escape sequences; what was drawn over another text has its own line.
"""
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios

LIMIT = 60  # seconds of silence: the shell hangs
ESCAPE = re.compile(rb"\x1b(\[[0-9;?>=]*[A-Za-z]|\][^\x07]*\x07|[()][A-Z0-9]|[=>])|\x08")


def read_until(terminal, ready):
    """What the terminal shows until READY, or until the shell ends when that is None."""
    shown = b""
    while ready is None or not shown.endswith(ready):
        if not select.select([terminal], [], [], LIMIT)[0]:
            return shown + b"\n[the shell hangs]\n"
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # EIO: the shell has ended
            return shown
        shown = ESCAPE.sub(b"", shown + chunk)
    return shown


def main():
    ready, command = os.fsencode(sys.argv[1]), sys.argv[2:]
    lines = sys.stdin.buffer.read().splitlines(keepends=True)
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    # No prompt is wider.
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 1000, 0, 0))
    shown = b""
    for line in lines:
        shown += read_until(terminal, ready)
        os.write(terminal, line)
    shown += read_until(terminal, None)
    sys.stdout.buffer.write(shown.replace(b"\r", b"\n"))
    os.close(terminal)  # hangs up, should the shell be there still
    os.waitpid(child, 0)


main()
