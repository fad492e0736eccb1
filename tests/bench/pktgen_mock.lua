-- SPDX-License-Identifier: BSD-3-Clause
--
-- Runs a script for Pktgen-DPDK without Pktgen: every function of the table `pktgen` checks its
-- arguments as Pktgen's own do, one that Pktgen does not have is an error, and time passes at
-- once. Prints what the port was told, a line each.
--
-- Usage: lua pktgen_mock.lua old|new SCRIPT. The two differ in what portStats takes and returns.

local release, script = arg[1], arg[2]
assert((release == "old" or release == "new") and script, "usage: old|new SCRIPT")

-- Of each function the kinds of its arguments: S a string, N a number, I a whole number, P a list
-- of ports, R one of start, min, max and inc; a list in braces is one of these words.
local API = {
	set = {"P", {"count", "size", "rate", "burst", "txburst", "rxburst", "cycles", "sport", "dport",
		"ttl", "seq_cnt", "seqCnt", "prime", "dump"}, "N"},
	start = {"P"}, stop = {"P"}, reset = {"P"}, clear = {"P"}, clr = {},
	set_mac = {"P", {"src", "dst"}, "MAC"}, set_ipaddr = {"P", {"src", "dst"}, "IP"},
	set_proto = {"P", {"tcp", "udp", "icmp"}}, set_type = {"P", {"ipv4", "ipv6", "vlan", "arp"}},
	set_tcp_flags = {"P", "FLAGS"}, set_range = {"P", {"on", "off", "enable", "disable"}},
	seqTable = {"I", "P", "SEQ"}, seq_tcp_flags = {"I", "P", "FLAGS"},
	delay = {"I"}, sleep = {"I"}, load = {"S"}, screen = {{"on", "off"}},
	isSending = {"P"}, linkState = {"P"},
	portStats = release == "old" and {"P", {"port", "rate"}} or {"P"},
}
local RANGE_API = {
	dst_mac = {"P", "R", "MAC"}, src_mac = {"P", "R", "MAC"},
	dst_ip = {"P", "R", "IP"}, src_ip = {"P", "R", "IP"},
	dst_port = {"P", "R", "PORT"}, src_port = {"P", "R", "PORT"},
	pkt_size = {"P", "R", "I"}, vlan_id = {"P", "R", "I"}, ttl = {"P", "R", "I"},
	ip_proto = {"P", {"tcp", "udp"}},
}
local SEQ = {eth_dst_addr = "MAC", eth_src_addr = "MAC", ip_dst_addr = "IP", ip_src_addr = "IP",
	sport = "PORT", dport = "PORT", ethType = {"ipv4", "ipv6", "vlan"},
	ipProto = {"tcp", "udp", "icmp"}, vlanid = "I", pktSize = "I", cos = "I", tos = "I",
	gtpu_teid = "I", tcp_flags = "FLAGS"}
local FLAG = {cwr = true, ece = true, urg = true, ack = true, psh = true, rst = true, syn = true,
	fin = true, clr = true}
local SEQUENCE_MAX = 16

local function one_of(words, value)
	for _, word in ipairs(words) do
		if word == value then
			return true
		end
	end
	return false
end

local function is_ip(value)
	local a, b, c, d, rest = tostring(value):match("^(%d+)%.(%d+)%.(%d+)%.(%d+)(.*)$")
	for _, part in ipairs {a or 256, b or 256, c or 256, d or 256} do
		if tonumber(part) > 255 then
			return false
		end
	end
	return rest == "" or (rest:match("^/%d+$") and tonumber(rest:sub(2)) <= 32)
end

local function is_flags(value)
	for word in tostring(value):gmatch("[^,]+") do
		if not FLAG[word] then
			return false
		end
	end
	return type(value) == "string" and value ~= ""
end

local is = {
	S = function(v) return type(v) == "string" end,
	N = function(v) return type(v) == "number" and v >= 0 end,
	I = function(v) return math.type(v) == "integer" and v >= 0 end,
	PORT = function(v) return math.type(v) == "integer" and v >= 0 and v <= 65535 end,
	P = function(v) return v == "all" or (type(v) == "string" and v:match("^%d[%d,-]*$")) end,
	R = function(v) return one_of({"start", "min", "max", "inc"}, v) end,
	IP = is_ip,
	FLAGS = is_flags,
	MAC = function(v)
		return type(v) == "string" and v:match("^" .. ("%x%x:"):rep(5) .. "%x%x$")
	end,
}

local function check(where, kind, value)
	local good
	if type(kind) == "table" then
		good = one_of(kind, value)
	elseif kind == "SEQ" then
		assert(type(value) == "table", where .. ": no table")
		for key, v in pairs(value) do
			check(where .. "." .. key, assert(SEQ[key], where .. ": no field " .. key), v)
		end
		good = true
	else
		good = is[kind](value)
	end
	assert(good, string.format("%s: %s won't do", where, tostring(value)))
end

local clock_ms, sending, frames = 0, false, 0

local function said(name, ...)
	local words = {...}
	for i, word in ipairs(words) do
		words[i] = type(word) == "table" and word.tcp_flags or tostring(word)
	end
	print(name .. " " .. table.concat(words, " "))
end

-- What the functions do besides being checked.
local acts = {
	start = function() sending = true end,
	stop = function() sending = false end,
	seqTable = function(index) assert(index < SEQUENCE_MAX, "seqTable: no such place") end,
	seq_tcp_flags = function(index) assert(index < SEQUENCE_MAX, "seq_tcp_flags: no such place") end,
}
function acts.delay(ms)
	clock_ms = clock_ms + ms
	frames = frames + (sending and 1000 * ms or 0)
end
function acts.sleep(seconds)
	acts.delay(1000 * seconds)
end
function acts.portStats(ports)
	local counts = {ipackets = frames // 2, opackets = frames}
	return {[tonumber(ports)] = release == "old" and counts or {curr = counts}, n = 1}
end
function acts.load(path)
	for line in assert(io.open(path)):lines() do
		local kind, ports, flags = line:match("^(%a+) (%d+) tcp flags (%S+)$")
		assert(kind == "range" or kind == "set", "no such command: " .. line)
		check(line, "P", ports)
		check(line, "FLAGS", flags)
		print("command " .. line)
	end
end

local function functions(api, prefix)
	local made = {}
	for name, kinds in pairs(api) do
		made[name] = function(...)
			assert(select("#", ...) == #kinds, prefix .. name .. ", wrong number of arguments")
			for i, kind in ipairs(kinds) do
				check(prefix .. name, kind, (select(i, ...)))
			end
			if name ~= "delay" and name ~= "portStats" and name ~= "load" then
				said(prefix .. name, ...)
			end
			return acts[name] and acts[name](...)
		end
	end
	return setmetatable(made, {__index = function(_, name)
		error("pktgen has no " .. prefix .. name, 2)
	end})
end

pktgen = functions(API, "")
rawset(pktgen, "range", functions(RANGE_API, "range."))
dofile(script)
print(string.format("end %s after %d ms", sending and "sending" or "idle", clock_ms))
