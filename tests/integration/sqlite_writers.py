"""Several processes write to one SQLite database: python3 sqlite_writers.py DATABASE JOURNAL

JOURNAL is wal, delete, truncate or persist. The database has the table t(a) with one row already,
and is whole in the end, with the rows of all.
"""

import multiprocessing
import sqlite3
import sys

WRITERS, ROWS = 3, 40


def connect(journal):
    connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
    mode, = connection.execute("PRAGMA journal_mode = " + journal).fetchone()
    assert mode == journal, mode
    connection.execute("PRAGMA mmap_size = 1048576")
    return connection


def work(number):
    connection = connect(sys.argv[2])
    for row in range(ROWS):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t VALUES (?)", (number * ROWS + row,))
        connection.execute("ROLLBACK" if row % 4 == 3 else "COMMIT")
    connection.close()


def main():
    before, = sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM t").fetchone()
    writers = [multiprocessing.Process(target=work, args=(number,)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    connection = connect(sys.argv[2])
    after, = connection.execute("SELECT count(*) FROM t").fetchone()
    assert after == before + WRITERS * ROWS * 3 // 4, (before, after)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


if __name__ == "__main__":
    main()
