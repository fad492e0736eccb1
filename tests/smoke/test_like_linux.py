# SPDX-License-Identifier: BSD-3-Clause
"""Terminus and Linux get the same segments; they must answer the same, but for what is listed.

A raw client talks to a Linux listener and to Terminus at once, over like links and with the same
numbers (likelinux_talk.py). Every case is a short talk of this kind, in some state, over IPv4 and
IPv6; likelinux_allowed.py says where the answers may differ, and why. All cases are played by the
first test of a run, together, so that their waits overlap.
"""
import pytest

import likelinux_close
import likelinux_data
import likelinux_handshake
import likelinux_network
import likelinux_states
from conftest import TIME_WAIT_OBJECTS
from likelinux_allowed import Allowed
from likelinux_compare import Comparison
from likelinux_lab import LikeLinuxLab
from likelinux_wire import raw_socket

PER_SECOND = 200  # talks that begin
# Fragments that are never completed are kept for a while: they come first.
CASES = [case for module in (likelinux_network, likelinux_states, likelinux_handshake,
                             likelinux_data, likelinux_close) for case in module.CASES]
PARAMS = [pytest.param(case, family, id=f"{case.name}-ipv{family}")
          for case in CASES for family in case.families]


class Run:
    """The cases of a session, played: found by case and family, and what the table allowed."""

    def __init__(self, found, allowed):
        self.found, self.allowed = found, allowed


def selected(session):
    """The cases and families that will be asked for in this session, or all."""
    wanted = [item.callspec.params for item in session.items if
              getattr(item, "callspec", None) and "case" in item.callspec.params]
    return [(params["case"], params["case_family"]) for params in wanted] or \
        [(case, family) for case in CASES for family in case.families]


@pytest.fixture(scope="module")
def run(machine, request):
    allowed, jobs = Allowed(), selected(request.session)
    with LikeLinuxLab() as lab:
        sides = lab.serve()
        sockets = {side.name: raw_socket(lab.clients, side.interface) for side in sides}
        try:
            found = Comparison(sides, sockets, allowed, PER_SECOND).run(jobs)
        finally:
            for sock in sockets.values():
                sock.close()
        assert lab.terminus.running(), lab.terminus.output()
        lab.terminus.settled(lab.idle_objects, TIME_WAIT_OBJECTS)
        assert lab.terminus.stop() == 0, lab.terminus.output()
    return Run(found, allowed)


@pytest.mark.parametrize("case, case_family", PARAMS)
def test_answers_as_linux_does(run, case, case_family):
    differences = run.found[case.name, case_family]
    assert not differences, "\n" + "\n".join(map(str, differences))


def test_every_listed_difference_is_there(run):
    """A row of the table that allows nothing any more is taken out."""
    if len(run.found) < len(PARAMS):
        pytest.skip("only some of the cases were selected")
    unused = run.allowed.unused()
    assert not unused, "\n" + "\n".join(map(str, unused))
