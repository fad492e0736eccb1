# SPDX-License-Identifier: BSD-3-Clause
"""What a lab has taken from the machine, written down so that it can be given back.

Each live lab holds a lock on a file of its own in RUN_DIR. A file that nobody
holds belongs to a lab that was killed; the next lab undoes what it says.
"""
import contextlib
import fcntl
import json
import os
import pathlib
import shutil

from netns import Namespace

RUN_DIR = pathlib.Path("/run/terminus-lab")
HUGE_PAGES = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")


def huge_pages(name="nr_hugepages"):
    """The number of 2 MB pages the machine has reserved, or has free (free_hugepages)."""
    try:
        return int((HUGE_PAGES / name).read_text())
    except OSError:
        return 0


@contextlib.contextmanager
def _lock(name):
    """Keeps two labs from doing the same thing at the same moment."""
    RUN_DIR.mkdir(exist_ok=True)
    with open(RUN_DIR / f".{name}", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _change_huge_pages(by):
    """Reserves `by` more 2 MB pages (fewer when negative); returns how many it really was. In the
    lock named "pages"."""
    before = huge_pages()
    with contextlib.suppress(OSError):
        (HUGE_PAGES / "nr_hugepages").write_text(str(max(0, before + by)))
    return huge_pages() - before


def _undo(record):
    for name in record.get("namespaces", []):
        Namespace(name).destroy()
    for directory in record.get("directories", []):
        shutil.rmtree(directory, ignore_errors=True)
    if record.get("huge_pages", 0) > 0:
        with _lock("pages"):
            _change_huge_pages(-record["huge_pages"])


class Journal:
    """The record of one lab; create it before taking anything, close() gives everything back."""

    _made = 0

    def __init__(self):
        Journal._made += 1
        self.suffix = f"{os.getpid()}" if Journal._made == 1 else f"{os.getpid()}-{Journal._made}"
        self.record = {}
        with _lock("directory"):
            self.path = RUN_DIR / self.suffix
            self.file = open(self.path, "w", encoding="utf-8")
            fcntl.flock(self.file, fcntl.LOCK_EX)

    def note(self, key, value):
        """Writes down something taken: a list grows by value, a number by that much."""
        if isinstance(value, int):
            self.record[key] = self.record.get(key, 0) + value
        else:
            self.record.setdefault(key, []).append(str(value))
        self.file.seek(0)  # the record only grows, so no truncation is needed
        json.dump(self.record, self.file)
        self.file.flush()

    def reserve_huge_pages(self, wanted):
        """Adds what is missing to the machine's free pages of 2 MB, as far as there is memory;
        returns how many were missing and how many were had."""
        with _lock("pages"):
            missing = max(0, wanted - huge_pages("free_hugepages"))
            got = _change_huge_pages(missing) if missing else 0
            if got:
                self.note("huge_pages", got)
        return missing, got

    def close(self):
        _undo(self.record)
        with _lock("directory"):  # or a reaper finds it between the two steps
            self.path.unlink(missing_ok=True)
            self.file.close()


def reap_stale():
    """Undoes what killed labs left behind; returns the names of the labs it found."""
    reaped = []
    with _lock("directory"):
        for path in sorted(RUN_DIR.iterdir()):
            if path.name.startswith("."):
                continue
            with open(path, encoding="utf-8") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                with contextlib.suppress(json.JSONDecodeError):
                    _undo(json.load(file))
                path.unlink(missing_ok=True)
                reaped.append(path.name)
    return reaped
