# SPDX-License-Identifier: BSD-3-Clause
"""Which stage of a segment's way through the engine a source file is."""
import fnmatch
import functools

# Stage, what happens there, and where that is written: a file is in one of them.
STAGES = (
    ("turn", "bursts, the work list, the order of things; addresses and neighbours",
     "engine/burst.* engine/shard.* engine/net/* engine/conf.h engine/base/compiler.h "
     "engine/base/stat.* engine/base/tick.h engine/base/ipaddr.h"),
    ("parse", "headers and options checked",
     "engine/wire/parse.* engine/wire/tcpopt.* engine/wire/wire.h engine/wire/csum.h"),
    ("hash", "the tuple's place, and keyed numbers",
     "engine/base/prf* engine/base/siphash.h engine/base/toeplitz.* engine/table/tuple.*"),
    ("table", "objects and listeners looked up, filed, removed",
     "engine/table/conn_table.* engine/table/listen_table.* engine/table/srcport.*"),
    ("handshake", "LISTEN, half-open entries, cookies, opening, the accept queue",
     "engine/tcp/listen.c engine/tcp/half.c engine/tcp/cookie* engine/tcp/backlog.c "
     "engine/tcp/isn.c engine/tcp/open.c engine/tcp/accept.c engine/tcp/admit.c "
     "engine/tcp/quota.* engine/tcp/refuse.c engine/table/prefix_table.* "
     "engine/table/source_table.* engine/base/budget.h"),
    ("flood", "SYNs of a flood, which become their own answers",
     "engine/tcp/flood.*"),
    ("input", "sequence checks, text, FINs, resets, states",
     "engine/tcp/input.c engine/tcp/text.c engine/tcp/close.c engine/tcp/state.c "
     "engine/tcp/urgent.c engine/tcp/ecn.c engine/tcp/reset.c engine/tcp/icmp_error.* "
     "engine/tcp/pmtu.c engine/tcp/internal.h engine/tcp/seq.h"),
    ("ack", "acknowledgments, congestion, loss",
     "engine/tcp/ack.c engine/tcp/scoreboard.c engine/tcp/rack.c engine/tcp/recovery.* "
     "engine/tcp/cc.c engine/tcp/cubic.c engine/tcp/rexmit.c"),
    ("conn", "connections made, changed and let go",
     "engine/tcp/conn.*"),
    ("service", "http, proxy and the others, and what they call",
     "engine/service/* engine/tcp/user.c engine/tcp/tcp.h"),
    ("output", "what goes out now, and what waits",
     "engine/tcp/output.c engine/tcp/sndq.c engine/tcp/finish.c"),
    ("emit", "headers written",
     "engine/tcp/emit.c engine/wire/build*"),
    ("timers", "the wheel, deadlines",
     "engine/base/wheel.* engine/base/group_wheel.* engine/tcp/timer.c engine/tcp/guard.*"),
    ("time_wait", "records made, found, ended",
     "engine/tcp/timewait.c engine/table/time_wait_lines.*"),
    ("memory", "buffers, pools, copies",
     "engine/base/buf.h engine/base/pool.h engine/tcp/pressure.*"),
    ("port", "the port in memory, and the benchmark's turn",
     "drivers/* bench/*"),
    ("control", "lists and checks, which no segment meets",
     "engine/info.* engine/shard_check.c engine/run/*"),
)
NAMES = tuple(name for name, _, _ in STAGES)

# Small helpers of all: where they are compiled into something else, it is that which they cost.
SHARED = frozenset((
    "engine/shard.h", "engine/conf.h", "engine/base/compiler.h", "engine/base/stat.h",
    "engine/base/tick.h", "engine/base/ipaddr.h", "engine/wire/wire.h", "engine/wire/csum.h",
    "engine/tcp/conn.h", "engine/tcp/internal.h", "engine/tcp/seq.h", "engine/tcp/tcp.h"))

# Called for copies.
LIBC = "the C library"


class NoStage(Exception):
    """A source file that the table above does not know, or knows twice."""


@functools.lru_cache(maxsize=None)
def of_file(path):
    """The stage of a file, relative to the root of the tree."""
    if path == LIBC:
        return "memory"
    found = [name for name, _, patterns in STAGES
             if any(fnmatch.fnmatch(path, pattern) for pattern in patterns.split())]
    if len(found) != 1:
        raise NoStage(f"{path} is in {' and in '.join(found) or 'no stage'}: "
                      "put it into one in bench/kit/stages.py")
    return found[0]


def owner(frames):
    """Who is charged for an instruction. frames: (file, function) where it was written, then those
    of the function this is inlined into, and so on; only files of the tree."""
    return next((frame for frame in frames if frame[0] not in SHARED), frames[-1])
