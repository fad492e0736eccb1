# SPDX-License-Identifier: BSD-3-Clause
"""Memory that a number of connections takes, in the kernel and in the server's process.

The kernel does not say what a connection costs. What is taken is the difference of two moments,
of everything that sockets, files and their tables are made of.
"""
import contextlib
import os

PAGE = os.sysconf("SC_PAGE_SIZE")
# Lines of /proc/meminfo: objects, stacks, page tables, tables that are too large for objects.
KERNEL = ("Slab", "KernelStack", "PageTables", "Percpu", "VmallocUsed")


def _meminfo():
    with open("/proc/meminfo", encoding="ascii") as lines:
        return {line.split(":")[0]: int(line.split()[1]) << 10 for line in lines}


def _resident(pid):
    """Bytes of a process that only it has; a process that has ended has none."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
            fields = {line.split(":")[0]: line.split()[1] for line in lines if "kB" in line}
        return (int(fields["Private_Clean"]) + int(fields["Private_Dirty"])
                + int(fields.get("Private_Hugetlb", 0))) << 10
    return 0


def _sockets(namespace):
    """Bytes in the queues of the namespace's TCP sockets; they are in Slab as well."""
    text = namespace.run("cat", "/proc/net/sockstat").stdout
    tcp = next(line.split() for line in text.splitlines() if line.startswith("TCP:"))
    return int(tcp[tcp.index("mem") + 1]) * PAGE


def take(namespace, pids):
    """The bytes in use now: a dict of the kernel's parts, of the processes' and of queues."""
    info = _meminfo()
    parts = {name.lower(): info.get(name, 0) for name in KERNEL}
    parts["process"] = sum(_resident(pid) for pid in pids)
    parts["queues"] = _sockets(namespace)
    return parts


def per_connection(before, after, connections):
    """Bytes each connection added: the sum, and its parts by name."""
    parts = {name: (after[name] - before[name]) / connections for name in before}
    return sum(value for name, value in parts.items() if name != "queues"), parts
