"""nginx in front of a backend, as Debian ships it: one process, in the foreground, on a loopback port."""

import shutil
from pathlib import Path

from tests.support.processes import Process, free_port, listens, python_env

CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 16m;
  keepalive_requests 1000000;
  upstream backend {{ server 127.0.0.1:{backend}; keepalive 256; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_buffering off;
      proxy_request_buffering off;
    }}
  }}
}}
"""


def why_not() -> str:
    """Why nginx cannot be measured here; empty when it can."""
    return "" if _program() else "nginx is not installed (Debian: nginx-light)"


def start(folder: Path, backend: int) -> tuple[Process, int]:
    """nginx before the backend on a port; the process and its own port."""
    port, place = free_port(), folder / f"nginx-{backend}"
    place.mkdir()
    config = place / "nginx.conf"
    config.write_text(CONFIG.format(folder=place, backend=backend, port=port))
    command = [_program(), "-p", str(place), "-c", str(config), "-e", str(place / "start.log")]
    process = Process(command, place / "output.log", python_env({}))
    process.wait_until(lambda: listens(port))
    return process, port


def _program() -> str:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin") or ""
