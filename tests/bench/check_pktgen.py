# SPDX-License-Identifier: BSD-3-Clause
"""Checks the scripts for Pktgen-DPDK without Pktgen: luac reads them, a mock of Pktgen runs them
as older and newer releases would, and what they have told it is looked at. Wrong calls must fail.
The TRex profile is loaded with TRex' names standing in for TRex.

Usage: check_pktgen.py. Ends with 77, which is a skip, when there is no Lua.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import types

REPO = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = REPO / "bench" / "pktgen"
MOCK = pathlib.Path(__file__).parent / "pktgen_mock.lua"
RELEASES = ("old", "new")

# What each script has to have told Pktgen at least.
TOLD = {
    "syn-flood.lua": ["command range 0 tcp flags syn", "set_range 0 on", "start 0", "stop 0"],
    "ranges.lua": ["command range 0 tcp flags ack", "range.src_ip 0 inc 0.0.0.1",
                   "range.src_port 0 inc 1", "set_range 0 on", "start 0", "stop 0"],
    "handshake-mix.lua": ["seqTable 0 0 syn", "seqTable 7 0 rst", "set 0 seq_cnt 10", "start 0"],
    "rate-steps.lua": ["set 0 rate 10", "set 0 rate 100",
                       "rate_percent=50 tx_per_s=1000000 rx_per_s=500000 share=0.5000"],
}

# One mistake each, of which the mock must not let any pass.
WRONG = (
    'pktgen.start(0)',
    'pktgen.start("0", 1)',
    'pktgen.strat("0")',
    'pktgen.set("0", "pace", 1)',
    'pktgen.set("0", "rate", "fast")',
    'pktgen.range.src_port("0", "start", 65536)',
    'pktgen.range.src_ip("0", "first", "198.19.0.1")',
    'pktgen.range.src_ip("0", "start", "198.19.0.256")',
    'pktgen.range.tcp_flags("0", "syn")',
    'pktgen.seqTable(0, "0", {flags = "syn"})',
    'pktgen.seqTable(0, "0", {tcp_flags = "sin"})',
    'pktgen.seqTable(16, "0", {tcp_flags = "syn"})',
    'pktgen.set_tcp_flags("0", "syn", "ack")',
    'pktgen.set_mac("0", "dst", "02:00:00:00:00")',
    'require("terminus").command("range 0 tcp flagz syn")',
)


def find(name):
    return next(filter(None, map(shutil.which, (f"{name}5.4", f"{name}5.3", name))), None)


def run(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


def check_scripts(lua, luac):
    for path in sorted(SCRIPTS.glob("*.lua")):
        done = run(luac, "-p", path)
        if done.returncode:
            sys.exit(f"{path.name}: {done.stderr}")
        if path.name == "terminus.lua":
            continue
        for release in RELEASES:
            done = run(lua, MOCK, release, path)
            if done.returncode:
                sys.exit(f"{path.name}, {release}: {done.stderr}{done.stdout}")
            lines = done.stdout.splitlines()
            for line in TOLD[path.name]:
                if line not in lines:
                    sys.exit(f"{path.name}, {release}: no '{line}' in\n{done.stdout}")
            if not lines[-1].startswith("end idle"):
                sys.exit(f"{path.name}, {release}: the port is still sending")


def check_mistakes(lua):
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "wrong.lua"
        for call in WRONG:
            path.write_text(f'package.path = "{SCRIPTS}/?.lua;" .. package.path\n{call}\n')
            if run(lua, MOCK, "new", path).returncode == 0:
                sys.exit(f"the mock took {call}")


def check_tuples(lua):
    """Addresses and ports step together: all tuples come only if their numbers are coprime."""
    program = ('package.path = "%s/?.lua;" .. package.path; local t = require "terminus"; '
               't.source_ip = {first = "198.19.0.1", last = "198.19.0.6"}; '
               't.source_port = {first = 1000, last = %d}; print(t.last_port())')
    for last, expected in ((1007, 1006), (1006, 1006), (65535, 65534)):
        done = run(lua, "-e", program % (SCRIPTS, last))
        if done.stdout.strip() != str(expected):
            sys.exit(f"last port of 1000-{last} is {done.stdout}{done.stderr}, not {expected}")


def check_profile():
    """Runs the TRex profile with classes that note how they were called."""
    calls = []

    def stand_in(name):
        class Noted:
            def __init__(self, *args, **named):
                calls.append((name, args, named))

            def __truediv__(self, _):
                return self
        return Noted

    names = ("IP", "TCP", "Ether", "STLPktBuilder", "STLScVmRaw", "STLStream", "STLTXCont",
             "STLVmFixChecksumHw", "STLVmFlowVar", "STLVmWrFlowVar")
    api = types.ModuleType("trex.stl.api")
    for name in names:
        setattr(api, name, stand_in(name))
    api.CTRexVmInsFixHwCs = types.SimpleNamespace(L4_TYPE_TCP=13)
    sys.modules.update({"trex": types.ModuleType("trex"), "trex.stl": types.ModuleType("trex.stl"),
                        "trex.stl.api": api})
    sys.path.insert(0, str(SCRIPTS))
    import trex_syn
    streams = trex_syn.register().get_streams(
        direction=0, tunables=["--target", "192.0.2.7"], port_id=0)
    noted = {(name, key, value) for name, _, named in calls for key, value in named.items()
             if isinstance(value, (str, int))}
    for want in (("IP", "dst", "192.0.2.7"), ("TCP", "flags", "S"),
                 ("STLVmWrFlowVar", "pkt_offset", "IP.src"),
                 ("STLVmWrFlowVar", "pkt_offset", "TCP.sport"),
                 ("STLVmFixChecksumHw", "l4_type", 13)):
        if want not in noted:
            sys.exit(f"trex_syn.py: no {want} in {noted}")
    if len(streams) != 1:
        sys.exit(f"trex_syn.py: {len(streams)} streams")


def main():
    check_profile()
    lua, luac = find("lua"), find("luac")
    if not lua or not luac:
        print("no lua or luac: ./dev setup")
        sys.exit(77)
    check_scripts(lua, luac)
    check_mistakes(lua)
    check_tuples(lua)


if __name__ == "__main__":
    main()
