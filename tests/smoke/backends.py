# SPDX-License-Identifier: BSD-3-Clause
"""Real servers for the backends' side of a lab: nginx and Redis, private to it."""
from netns import stop_process, wait_until

NGINX_CONF = """\
daemon off;
user root;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
worker_processes 1;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    server {{
        {listen}
        add_header X-Backend {name};
        location = / {{ default_type text/plain; return 200 "hello from {name}\\n"; }}
        location /files/ {{ alias {files}/; }}
    }}
}}
"""


def _answers(namespace, address, port):
    try:
        namespace.connect(address, port, timeout=1).close()
    except OSError:
        return False
    return True


class Nginx:
    """An nginx that answers / with its name and /files/ from the lab's directory."""

    def __init__(self, lab, name, addresses, port=80):
        self.lab = lab
        self.name = name
        self.addresses = addresses
        self.port = port
        self.process = None
        self.dir = lab.dir / f"nginx-{name}"
        self.files = lab.dir / "files"
        self.dir.mkdir()
        self.files.mkdir(exist_ok=True)

    def start(self):
        listen = "\n        ".join(
            f"listen {f'[{a}]' if ':' in a else a}:{self.port} backlog=4096;"
            for a in self.addresses)
        conf = self.dir / "nginx.conf"
        conf.write_text(NGINX_CONF.format(dir=self.dir, name=self.name, listen=listen,
                                          files=self.files))
        with open(self.dir / "output", "wb") as output:
            self.process = self.lab.start(self.lab.backends, "nginx", "-c", conf, "-p", self.dir,
                                          "-e", self.dir / "error.log",
                                          stdout=output, stderr=output)
        wait_until(self._up, 10, f"nginx {self.name} answers")
        return self

    def stop(self):
        stop_process(self.process)

    def _up(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"nginx {self.name} ended: {(self.dir / 'output').read_text()}"
                               f"{(self.dir / 'error.log').read_text()}")
        return all(_answers(self.lab.backends, a, self.port) for a in self.addresses)


def start_redis(lab, addresses, port=6379):
    """A Redis without persistence on the given addresses, until the lab ends."""
    directory = lab.dir / "redis"
    directory.mkdir()
    with open(directory / "output", "wb") as output:
        process = lab.start(lab.backends, "redis-server", "--port", port, "--bind", *addresses,
                            "--save", "", "--appendonly", "no", "--protected-mode", "no",
                            "--daemonize", "no", "--dir", directory, stdout=output, stderr=output)

    def up():
        if process.poll() is not None:
            raise RuntimeError(f"redis ended: {(directory / 'output').read_text()}")
        return all(_answers(lab.backends, a, port) for a in addresses)

    wait_until(up, 10, "redis answers")
    return process
