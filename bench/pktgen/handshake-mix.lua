-- SPDX-License-Identifier: BSD-3-Clause
--
-- A mix in fixed proportions: of ten frames six SYNs, three ACKs and one RST, as a link brings them
-- while connections begin, go on and are given up. Sixteen is the most a sequence can have.
-- A frame of the sequence comes from one address and port, so that this is a load for the paths
-- through the code and not for the tables.

package.path = debug.getinfo(1, "S").source:match("^@(.*/)") .. "?.lua;" .. package.path
local terminus = require "terminus"

local SECONDS = 30
local MIX = {"syn", "syn", "ack", "syn", "syn", "ack", "syn", "rst", "syn", "ack"}
local SOURCE_MAC = "02:00:00:00:00:02" -- of Pktgen's port

terminus.prepare()
for number, flags in ipairs(MIX) do
	pktgen.seqTable(number - 1, terminus.ports, {
		eth_dst_addr = terminus.target_mac,
		eth_src_addr = SOURCE_MAC,
		ip_dst_addr = terminus.target_ip,
		ip_src_addr = terminus.source_ip.first .. "/32",
		sport = terminus.source_port.first + number,
		dport = terminus.target_port,
		ethType = "ipv4",
		ipProto = "tcp",
		vlanid = 1,
		pktSize = terminus.size,
		tcp_flags = flags,
	})
end
pktgen.set(terminus.ports, "seq_cnt", #MIX)
terminus.send(SECONDS)
