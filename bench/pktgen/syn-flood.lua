-- SPDX-License-Identifier: BSD-3-Clause
--
-- A SYN flood: SYNs from many made-up addresses to one target, each answered with a SYN-ACK that
-- nobody waits for. What comes back, as a share of what was sent, is how well the target stands it.
-- On the other side: terminusctl counters.

package.path = debug.getinfo(1, "S").source:match("^@(.*/)") .. "?.lua;" .. package.path
local terminus = require "terminus"

local SECONDS = 30

terminus.prepare()
terminus.all_tuples("syn")
terminus.send(SECONDS)
