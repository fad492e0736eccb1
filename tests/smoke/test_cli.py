# SPDX-License-Identifier: BSD-3-Clause
"""The command line: bad input of every kind ends in one clear line and a non-zero exit."""
import json
import re
import shutil
import socket

import pytest

from engine import REPO, TERMINUS, TERMINUSCTL, lab_config
from journal import huge_pages
from netlab import FRONT
from netns import call

NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
          "--inh-caps", "-all", "--bounding-set", "-all"]
NOISE = re.compile(r"EAL|rte_|Sanitizer|backtrace|Segmentation|core dumped|assert", re.IGNORECASE)


def refused(lab, config, *expected, arguments=None, prefix=()):
    """Runs terminus, which must refuse within a few seconds with one line naming `expected`."""
    conf = lab.dir / "bad.yaml"
    conf.write_text(config if isinstance(config, str) else json.dumps(config, indent=1))
    conf.chmod(0o644)
    program = lab.dir / "terminus"  # a copy: the checkout may be closed to other users
    shutil.copy(TERMINUS, program)
    done = lab.engine.run(*prefix, program, *(arguments or [conf]), check=False)
    assert done.returncode > 0, f"exit {done.returncode}: {done.stderr}"
    assert done.stderr.count("\n") == 1, done.stderr
    assert not NOISE.search(done.stderr), done.stderr
    for text in expected:
        assert re.search(text, done.stderr), f"{text!r} is not in: {done.stderr}"


def without(config, key):
    return {k: v for k, v in config.items() if k != key}


@pytest.fixture
def config(bare_lab):
    return lab_config(bare_lab)


def test_missing_file(bare_lab):
    refused(bare_lab, "", "nosuch.yaml", "No such file", arguments=["nosuch.yaml"])


def test_directory_instead_of_file(bare_lab):
    refused(bare_lab, "", "directory", arguments=["/etc"])


def test_empty_file(bare_lab):
    refused(bare_lab, "", "bad.yaml", "empty")


def test_not_yaml(bare_lab):
    refused(bare_lab, "ports: [\n", r"bad.yaml:\d+")


def test_unknown_key(bare_lab, config):
    refused(bare_lab, {**config, "listenrs": []}, r"bad.yaml:\d+", "listenrs", "listeners")


def test_unknown_nested_key(bare_lab, config):
    config["tcp"]["syn_retry"] = 3
    refused(bare_lab, config, r"bad.yaml:\d+", "syn_retry", "syn_retries")


def test_out_of_range(bare_lab, config):
    config["workers"] = {"count": 100000}
    refused(bare_lab, config, r"bad.yaml:\d+", "100000")


def test_pool_without_backends(bare_lab, config):
    config["pools"][0]["backends"] = []
    refused(bare_lab, config, r"bad.yaml:\d+", "backends")


def test_unknown_pool(bare_lab, config):
    config["listeners"][0]["pool"] = "nowhere"
    refused(bare_lab, config, r"bad.yaml:\d+", "nowhere")


def test_no_ports(bare_lab, config):
    refused(bare_lab, without(config, "ports"), "ports")


def test_interface_that_does_not_exist(bare_lab, config):
    config["ports"][0]["device"] = "net_af_packet0,iface=te-nosuch"
    refused(bare_lab, config, "front", "te-nosuch")


def test_device_that_does_not_exist(bare_lab, config):
    config["ports"][0]["device"] = "net_nonsense0"
    refused(bare_lab, config, "front", "net_nonsense0")


@pytest.mark.parametrize("version", [4, 6])
def test_address_in_use_by_the_kernel(bare_lab, config, version):
    """Two stacks answering for one address would reset each other's connections."""
    address = f"{FRONT[version]}/{24 if version == 4 else 64}"
    if version == 6:
        bare_lab.engine.sysctl(net__ipv6__conf__lo__disable_ipv6=0)
    bare_lab.engine.ip("address", "add", address, "dev", "lo", *(["nodad"] if version == 6 else []))
    try:
        refused(bare_lab, config, re.escape(FRONT[version]), "kernel|in use")
    finally:
        bare_lab.engine.ip("address", "del", address, "dev", "lo")


def test_without_root(bare_lab, config):
    refused(bare_lab, config, "root|privilege|permission", prefix=NOBODY)


def test_huge_pages_required_but_missing(bare_lab, config):
    free_bytes = huge_pages("free_hugepages") << 21
    config["memory"] = {"huge_pages": "require", "buffers": 65536 + free_bytes // 2048}
    refused(bare_lab, config, "huge", "nr_hugepages")


def test_no_arguments(bare_lab):
    done = bare_lab.engine.run(TERMINUS, check=False)
    assert done.returncode > 0
    assert "usage" in done.stderr.lower()


def test_unknown_option(bare_lab):
    refused(bare_lab, "", "--nonsense", arguments=["--nonsense"])


def test_help_and_version(machine):
    assert "CONF" in call(str(TERMINUS), "--help").stdout
    assert re.search(r"\d+\.\d+", call(str(TERMINUS), "--version").stdout)


@pytest.mark.parametrize("file", sorted((REPO / "conf").glob("*.yaml")), ids=lambda f: f.name)
def test_shipped_configurations_are_valid(machine, file):
    assert call(str(TERMINUS), "--check", str(file)).stdout


def test_sizing_report_in_the_manual_is_that_of_the_demo(machine):
    """What is listed and how many of it; the bytes of each are the engine's business."""
    def counts(text):
        return re.findall(r"(?m)^(worker shards|packet buffers|DPDK's own) +(\d+) ", text)

    manual = (REPO / "docs" / "configuration.md").read_text()
    reports = [part for part in manual.split("```") if part.startswith("\nmemory ")]
    assert len(reports) == 1
    report = call(str(TERMINUS), "--check", str(REPO / "conf" / "demo.yaml")).stdout
    assert len(counts(report)) == 3
    assert counts(reports[0]) == counts(report)
    assert re.findall("(?m)^memory .*", reports[0]) == re.findall("(?m)^memory .*", report)


def test_check_needs_no_privilege_and_starts_nothing(bare_lab, config):
    conf = bare_lab.dir / "good.yaml"
    conf.write_text(json.dumps(config))
    conf.chmod(0o644)
    program = shutil.copy(TERMINUS, bare_lab.dir / "terminus")
    done = bare_lab.engine.run(*NOBODY, program, "--check", conf)
    assert done.stderr == ""


def test_ctl_without_engine(machine):
    done = call(str(TERMINUSCTL), "-i", "nobody-runs-this", "counters", check=False)
    assert done.returncode > 0
    assert done.stderr.count("\n") == 1
    assert "nobody-runs-this" in done.stderr


def test_ctl_unknown_command(machine):
    done = call(str(TERMINUSCTL), "nonsense", check=False)
    assert done.returncode > 0
    assert "nonsense" in done.stderr


def test_kernel_leaves_the_engines_addresses_alone(bare_lab):
    """The lab's own promise: nothing but Terminus answers at its addresses."""
    with pytest.raises(socket.timeout):
        bare_lab.clients.connect(FRONT[4], 80, timeout=1)
