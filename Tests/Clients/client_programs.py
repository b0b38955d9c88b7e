"""`ab` and `nginx`, as scripts/client-programs.sh unpacks them."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

START_SECONDS = 30


def program(name: str) -> str:
    """Where a program is; a failure that says how to get it where it is not."""
    cache = Path(os.environ.get("RESA_CACHE") or Path.home() / ".cache" / "resa")
    found = cache / "client-programs" / name
    if path := str(found) if found.exists() else shutil.which(name):
        return path
    pytest.fail(f"{name} is not there: run scripts/client-programs.sh")


class Nginx:
    """nginx on a free port of the loopback, before one server.

    `/` passes requests on over connections that it keeps, and answers as they come; `/plain` is nginx as it comes: HTTP/1.0 towards the server, a
    connection a request, answers held in its buffers.
    """

    CONFIGURATION = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream resa {{ server 127.0.0.1:{server}; keepalive 2; }}
  server {{
    listen 127.0.0.1:{port};
    client_max_body_size 64m;
    location / {{ proxy_pass http://resa; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_buffering off; }}
    location /plain/ {{ proxy_pass http://127.0.0.1:{server}/; proxy_set_header Host $http_host; }}
  }}
}}
"""

    def __init__(self, server, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url, self.log = f"http://127.0.0.1:{self.port}", folder / "error.log"
        configuration = folder / "nginx.conf"
        configuration.write_text(self.CONFIGURATION.format(folder=folder, port=self.port, server=server.port))
        command = [program("nginx"), "-p", str(folder), "-e", str(self.log), "-c", str(configuration)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"nginx did not start: {self.log.read_text() if self.log.exists() else self.process.poll()}") from None
                time.sleep(0.05)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(600)
