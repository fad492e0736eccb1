# SPDX-License-Identifier: BSD-3-Clause
"""Counts test cases in what meson test and pytest recorded, for the totals of ./dev test.

Usage: tally.py RECORD...   where a RECORD is meson's JSON log or pytest's JUnit XML.
Prints "PASSED FAILED SKIPPED", then a line for each failure and each reason to skip.
"""
import collections
import json
import re
import sys
import xml.etree.ElementTree

TAP_LINE = re.compile(r"\s*(not )?ok \d+(?: - | )?([^#]*)(?:# *(\w+) *(.*))?")
CMOCKA_LINE = re.compile(r"\[ +(RUN|OK|FAILED|SKIPPED) +\] (\S+)$")


class Tally:
    """Outcomes of single test cases."""

    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = collections.Counter()

    def add(self, name, outcome, reason=""):
        if outcome == "passed":
            self.passed += 1
        elif outcome == "skipped":
            self.skipped[reason or name] += 1
        else:
            self.failed.append(f"{name} {reason}".strip())

    def report(self):
        lines = [f"{self.passed} {len(self.failed)} {sum(self.skipped.values())}"]
        lines += [f"FAILED {name}" for name in self.failed]
        lines += [f"SKIPPED {count} times: {reason}" for reason, count in self.skipped.items()]
        return "\n".join(lines)


def tap_cases(output):
    """(name, outcome, reason) of each line of the Test Anything Protocol."""
    for line in output.splitlines():
        found = TAP_LINE.fullmatch(line)
        if found:
            failed, name, directive, reason = found.groups()
            if (directive or "").upper().startswith("SKIP"):
                yield name.strip(), "skipped", reason
            else:
                yield name.strip(), "failed" if failed else "passed", ""


def cmocka_cases(output):
    """The same from cmocka's own format; a case that began and never ended has failed."""
    outcomes = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}
    running = None
    for line in output.splitlines():
        found = CMOCKA_LINE.fullmatch(line.strip())
        if not found:
            continue
        word, name = found.groups()
        if word == "RUN":
            running = name
        elif name == running:
            yield name, outcomes[word], ""
            running = None
    if running:
        yield running, "failed", "(did not end)"


def add_meson_test(tally, test):
    """One program of meson test: its cases if it names them, else the program as one case."""
    output, result = test.get("stdout", ""), test["result"]
    cases = list(cmocka_cases(output)) or list(tap_cases(output))
    for name, outcome, reason in cases:
        tally.add(f"{test['name']}: {name}", outcome, reason)
    good = result in ("OK", "EXPECTEDFAIL")
    if result == "SKIP" and not cases:
        said = output.strip().splitlines() or [""]
        tally.add(test["name"], "skipped", said[-1])
    elif good and not cases:
        tally.add(test["name"], "passed")
    elif not good and result != "SKIP" and all(outcome != "failed" for _, outcome, _ in cases):
        tally.add(test["name"], "failed", f"({result})")


def add_pytest(tally, root):
    """JUnit XML; a case whose teardown failed appears twice and counts as one failure."""
    cases = {}
    for case in root.iter("testcase"):
        key = f"{case.get('classname')}::{case.get('name')}"
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            cases[key] = ("failed", "")
        elif key not in cases:
            cases[key] = ("skipped", skipped.get("message")) if skipped is not None \
                else ("passed", "")
    for name, (outcome, reason) in cases.items():
        tally.add(name, outcome, reason)


def add_record(tally, path):
    """A record that is missing or torn off is a failure of its own."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            if path.endswith(".xml"):
                add_pytest(tally, xml.etree.ElementTree.parse(file).getroot())
            else:
                for line in file:
                    add_meson_test(tally, json.loads(line))
    except (OSError, ValueError, KeyError, xml.etree.ElementTree.ParseError) as error:
        tally.add(path, "failed", f"({error})")


def main():
    tally = Tally()
    for path in sys.argv[1:]:
        add_record(tally, path)
    print(tally.report())


if __name__ == "__main__":
    main()
