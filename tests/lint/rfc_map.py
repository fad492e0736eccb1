# SPDX-License-Identifier: BSD-3-Clause
"""docs/rfc-map.md is complete and true: every requirement of RFC 9293 once, in its
group and order; every function and test that it names exists; every MUST has both
or does not apply; every MUST is cited where it is met."""

import os
import re

from tree import ROOT, files, finish, read, strip_comments

MAP = "docs/rfc-map.md"
LIST = "docs/rfc9293-requirements.tsv"
LEVELS = {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "RECOMMENDED", "MAY", "—"}
ARGUMENT_WORDS = 6

# Met, but not cited in a comment of engine/. What is cited leaves these lists.
UNCITED = set()
UNCITED_RFCS = set()

CODE = re.compile(r"`((?:\w+/)*\w+\.[ch]):(\w+)`")
SCRIPT = re.compile(r"`((?:script|state)/\w+/\w+\.pkt)`")
NAMED = re.compile(r"`(unit|smoke)/(test_\w+\.(?:c|py)):(test_\w+)`")
RUN = re.compile(r"`(sim|fuzz)/(\w+)`")


class Row:
    def __init__(self, line, group, cells):
        self.line, self.group = line, group
        self.id, self.level, self.what, self.where, self.proof = cells

    def __str__(self):
        return f"{MAP}:{self.line}: {self.id}"

    def is_must(self):
        return self.level.startswith("MUST")

    def refers_to(self):
        """The ids of an `as MUST-1, MUST-2` row, [] when it is none."""
        return re.findall(r"[A-Z]+-\d+", self.where) if self.where.startswith("as ") else []

    def does_not_apply(self):
        return self.where.startswith("*does not apply*:")

    def needs_no_code(self):
        return self.does_not_apply() or bool(self.refers_to()) or (
            not self.is_must() and self.where.startswith(("*not done*", "*differs*")))


def rows_of(text):
    rows, wrong, group = [], [], None
    for n, line in enumerate(text.split("\n"), 1):
        if line.startswith("## "):
            group = line[3:]
        if not line.startswith("|") or line.startswith(("|---", "| id |")):
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 5:
            rows.append(Row(n, group, cells))
        else:
            wrong.append(f"{MAP}:{n}: {len(cells)} cells, not 5")
    return rows, wrong


def check_list(rows):
    """The tables of RFC 9293 have the rows of the list, no more and no less."""
    wanted = [line.split("\t") for line in read(LIST).strip().split("\n")[1:]]
    wanted = [(group, id_, level) for id_, group, level, _ in wanted]
    have = [(r.group[len("RFC 9293: "):], r.id, r.level) for r in rows
            if r.group.startswith("RFC 9293: ")]
    wrong = [f"{MAP}: {' '.join(key)} is missing" for key in sorted(set(wanted))
             if have.count(key) < wanted.count(key)]
    wrong += [f"{MAP}: {' '.join(key)} is there too often, or in no list"
              for key in sorted(set(have)) if have.count(key) > wanted.count(key)]
    if not wrong and have != wanted:
        wrong.append(f"{MAP}: the order is not that of {LIST}")
    others = [r.id for r in rows if not r.group.startswith("RFC 9293: ")]
    wrong += [f"{MAP}: {i} is there twice" for i in sorted(set(others)) if others.count(i) > 1]
    return wrong


def has_name(path, name):
    """True when the file defines this function or, a header, has it as a name at all."""
    code = strip_comments(read(path))
    if path.endswith(".h"):
        return re.search(rf"\b{name}\b", code) is not None
    return re.search(rf"^\w[\w \t*]*\b{name}\([^;{{}}]*\)\s*\{{", code, re.M) is not None


def exists(path):
    return os.path.isfile(os.path.join(ROOT, path))


def missing_code(row):
    wrong = []
    for path, name in CODE.findall(row.where):
        if not exists("engine/" + path):
            wrong.append(f"{row}: there is no engine/{path}")
        elif not has_name("engine/" + path, name):
            wrong.append(f"{row}: engine/{path} has no {name}")
    return wrong


def missing_proof(row):
    """What is named as a test must be one that runs."""
    wrong = []
    for path in SCRIPT.findall(row.proof):
        suite, topic, _ = path.split("/")
        if not exists("tests/" + path):
            wrong.append(f"{row}: there is no tests/{path}")
        elif f"'{topic}'" not in read(f"tests/{suite}/meson.build"):
            wrong.append(f"{row}: tests/{suite}/meson.build does not run {topic}")
    for suite, name, test in NAMED.findall(row.proof):
        text = read(f"tests/{suite}/{name}") if exists(f"tests/{suite}/{name}") else ""
        # A function of C is defined and registered, one of Python found by its name.
        if len(re.findall(rf"\b{test}\b", text)) < (2 if suite == "unit" else 1):
            wrong.append(f"{row}: tests/{suite}/{name} does not run {test}")
        elif suite == "unit" and f"'{name[5:-2]}'" not in read("tests/unit/meson.build"):
            wrong.append(f"{row}: tests/unit/meson.build does not run {name}")
    for suite, name in RUN.findall(row.proof):
        if f"'{name}'" not in read(f"tests/{suite}/meson.build"):
            wrong.append(f"{row}: tests/{suite}/meson.build has no {name}")
    known = sum(len(pattern.findall(row.proof)) for pattern in (SCRIPT, NAMED, RUN))
    if known != row.proof.count("`") // 2:
        wrong.append(f"{row}: a proof that is no test: {row.proof}")
    return wrong


def check_row(row, ids):
    wrong = missing_code(row) + missing_proof(row)
    if row.level not in LEVELS:
        wrong.append(f"{row}: no level: {row.level}")
    wrong += [f"{row}: refers to {i}, which is no row" for i in row.refers_to() if i not in ids]
    if row.does_not_apply() and len(row.where.split()) < ARGUMENT_WORDS:
        wrong.append(f"{row}: does not apply, and why?")
    if row.needs_no_code():
        return wrong
    if not CODE.search(row.where):
        wrong.append(f"{row}: names no function")
    if not row.proof:
        wrong.append(f"{row}: names no test")
    return wrong


def comments():
    text = "\n".join(read(p) for p in files(".c", ".h", folders=("engine",), top=False))
    return "\n".join(re.findall(r"/\*.*?\*/|//[^\n]*", text, re.S))


def check_cited(what, pattern, text, uncited):
    cited = re.search(pattern, text) is not None
    if cited and what in uncited:
        return [f"{what} is cited now: take it off its list in tests/lint/rfc_map.py"]
    if not cited and what not in uncited:
        return [f"{MAP}: {what} is cited in no comment of engine/"]
    return []


def check_citations(rows):
    """Each MUST is cited in engine/, and each RFC beside 9293 is at least once."""
    text, wrong = comments(), []
    applies = {r.id for r in rows if r.id.startswith("MUST-") and not r.does_not_apply()}
    for id_ in sorted(applies, key=lambda i: int(i[5:])):
        wrong += check_cited(id_, rf"\b{id_}\b", text, UNCITED)
    for rfc in sorted({r.id.split("-")[0] for r in rows if r.id[0].isdigit()}):
        wrong += check_cited(rfc, rf"\bRFC {rfc}\b|, {rfc}\b", text, UNCITED_RFCS)
    return wrong


def main():
    rows, wrong = rows_of(read(MAP))
    wrong += check_list(rows)
    ids = {r.id for r in rows}
    for row in rows:
        wrong += check_row(row, ids)
    finish(wrong + check_citations(rows), len(rows))


if __name__ == "__main__":
    main()
