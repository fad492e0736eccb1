# SPDX-License-Identifier: BSD-3-Clause
"""Linux at both ends, set up in every way that people do: options, MTUs, offloads, congestion
control, loss, marks, routers on the way.

Linux clients connect to Terminus, Terminus connects to a Linux backend, and what is
carried is compared byte by byte. By default each setting is tried once and in each
family; --full crosses them.
"""
import contextlib
import itertools
import threading
import time

import pytest

from conftest import TIME_WAIT_OBJECTS
from interop_lab import SIDES, WIDEST, WireLab
from interop_load import carry, connected
from netlab import FRONT
from netns import CommandError

SIZE = 4 << 20
OPTIONS = ("tcp_timestamps", "tcp_sack", "tcp_window_scaling", "tcp_ecn")
# What damaged or misunderstood frames would raise; no Linux sends such.
FAULTS = ("drop_too_short", "drop_bad_ip_version", "drop_bad_ip_csum", "drop_bad_tcp_offset",
          "drop_bad_tcp_csum", "drop_bad_icmp_csum", "drop_fragment_bad", "drop_no_timestamp",
          "drop_no_ack_flag", "drop_ack_unsent", "drop_after_close", "drop_no_buffer",
          "sack_reneged", "gave_up", "established_resets", "active_open_failed", "rst_received")
KINDS = ["af_packet", "tap"]
REQUESTS_ECN = {"ecn": "request"}


def crossed(metafunc, once, all_of_them):
    return all_of_them if metafunc.config.getoption("full") else once


def without(off):
    return "no-" + "-".join(name[4:] for name in off) if off else "all"


def pytest_generate_tests(metafunc):
    """The cases of a default run, or all."""
    def cases(name, once, every, show=str):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, crossed(metafunc, once, every), ids=show)

    # The outer loop, since each kind is a lab of its own.
    if {"offload", "loss"} & set(metafunc.fixturenames):
        cases("kind", KINDS[:1] if "loss" in metafunc.fixturenames else KINDS, KINDS)
    subsets = [off for n in range(5) for off in itertools.combinations(OPTIONS, n)]
    cases("off", subsets[:5], subsets, without)
    cases("lossy_off", subsets[1:3], subsets[1:], without)
    mtus = (576, 1280, 1500, 9000)
    cases("mtu", [(576, 576), (1280, 1280), (9000, 9000), (9000, 1280), (1280, 9000),
                  (1500, 1280)], list(itertools.product(mtus, mtus)),
          lambda mtu: "-".join(map(str, mtu)))
    cases("loss", [0.01], [0.001, 0.01, 0.05, 0.1], lambda loss: f"{loss:.1%}")
    cases("congestion", ["cubic", "reno"], ["cubic", "reno", "bbr"])
    offloads = [dict(zip(("tx", "tso", "gso", "gro"), on))
                for on in ((1, 1, 1, 1), (0, 0, 1, 0), (0, 0, 1, 1), (1, 0, 1, 1), (1, 1, 1, 0),
                           (1, 0, 0, 0), (1, 0, 0, 1), (0, 0, 0, 1))]
    cases("offload", offloads[:2], offloads,
          lambda features: "-".join(name for name, on in features.items() if on))
    sides = [("tcp_timestamps", "front"), ("tcp_window_scaling", "back"), ("tcp_sack", "front")]
    cases("off_on", sides, list(itertools.product(OPTIONS, SIDES)),
          lambda off_on: f"no-{off_on[0][4:]}-{off_on[1]}")


@pytest.fixture(scope="module")
def labs(machine):
    """Gives labs by kind of port and by `routed`; one at a time exists."""
    with contextlib.ExitStack() as stack:
        current = {}

        def get(kind, routed):
            if (kind, routed) not in current:
                stack.close()
                current.clear()
                lab = stack.enter_context(WireLab(kind, 2 if kind == "af_packet" else 1, routed))
                stack.callback(lab.end)
                current[kind, routed] = lab
            return current[kind, routed]

        yield get


@pytest.fixture
def kind():
    return "af_packet"


@pytest.fixture
def routed():
    return False


@pytest.fixture
def lab(labs, kind, routed):
    """A lab as it was made, for a test that calls lab.serve() for its engine.

    After the test the engine must be alive, have given back all but TIME_WAIT, and have
    seen nothing that it took for damaged or broken off.
    """
    it = labs(kind, routed)
    it.plain()
    yield it
    if routed:
        for side in SIDES:
            it.widen(side)
    engine = it.terminus
    if engine is None:  # the test was skipped
        return
    assert engine.running(), f"terminus ended with {engine.process.returncode}: {engine.output()}"
    try:
        it.settled(TIME_WAIT_OBJECTS)
        grown = counted(it)
        assert not {name: grown[name] for name in FAULTS if grown[name]}
    except AssertionError:
        engine.stop()
        raise


def counted(lab):
    """What has been added to each counter since the test began with lab.serve()."""
    time.sleep(0.05)  # workers publish their counters every millisecond
    now = lab.terminus.counters()
    return {name: now[name] - lab.counters[name] for name in now}


def agreed(pair, family, off, mtu=(1500, 1500)):
    """Asserts that each leg uses what is not in its part of `off` and segments for its `mtu`, as
    ss and terminusctl see it."""
    for view, row, missing, size in zip(pair.linux(), pair.engine(), off, mtu):
        words = {"tcp_timestamps": "ts", "tcp_sack": "sack", "tcp_ecn": "ecn"}
        assert {name for name, word in words.items() if word not in view} \
            == missing - {"tcp_window_scaling"}
        scaled = any(word.startswith("wscale:") for word in view)
        assert scaled == ("tcp_window_scaling" not in missing)
        assert [row["timestamps"], row["sack"], row["wscale"]] \
            == [name not in missing for name in OPTIONS[:3]]
        mss = size - (40 if family == 4 else 60) - (0 if "tcp_timestamps" in missing else 12)
        assert row["mss"] == mss


def test_options(lab, family, off):
    lab.serve(pool_tcp=REQUESTS_ECN)
    lab.linux(**{name: int(name not in off) for name in OPTIONS})
    with connected(lab, family) as pair:
        pair.requests(3)
        agreed(pair, family, [set(off)] * 2)
    carry(lab, family, SIZE)


def test_option_off_on_one_side(lab, family, off_on):
    lab.serve(pool_tcp=REQUESTS_ECN)
    lab.linux(tcp_ecn=1)
    name, side = off_on
    lab.linux(side, **{name: 0})
    with connected(lab, family) as pair:
        pair.requests(3)
        agreed(pair, family, [{name} if it == side else set() for it in SIDES])
    carry(lab, family, SIZE)


def test_congestion_marks(lab, family):
    """Routers that mark instead of dropping: both TCPs slow down, and nothing is sent again."""
    lab.serve(pool_tcp=REQUESTS_ECN)
    lab.linux(tcp_ecn=1)
    with lab.marking(0.02) as marked, connected(lab, family) as pair:
        pair.exchange(SIZE)
        assert all("ecn" in view and "ecnseen" in view for view in pair.linux())
        assert marked() > 0
    grown = counted(lab)
    assert grown["ecn_marked"] > 0 and grown["ecn_reductions"] > 0


def test_loss(lab, family, loss, congestion):
    lab.serve()
    with lab.losing(loss) as lost:
        carry(lab, family, SIZE if loss <= 0.01 else SIZE >> 4, congestion=congestion)
        assert lost() > 0


def test_options_under_loss(lab, family, lossy_off):
    """What is left of loss recovery when a peer offers less."""
    lab.serve()
    lab.linux(**{name: 0 for name in lossy_off})
    with lab.losing(0.01) as lost:
        carry(lab, family, SIZE >> 2)
        assert lost() > 0


def test_offloads(lab, family, offload):
    lab.serve()
    lab.offloads(**offload)
    carry(lab, family, SIZE)


def test_mtu(lab, mtu):
    """Links of all widths and of two at once. The engine's own port is as wide as its link, or
    as its driver can be: then its peers' frames may be larger, and have to be kept small by MSS."""
    lab.serve(mtu)
    segments = [lab.port_mtu(side) for side in SIDES]
    for family in lab.families():
        with connected(lab, family) as pair:
            pair.requests(3)
            agreed(pair, family, [{"tcp_ecn"}] * 2, segments)
        carry(lab, family, SIZE)


@pytest.mark.parametrize("kind", ["af_xdp"])
def test_wider_than_ethernet(lab, family, kind):
    mtu = WIDEST[kind], 1280
    lab.serve(mtu)
    with connected(lab, family) as pair:
        pair.requests(3)
        agreed(pair, family, [{"tcp_ecn"}] * 2, mtu)
    # Long enough for every buffer of the pool to have been in the device's rings.
    for _ in range(3):
        carry(lab, family, SIZE)


def size_of_segments(pair, side):
    return pair.engine()[SIDES.index(side)]["mss"]


def segment_in(mtu, family):
    return mtu - (52 if family == 4 else 72)


@pytest.mark.parametrize("routed", [True])
@pytest.mark.parametrize("side", SIDES)
def test_narrow_path(lab, family, side):
    """RFC 1191, RFC 8201: the router's ICMP says how narrow the link behind it is."""
    lab.serve()
    lab.narrow(side, 1300, family)
    with connected(lab, family) as pair:
        pair.exchange(SIZE)
        assert size_of_segments(pair, side) == segment_in(1300, family)
    grown = counted(lab)
    assert grown["path_mtu_lowered"] == 1 and grown["icmp_errors"] > 0


@pytest.mark.parametrize("routed", [True])
@pytest.mark.parametrize("side", SIDES)
def test_path_becomes_narrow(lab, family, side):
    """In the middle of a transfer, with segments of the old size in flight."""
    lab.serve()
    with connected(lab, family) as pair:
        pair.requests(3)
        assert size_of_segments(pair, side) == segment_in(1500, family)
        change = threading.Timer(0.05, lab.narrow, args=(side, 1300, family))
        change.start()
        pair.exchange(SIZE * 4)
        change.join()
        assert size_of_segments(pair, side) == segment_in(1300, family)
        pair.both_ways(SIZE)


@pytest.mark.parametrize("routed", [True])
@pytest.mark.parametrize("side", SIDES)
def test_path_narrower_than_segments_get(lab, side):
    """Below a bound that keeps forgers from choosing the size, routers have to cut."""
    lab.serve()
    lab.narrow(side, 400, 4)
    pieces = lab.reassembled(side)
    with connected(lab, 4) as pair:
        pair.exchange(SIZE >> 2)
        assert size_of_segments(pair, side) == segment_in(552, 4)
    assert lab.reassembled(side) > pieces


@pytest.mark.parametrize("routed", [True])
@pytest.mark.parametrize("side", SIDES)
def test_routers_may_cut(lab, side):
    """With pmtu_discovery off, what is too large arrives in fragments."""
    lab.serve(tcp={"pmtu_discovery": False})
    lab.narrow(side, 1300, 4)
    pieces = lab.reassembled(side)
    with connected(lab, 4) as pair:
        pair.exchange(SIZE)
        assert size_of_segments(pair, side) == segment_in(1500, 4)
    assert lab.reassembled(side) > pieces
    assert counted(lab)["path_mtu_lowered"] == 0


# A packet socket would get IPv4 fragments put together by the kernel.
@pytest.mark.parametrize("kind", ["tap"])
@pytest.mark.parametrize("routed", [True])
@pytest.mark.parametrize("side", SIDES)
def test_segments_in_fragments(lab, side):
    """Linux without path MTU discovery, and a router that cuts its segments."""
    lab.serve()
    lab.linux(side, ip_no_pmtu_disc=1)
    with lab.cutting(side, 1000, 4), connected(lab, 4) as pair:
        pair.both_ways(SIZE)
    grown = counted(lab)
    # Nearly all: a sender may cut some so short that they pass whole.
    assert grown["reassembled"] >= SIZE * 9 // 10 // 1448
    assert grown["fragments"] >= 2 * grown["reassembled"]


@pytest.mark.parametrize("kind", ["tap"])
@pytest.mark.parametrize("routed", [True])
def test_echo_in_fragments(lab, family):
    lab.serve()
    with lab.cutting("front", 1280, family):
        ping(lab, family, 1400)
    grown = counted(lab)
    assert grown["reassembled"] == grown["icmp_echo"] == 3


@pytest.mark.parametrize("kind", ["tap"])
@pytest.mark.parametrize("routed", [True])
def test_echo_larger_than_a_buffer(lab, family):
    lab.serve()
    with pytest.raises(CommandError, match="100% packet loss"):
        ping(lab, family, 3000)
    assert counted(lab)["drop_fragment_too_big"] == 6  # two of three, each time
    # What came of them is kept for half a minute: nobody waits for that.
    lab.terminus.stop()
    lab.serve()


def ping(lab, family, size):
    lab.clients.run("ping", "-n", "-M", "dont", "-s", size, "-c", 3, "-i", 0.1, "-W", 1,
                    FRONT[family])
