-- SPDX-License-Identifier: BSD-3-Clause
--
-- SYNs at rates from FROM to TO percent of the link, a line for each: what was sent and what came
-- back. The target keeps up as long as the share does not fall. There is no latency in it: Pktgen
-- knows it only of frames that come back unchanged, which no TCP sends.

package.path = debug.getinfo(1, "S").source:match("^@(.*/)") .. "?.lua;" .. package.path
local terminus = require "terminus"

local FROM, TO, STEP = 10, 100, 10 -- percent of the link
local HOLD_MS, SETTLE_MS = 5000, 1000

terminus.prepare()
terminus.all_tuples("syn")
for percent = FROM, TO, STEP do
	pktgen.set(terminus.ports, "rate", percent)
	pktgen.start(terminus.ports)
	pktgen.delay(SETTLE_MS)
	local rx, tx = terminus.rates(HOLD_MS)
	pktgen.stop(terminus.ports)
	pktgen.delay(SETTLE_MS)
	print(string.format("rate_percent=%d tx_per_s=%.0f rx_per_s=%.0f share=%.4f", percent, tx, rx,
		tx > 0 and rx / tx or 0))
end
