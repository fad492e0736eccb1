# SPDX-License-Identifier: BSD-3-Clause
"""Huge pages for the time of a benchmark."""
import contextlib
import pathlib

PAGES = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")


def _read(name):
    return int((PAGES / name).read_text())


@contextlib.contextmanager
def reserved(pages):
    """Has so many pages of 2 MB free inside the with, if the kernel finds them; gives back what
    it took. Yields how many there are."""
    try:
        before, free = _read("nr_hugepages"), _read("free_hugepages")
    except OSError:
        yield 0
        return
    try:
        if free < pages:
            (PAGES / "nr_hugepages").write_text(str(before + pages - free))
        yield _read("free_hugepages")
    finally:
        (PAGES / "nr_hugepages").write_text(str(before))
