# SPDX-License-Identifier: BSD-3-Clause
"""A TRex profile for its stateless mode: a SYN flood from made-up addresses to one target.

    start -f bench/pktgen/trex_syn.py -p 0 -m 1mpps -t --target 198.18.0.1

docs/pktgen.md says more.
"""
import argparse

from trex.stl.api import (CTRexVmInsFixHwCs, IP, TCP, Ether, STLPktBuilder, STLScVmRaw, STLStream,
                          STLTXCont, STLVmFixChecksumHw, STLVmFlowVar, STLVmWrFlowVar)


class SynFlood:
    """One stream; every frame has another source address and port."""

    def get_streams(self, tunables=(), **_):
        """The streams for TRex. tunables: what stands behind -t, as command line options."""
        parser = argparse.ArgumentParser()
        parser.add_argument("--target", default="198.18.0.1", help="address to attack")
        parser.add_argument("--port", type=int, default=80)
        parser.add_argument("--first", default="198.19.0.1", help="first source address")
        parser.add_argument("--last", default="198.19.255.254", help="last source address")
        options = parser.parse_args(list(tunables))
        syn = Ether() / IP(dst=options.target) / TCP(
            dport=options.port, flags="S", options=[("MSS", 1460), ("SAckOK", b""),
                                                    ("Timestamp", (1, 0)), ("NOP", None),
                                                    ("WScale", 7)])
        changes = STLScVmRaw([
            STLVmFlowVar(name="address", min_value=options.first, max_value=options.last, size=4,
                         op="random"),
            STLVmFlowVar(name="port", min_value=1024, max_value=65535, size=2, op="random"),
            STLVmWrFlowVar(fv_name="address", pkt_offset="IP.src"),
            STLVmWrFlowVar(fv_name="port", pkt_offset="TCP.sport"),
            # The last one, so that it sees what the others have written.
            STLVmFixChecksumHw(l3_offset="IP", l4_offset="TCP",
                               l4_type=CTRexVmInsFixHwCs.L4_TYPE_TCP),
        ])
        return [STLStream(packet=STLPktBuilder(pkt=syn, vm=changes), mode=STLTXCont())]


def register():
    """What TRex calls after loading the file."""
    return SynFlood()
