"""Zip files in which everything can be wrong. Nothing is checked; see PKWARE's APPNOTE.TXT."""
import struct
import zlib

STORED, DEFLATED = 0, 8
DESCRIPTOR, UTF8 = 0x0008, 0x0800
SENTINEL = 0xFFFFFFFF


def deflate(data):
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush()


def extra(kind, data):
    return struct.pack("<HH", kind, len(data)) + data


class Entry:
    """A file in a zip. @local and @central change fields of one header alone."""

    def __init__(self, name, data=b"", mode=0o100644, method=DEFLATED, **changes):
        self.name = name.encode() if isinstance(name, str) else name
        self.data = data
        self.stored = deflate(data) if method == DEFLATED else data
        self.behind = b""  # bytes between this entry and the next
        self.absent = False  # in the central directory alone
        self.header = None  # where the central directory says it is
        ascii_name = all(byte < 128 for byte in self.name)
        self.fields = {
            "flags": 0 if ascii_name else UTF8,
            "method": method,
            "time": 0x6000,
            "date": 0x5A21,
            "crc": zlib.crc32(data),
            "compressed_size": len(self.stored),
            "size": len(data),
            "name": self.name,
            "extra": b"",
            "comment": b"",
            "disk": 0,
            "attributes": mode << 16,
        }
        self.local, self.central = {}, {}
        for key, value in changes.items():
            if key in self.fields:
                self.fields[key] = value
            else:
                setattr(self, key, value)

    def local_header(self):
        f = {**self.fields, **self.local}
        return (
            struct.pack(
                "<IHHHHHIIIHH", 0x04034B50, 20, f["flags"], f["method"], f["time"], f["date"],
                f["crc"], f["compressed_size"], f["size"], len(f["name"]), len(f["extra"]),
            )
            + f["name"]
            + f["extra"]
        )

    def central_header(self, offset):
        f = {**self.fields, **self.central}
        return (
            struct.pack(
                "<IHHHHHHIIIHHHHHII", 0x02014B50, 0x031E, 20, f["flags"], f["method"], f["time"],
                f["date"], f["crc"], f["compressed_size"], f["size"], len(f["name"]),
                len(f["extra"]), len(f["comment"]), f["disk"], 0, f["attributes"],
                offset if self.header is None else self.header,
            )
            + f["name"]
            + f["extra"]
            + f["comment"]
        )


class Zip:
    """Entries, and what stands around them. @end changes fields of the end record."""

    def __init__(self, entries):
        self.entries = list(entries)
        self.before = self.behind = self.gap = b""
        self.end, self.end64, self.locator = {}, None, {}

    def find(self, name):
        return next(entry for entry in self.entries if entry.name == name.encode())

    def build(self):
        out, offsets = bytearray(self.before), []
        for entry in self.entries:
            offsets.append(len(out))
            if not entry.absent:
                out += entry.local_header() + entry.stored + entry.behind
        directory = b"".join(e.central_header(o) for e, o in zip(self.entries, offsets))
        fields = {
            "disk": 0,
            "start_disk": 0,
            "here": len(self.entries),
            "entries": len(self.entries),
            "size": len(directory),
            "offset": len(out),
            "comment": b"",
        }
        out += directory + self.gap
        if self.end64 is not None:
            out += self.zip64_end(fields, len(out))
        return bytes(out) + end_record({**fields, **self.end}) + self.behind

    def zip64_end(self, fields, position):
        f = {**fields, "length": 44, **self.end64}
        where = {"disk": 0, "offset": position, "disks": 1, **self.locator}
        return struct.pack(
            "<IQHHIIQQQQ", 0x06064B50, f["length"], 45, 45, f["disk"], f["start_disk"], f["here"],
            f["entries"], f["size"], f["offset"],
        ) + struct.pack("<IIQI", 0x07064B50, where["disk"], where["offset"], where["disks"])


def end_record(f):
    return (
        struct.pack(
            "<IHHHHIIH", 0x06054B50, f["disk"], f["start_disk"], f["here"], f["entries"], f["size"],
            f["offset"], f.get("comment_length", len(f["comment"])),
        )
        + f["comment"]
    )
