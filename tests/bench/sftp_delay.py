"""A slow file server: OpenSSH's sftp-server behind a TCP port of the loopback, each way delayed.

sshfs speaks to it through its option directport, without ssh in between, so that the requests can be
counted on their way; what they cost is the delay, not the cipher.

usage: sftp_delay.py SECONDS-OF-A-ROUND-TRIP

It is a process of its own: a thread of whoever starts programs from the mount could not answer while
that waits for the program to be found.
"""

import json
import os
import queue
import socket
import struct
import subprocess
import sys
import threading
import time

SERVERS = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server",
           "/usr/lib/ssh/sftp-server")

# draft-ietf-secsh-filexfer-02
REQUESTS = {1: "INIT", 3: "OPEN", 4: "CLOSE", 5: "READ", 6: "WRITE", 7: "LSTAT", 8: "FSTAT",
            9: "SETSTAT", 10: "FSETSTAT", 11: "OPENDIR", 12: "READDIR", 13: "REMOVE", 14: "MKDIR",
            15: "RMDIR", 16: "REALPATH", 17: "STAT", 18: "RENAME", 19: "READLINK", 20: "SYMLINK",
            200: "EXTENDED"}


def find_server():
    return next((path for path in SERVERS if os.access(path, os.X_OK)), None)


class Delayed:
    """Bytes go in at one end and come out at the other after @seconds, in order."""

    def __init__(self, seconds, write, close):
        self.seconds = seconds
        self.write = write
        self.close = close
        self.waiting = queue.Queue()
        threading.Thread(target=self.deliver, daemon=True).start()

    def put(self, data):
        self.waiting.put((time.monotonic() + self.seconds, data))

    def deliver(self):
        try:
            while True:
                due, data = self.waiting.get()
                if not data:
                    break
                rest = due - time.monotonic()
                if rest > 0:
                    time.sleep(rest)
                self.write(data)
        except OSError:
            pass
        self.close()


class SlowServer:
    """Listens on @port; each connection has a server of its own. @counts are requests by name."""

    def __init__(self, round_trip):
        self.delay = round_trip / 2
        self.counts = {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.children = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            child = subprocess.Popen([find_server()], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, bufsize=0)
            self.children.append(child)
            threading.Thread(target=self.forward, args=(connection, child), daemon=True).start()
            threading.Thread(target=self.answer, args=(connection, child), daemon=True).start()

    def forward(self, connection, child):
        """Requests: counted, then delayed."""
        def write(data):
            view = memoryview(data)
            while view:
                view = view[child.stdin.write(view):]
        line = Delayed(self.delay, write, child.stdin.close)
        rest = b""
        while True:
            try:
                data = connection.recv(1 << 17)
            except OSError:
                data = b""
            line.put(data)
            if not data:
                return
            rest = self.count(rest + data)

    def count(self, data):
        """Counts the whole packets in @data (length, type, body); returns what is left."""
        while len(data) >= 5:
            length, kind = struct.unpack(">IB", data[:5])
            if len(data) < 4 + length:
                break
            name = REQUESTS.get(kind, "TYPE_%d" % kind)
            self.counts[name] = self.counts.get(name, 0) + 1
            data = data[4 + length:]
        return data

    def answer(self, connection, child):
        def close():
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()
        line = Delayed(self.delay, connection.sendall, close)
        while True:
            data = child.stdout.read(1 << 17)
            line.put(data)
            if not data:
                child.wait()
                return

    def take_counts(self):
        counts, self.counts = self.counts, {}
        return counts


def main():
    """On its standard output: the port, then the counts since the last time for each line that comes
    in. It ends when standard input does, and the servers with it."""
    server = SlowServer(float(sys.argv[1]))
    print(server.port, flush=True)
    for _ in sys.stdin:
        print(json.dumps(server.take_counts()), flush=True)
    for child in server.children:
        child.terminate()


if __name__ == "__main__":
    main()
