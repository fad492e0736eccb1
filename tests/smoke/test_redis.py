# SPDX-License-Identifier: BSD-3-Clause
"""redis-cli and Redis on either side of the proxy: small requests, and deep pipelining."""
import pytest

from engine import REDIS
from netlab import FRONT

pytestmark = pytest.mark.paired

KEYS = 100_000


def redis_cli(lab, family, *argv, **options):
    return lab.clients.run("redis-cli", "-h", FRONT[family], "-p", REDIS, *argv, **options)


def resp(*words):
    parts = [f"*{len(words)}\r\n"] + [f"${len(word)}\r\n{word}\r\n" for word in words]
    return "".join(parts)


def test_ping(lab, family):
    assert redis_cli(lab, family, "ping").stdout == "PONG\n"


def test_pipelined_set_and_get(lab, family):
    script = "".join(resp("SET", f"key:{i}", f"value:{i}") for i in range(KEYS))
    script += "".join(resp("GET", f"key:{i}") for i in range(KEYS))
    redis_cli(lab, family, "flushall")
    done = redis_cli(lab, family, "--pipe", stdin=script, timeout=60)
    assert f"errors: 0, replies: {2 * KEYS}" in done.stdout
    assert redis_cli(lab, family, "dbsize").stdout == f"{KEYS}\n"
    assert redis_cli(lab, family, "get", f"key:{KEYS - 1}").stdout == f"value:{KEYS - 1}\n"


@pytest.mark.parametrize("size", [1, 1460, 1_000_000])
def test_value_sizes(lab, family, size):
    value = "x" * size
    assert redis_cli(lab, family, "-x", "set", "blob", stdin=value).stdout == "OK\n"
    assert redis_cli(lab, family, "--raw", "get", "blob").stdout == value + "\n"
