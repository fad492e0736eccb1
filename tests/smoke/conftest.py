# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the smoke tests. `lab` is the one most tests want: see its description."""
import os
import shutil

import pytest

from backends import Nginx, start_redis
from engine import TERMINUS, Engine, lab_config
from netlab import BACKENDS, Lab
from netns import interrupt_on_signals

# Labs: kind of port and number of workers. Two of them meet every kind and every
# number; --full crosses them all, --quick takes the first.
KINDS = [("af_packet", 2), ("tap", 1)]
KINDS_FULL = KINDS + [("af_packet", 1), ("tap", 2)]
# The kernel moves a flow to another queue of a tap while it lasts; what is on its way
# in the old one is overtaken.
OUT_OF_ORDER = ("tap", 2)
TIME_WAIT_OBJECTS = ("time_wait", "ipv6_peers")
PROGRAMS = ["ip", "ethtool", "setpriv", "nginx", "redis-server", "redis-cli", "curl", "wrk",
            "tcpdump", "tshark", "nft", "ping", "nmap", "hping3", "slowhttptest"]


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true", help="one kind of lab only")
    parser.addoption("--full", action="store_true", help="every port with one and two workers")


def pytest_configure(config):
    """A polite end by signal tears the labs down just as Ctrl-C does."""
    interrupt_on_signals()
    config.addinivalue_line("markers", "in_order: only for labs whose ports keep a flow in order")
    config.addinivalue_line("markers", "paired: each lab meets one family, unless all are crossed")
    config.addinivalue_line("markers", "alternating: each case meets one family, unless all are crossed")
    config.addinivalue_line("markers", "one_family: IPv4, unless all are crossed")


def pytest_collection_modifyitems(config, items):
    """What does not depend on both the port and the family meets each of them, and not each pair."""
    if config.getoption("full"):
        return

    def is_wanted(item):
        params = item.callspec.params if hasattr(item, "callspec") else {}
        family = params.get("family")
        if item.get_closest_marker("one_family"):
            return family != 6
        if item.get_closest_marker("paired") and "running_lab" in params and family:
            return KINDS.index(params["running_lab"]) == (4, 6).index(family)
        if item.get_closest_marker("alternating") and family:
            others = [n for name, n in item.callspec.indices.items() if name != "family"]
            return sum(others) % 2 == (4, 6).index(family)
        return True

    items[:] = [item for item in items if is_wanted(item)]


def pytest_generate_tests(metafunc):
    if "running_lab" in metafunc.fixturenames:
        option = metafunc.config.getoption
        kinds = KINDS[:1] if option("quick") else KINDS_FULL if option("full") else KINDS
        if metafunc.definition.get_closest_marker("in_order"):
            kinds = [kind for kind in kinds if kind != OUT_OF_ORDER]
        metafunc.parametrize("running_lab", kinds, indirect=True, scope="session",
                             ids=[f"{kind}-{workers}" for kind, workers in kinds])
    if "family" in metafunc.fixturenames:
        metafunc.parametrize("family", (4, 6), ids=("ipv4", "ipv6"))


def last_words(engine):
    """What the engine said. The lab may have ended with the last test and taken that along."""
    try:
        return engine.output() or "(silent)"
    except OSError as error:
        return f"(not known any more: {error})"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failure in a lab shows what the engine said."""
    report = (yield).get_result()
    lab = getattr(item, "funcargs", {}).get("lab")
    if report.failed and lab is not None and getattr(lab, "terminus", None):
        report.sections.append(("terminus", last_words(lab.terminus)))


@pytest.fixture(scope="session")
def machine():
    """Skips where the machine cannot run the lab; fails where only the build is missing."""
    if os.geteuid() != 0:
        pytest.skip("smoke tests need root: they make network namespaces")
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        pytest.skip(f"not installed: {' '.join(missing)} (./dev setup installs them)")
    assert TERMINUS.exists(), f"{TERMINUS} is not built: run ./dev build"


@pytest.fixture(scope="session")
def tap_device(machine):
    if not os.path.exists("/dev/net/tun"):
        pytest.skip("no /dev/net/tun: the kernel has no tap device")


@pytest.fixture(scope="session")
def running_lab(request, machine):
    kind, workers = request.param
    if kind == "tap":
        request.getfixturevalue("tap_device")
    with Lab(kind, workers) as lab:
        lab.nginx = [Nginx(lab, f"b{i + 1}", [BACKENDS[4][i], BACKENDS[6][i]]).start()
                     for i in range(2)]
        start_redis(lab, [BACKENDS[4][0]])
        lab.terminus = Engine(lab, lab_config(lab)).start()
        lab.idle_objects = lab.terminus.objects()
        yield lab
        if lab.terminus.running():
            lab.terminus.settled(lab.idle_objects)
            status = lab.terminus.stop()
            assert status == 0, f"terminus ended with {status}: {lab.terminus.output()}"


@pytest.fixture
def lab(running_lab):
    """A lab with nginx, Redis and a serving engine, shared by all tests of its kind.

    Whatever the test did, the engine must be alive afterwards and have given back
    every connection and buffer; TIME_WAIT may take until the lab's end. If not, the
    next test gets a fresh engine.
    """
    engine = running_lab.terminus
    if not engine.running():
        engine.start()
    yield running_lab
    assert engine.running(), f"terminus ended with {engine.process.returncode}: {engine.output()}"
    try:
        engine.settled(running_lab.idle_objects, leaving_out=TIME_WAIT_OBJECTS)
    except AssertionError:
        engine.stop()
        raise


@pytest.fixture(scope="module")
def bare_lab(machine):
    """A lab without an engine, for tests that start their own; shared by a module."""
    with Lab() as lab:
        yield lab
