-- SPDX-License-Identifier: BSD-3-Clause
--
-- What the scripts beside it share: whom they send to, and the parts of Pktgen that its Lua
-- functions do not reach, or reach in another way from release to release. docs/pktgen.md says
-- how to run them. Needs Pktgen 24.10.2 or newer, which sets TCP flags.

local M = {}

-- The test set-up. RFC 2544 reserves these addresses for it; give yours.
M.port = 0                             -- Pktgen's port
M.target_mac = "02:00:00:00:00:01"     -- of Terminus' port, or of the router in front of it
M.target_ip = "198.18.0.1"
M.target_port = 80
M.source_ip = {first = "198.19.0.1", last = "198.19.255.254"}
M.source_port = {first = 1024, last = 65535}
M.size = 64                            -- of a frame with its checksum, the smallest there is

-- The port as Pktgen's functions want it.
M.ports = tostring(M.port)

-- Commands of Pktgen's prompt, for what has no function. They go through a file, since that is
-- the one way in.
function M.command(...)
	local path = os.tmpname()
	local file = assert(io.open(path, "w"))
	file:write(table.concat({...}, "\n"), "\n")
	file:close()
	local done, why = pcall(pktgen.load, path)
	os.remove(path)
	if not done then
		error(why, 0)
	end
end

-- Frames received and sent since the counters were cleared. Newer releases take one argument and
-- nest the counters.
function M.counters()
	local done, stats = pcall(pktgen.portStats, M.ports, "port")
	if not done then
		stats = pktgen.portStats(M.ports)
	end
	local row = stats[M.port]
	row = row.curr or row
	return row.ipackets, row.opackets
end

-- Frames received and sent a second, over so many milliseconds.
function M.rates(ms)
	local rx, tx = M.counters()
	pktgen.delay(ms)
	local rx_later, tx_later = M.counters()
	return (rx_later - rx) * 1000 / ms, (tx_later - tx) * 1000 / ms
end

-- Sets the port to a known state: nothing runs, and what it sends goes to the target.
function M.prepare()
	if not pktgen.set_tcp_flags then
		error("this Pktgen sets no TCP flags: take 24.10.2 or newer", 0)
	end
	pktgen.screen("off") -- or what is printed is lost in it
	pktgen.stop(M.ports)
	pktgen.reset(M.ports)
	pktgen.clr()
	pktgen.set(M.ports, "count", 0)
	pktgen.set(M.ports, "size", M.size)
	pktgen.set(M.ports, "rate", 100)
	pktgen.set_type(M.ports, "ipv4")
	pktgen.set_proto(M.ports, "tcp")
	pktgen.set_mac(M.ports, "dst", M.target_mac)
end

-- A range of values: from first to last, in steps.
local function range(set, first, last, step)
	set(M.ports, "start", first)
	set(M.ports, "min", first)
	set(M.ports, "max", last)
	set(M.ports, "inc", step)
end

local function divisor(a, b)
	while b > 0 do
		a, b = b, a % b
	end
	return a
end

local function number(ip)
	local a, b, c, d = ip:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
	return ((a * 256 + b) * 256 + c) * 256 + d
end

-- The last source port to use. Pktgen steps address and port at once with every frame, so that
-- only tuples (a + n, p + n) come, and all of them only if the two numbers of values share no
-- divisor. It never gets past port 65535, where its sixteen bits wrap.
function M.last_port()
	local addresses = number(M.source_ip.last) - number(M.source_ip.first) + 1
	local last = math.min(M.source_port.last, 65534)
	while divisor(addresses, last - M.source_port.first + 1) ~= 1 do
		last = last - 1
	end
	return last
end

-- Every source address and port towards the target, with these TCP flags.
function M.all_tuples(flags)
	range(pktgen.range.dst_mac, M.target_mac, M.target_mac, "00:00:00:00:00:00")
	range(pktgen.range.dst_ip, M.target_ip, M.target_ip, "0.0.0.0")
	range(pktgen.range.src_ip, M.source_ip.first, M.source_ip.last, "0.0.0.1")
	range(pktgen.range.dst_port, M.target_port, M.target_port, 0)
	range(pktgen.range.src_port, M.source_port.first, M.last_port(), 1)
	range(pktgen.range.pkt_size, M.size, M.size, 0)
	pktgen.range.ip_proto(M.ports, "tcp")
	M.command(string.format("range %d tcp flags %s", M.port, flags))
	pktgen.set_range(M.ports, "on")
end

-- Sends for so many seconds and prints both rates once a second.
function M.send(seconds)
	pktgen.start(M.ports)
	for second = 1, seconds do
		local rx, tx = M.rates(1000)
		print(string.format("%d s: sent %.0f/s, received %.0f/s, %.1f %%", second, tx, rx,
			tx > 0 and 100 * rx / tx or 0))
	end
	pktgen.stop(M.ports)
end

return M
