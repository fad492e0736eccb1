-- SPDX-License-Identifier: BSD-3-Clause
--
-- Segments of every 4-tuple of the ranges, of connections that there are not: ACKs, each of which
-- costs the target a look-up that fails and a reset. It shows what look-ups in a large space cost.

package.path = debug.getinfo(1, "S").source:match("^@(.*/)") .. "?.lua;" .. package.path
local terminus = require "terminus"

local SECONDS = 30

terminus.prepare()
terminus.all_tuples("ack")
terminus.send(SECONDS)
