# SPDX-License-Identifier: BSD-3-Clause
"""curl and wrk against nginx through the proxy, and the engine's own http service."""
import os
import re

import pytest

from engine import HTTP
from netlab import FRONT, url

pytestmark = pytest.mark.paired

WRK_SECONDS = 30 if os.environ.get("TERMINUS_SMOKE_LONG") else 3


def test_curl_reaches_both_backends(lab, family):
    bodies = {lab.clients.run("curl", "-sS", "-m", 5, url(FRONT[family])).stdout
              for _ in range(20)}
    assert bodies == {"hello from b1\n", "hello from b2\n"}


def test_curl_reuses_its_connection(lab, family):
    many = [url(FRONT[family])] * 50
    done = lab.clients.run("curl", "-sS", "-m", 10, "-w", "connects %{num_connects}\\n", *many)
    connects = sum(int(n) for n in re.findall(r"connects (\d+)", done.stdout))
    assert done.stdout.count("hello from b") == 50
    assert connects == 1


def test_http_service(lab, family):
    done = lab.clients.run("curl", "-sS", "-i", "-m", 5, url(FRONT[family], port=HTTP))
    assert done.stdout.startswith("HTTP/1.1 200 ")
    assert done.stdout.endswith("\r\n\r\nhello\n")


@pytest.mark.parametrize("headers", [[], ["-H", "Connection: close"]], ids=["keepalive", "close"])
def test_wrk_sees_no_error(lab, family, headers):
    done = lab.clients.run("wrk", "-t", 1, "-c", 200, "-d", f"{WRK_SECONDS}s", "--timeout", "8s",
                           *headers, url(FRONT[family]), timeout=WRK_SECONDS + 30)
    requests = int(re.search(r"(\d+) requests in", done.stdout).group(1))
    assert requests > 200, done.stdout
    assert "Socket errors" not in done.stdout, done.stdout
    assert "Non-2xx" not in done.stdout, done.stdout
