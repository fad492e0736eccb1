# SPDX-License-Identifier: BSD-3-Clause
"""The totals of ./dev test are sums over cases, and nothing that failed gets lost in them."""
import json

import pytest

from conftest import last_words
from engine import Engine
from tally import Tally, add_record

CMOCKA = ("[==========] Running 3 test(s).\n[ RUN      ] a\n[       OK ] a\n[ RUN      ] b\n"
          "[  FAILED  ] b\n[ RUN      ] c\n[  SKIPPED ] c\n[==========] 3 test(s) run.\n")
CMOCKA_SUMMARY = "[  FAILED  ] b\n[  SKIPPED ] c\n"
CRASHED = "[ RUN      ] a\n[       OK ] a\n[ RUN      ] b\n"
TAP = "1..4\nok 1 - a\nnot ok 2 - b\nok 3 - c # SKIP no device\n# ok - remark\nok 4\n"
JUNIT = """<testsuites><testsuite>
<testcase classname="m" name="a"/>
<testcase classname="m" name="b"><failure/></testcase>
<testcase classname="m" name="c"/><testcase classname="m" name="c"><error/></testcase>
<testcase classname="m" name="d"><skipped message="no root"/></testcase>
</testsuite></testsuites>"""


def counts(tmp_path, text, suffix="json"):
    path = tmp_path / f"record.{suffix}"
    path.write_text(text)
    tally = Tally()
    add_record(tally, str(path))
    return tally.passed, len(tally.failed), sum(tally.skipped.values())


@pytest.mark.parametrize("result, stdout, expected", [
    ("OK", "", (1, 0, 0)),
    ("FAIL", "", (0, 1, 0)),
    ("TIMEOUT", "", (0, 1, 0)),
    ("SKIP", "no hugepages\n", (0, 0, 1)),
    ("FAIL", CMOCKA, (1, 1, 1)),
    ("FAIL", CMOCKA + CMOCKA_SUMMARY, (1, 1, 1)),
    ("FAIL", CRASHED, (1, 1, 0)),
    ("FAIL", "[ RUN      ] a\n[       OK ] a\n", (1, 1, 0)),
    ("FAIL", TAP, (2, 1, 1)),
    ("OK", "ok, that went well\nok then\n", (1, 0, 0)),
])
def test_meson(tmp_path, result, stdout, expected):
    line = json.dumps({"name": "t", "result": result, "stdout": stdout})
    assert counts(tmp_path, line + "\n") == expected


def test_meson_adds_up(tmp_path):
    lines = [json.dumps({"name": "t", "result": "FAIL", "stdout": text}) for text in (CMOCKA, TAP)]
    assert counts(tmp_path, "\n".join(lines)) == (3, 2, 2)


def test_pytest(tmp_path):
    assert counts(tmp_path, JUNIT, "xml") == (1, 2, 1)


@pytest.mark.parametrize("suffix", ["json", "xml"])
def test_torn_record_is_a_failure(tmp_path, suffix):
    assert counts(tmp_path, "{", suffix) == (0, 1, 0)


def test_missing_record_is_a_failure(tmp_path):
    tally = Tally()
    add_record(tally, str(tmp_path / "nothing.xml"))
    assert len(tally.failed) == 1


def test_failure_at_the_end_of_a_lab_is_reported(tmp_path):
    """What the engine printed went with the lab's directory; the failure itself must not."""
    engine = Engine.__new__(Engine)
    engine.stdout = engine.stderr = tmp_path / "out"
    assert "out" in last_words(engine)
    engine.stdout.write_text("")
    assert last_words(engine) == "(silent)"
