"""Puts nginx and HAProxy in front of our server and lets our client talk to it through them; see README.md."""

import argparse
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import main as conversations
import proxies
from process import Process, Trouble, stop_all

OUTPUT = conversations.OUTPUT / "frontends"

PACKAGES = ["nginx", "haproxy", "liblua5.3-0", "libopentracing1", "libopentracing-c-wrapper0", "libpcre2-8-0"]

# After how many seconds of silence the frontends end a connection: a minute by default, here less.
IDLE = 3

NGINX = """daemon off;
master_process off;
pid {place}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {place}/nginx-temp;
    proxy_temp_path {place}/nginx-temp;
    fastcgi_temp_path {place}/nginx-temp;
    uwsgi_temp_path {place}/nginx-temp;
    scgi_temp_path {place}/nginx-temp;
    map $http_upgrade $connection_upgrade {{
        default upgrade;
        "" close;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{backend};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_read_timeout {idle}s;
            proxy_send_timeout {idle}s;
        }}
    }}
}}
"""

HAPROXY = """global
    maxconn 256
    log stderr local0 warning
defaults
    mode http
    timeout connect 5s
    timeout client {idle}s
    timeout server {idle}s
    timeout tunnel {idle}s
frontend front
    bind 127.0.0.1:{port}
    default_backend back
backend back
    server ours 127.0.0.1:{backend}
"""

FRONTENDS = ["nginx", "haproxy"]

STARTUP, PATIENCE = 30, 60

AT_ONCE = 4


def main():
    parser = argparse.ArgumentParser(prog="interop/frontends", description=__doc__)
    parser.add_argument("--no-build", action="store_true", help="use our programs as they were built before")
    options = parser.parse_args()
    for number in conversations.ENDED_BY:
        signal.signal(number, conversations.leave)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "nginx-temp").mkdir(exist_ok=True)
    failed = 0
    try:
        root = proxies.install(OUTPUT / "debian", PACKAGES, ("nginx", "haproxy", "liblua5.3.so.0"))
        agent = conversations.build(options)
        if not options.no_build:
            command = ["cargo", "build", "--quiet", "--example", "liveness", "--features", "tokio"]
            if subprocess.run(command, cwd=conversations.ROOT).returncode:
                raise Trouble("the example liveness does not build")
        liveness = Path(agent).parent / "liveness"
        jobs = []
        for adapter in conversations.ADAPTERS:
            server = Process([agent, f"server-{adapter}", "127.0.0.1:0"], OUTPUT / f"server-{adapter}.log")
            for name in FRONTENDS:
                jobs.append((converse, name, root, adapter, agent, port_of(server)))
        jobs += [(check, name, root, str(liveness)) for check in (kept_alive, cut, large, unavailable) for name in FRONTENDS]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for (check, name, *words), failures in zip(jobs, pool.map(lambda job: job[0](*job[1:]), jobs)):
                who = f"{name}, {words[1]} adapter" if check is converse else name
                failed += tell(f"{who}: {check.__doc__}", failures)
    except Trouble as trouble:
        print(f"interop/frontends: {trouble}", file=sys.stderr)
        return conversations.NO_VERDICT
    finally:
        stop_all()
    return conversations.FAILURE if failed else conversations.SUCCESS


def tell(what, failures):
    print(f"{what} {'FAILED' if failures else 'ok'}", *failures, sep="\n  ", flush=True)
    return bool(failures)


def converse(name, root, adapter, agent, backend):
    """All conversations of `interop/run` pass through the frontend."""
    what = f"{name}-{adapter}"
    # A minute, as by default: some conversations are silent for a while.
    url = f"ws://127.0.0.1:{begin(name, root, what, backend, 60)}"
    client = Process([agent, f"client-{adapter}", url], OUTPUT / f"client-{what}.log")
    status = client.wait(conversations.PATIENCE, "the client")
    failures = conversations.judge(client.output().splitlines(), conversations.CONVERSATIONS, client)
    if status and not failures:
        failures.append(f"ended with status {status} {client.last_words()}")
    return failures


def large(name, root, liveness):
    """Frames of 8 MB pass in both directions."""
    client = visit(name, root, liveness, "large", ["ping=1"], "echo", "ping=1", "messages=4", "size=8000000")
    return missing(client, r"echoed 4\n(?:.*\n)*\S+ ended: closed by us with 1000")


def kept_alive(name, root, liveness):
    """Pings keep an idle connection for longer than the idle timeout, from either end."""
    failures = []
    for end, server, own in (("client", "ping=60", "ping=1"), ("server", "ping=1", "ping=60")):
        client = visit(name, root, liveness, f"kept-by-{end}", [server], "watch", own, waits=False)
        time.sleep(3 * IDLE)
        if client.status() is not None or "ended" in client.output():
            failures.append(f"by the {end}: it has ended {client.last_words()}")
        client.stop()
    return failures


def cut(name, root, liveness):
    """Without pings the idle timeout cuts the connection, and that is told as a loss."""
    client = visit(name, root, liveness, "cut", ["ping=60"], "watch", "ping=60")
    lost = r"ended: lost: the transport ended without a close frame"
    failures = [*missing(client, lost), *missing(client.server, lost)]
    took = re.search(r"^(\S+) ended", client.output(), re.M)
    if took and not IDLE - 0.5 <= float(took.group(1)) <= IDLE + 10:
        failures.append(f"after {took.group(1)} s")
    return failures


def unavailable(name, root, liveness):
    """A server that is not there is told with the frontend's status."""
    # Nobody listens on the port that is to be refused.
    url = f"ws://127.0.0.1:{begin(name, root, f'{name}-unavailable', 1, IDLE)}"
    client = Process([liveness, "watch", url], OUTPUT / f"client-{name}-unavailable.log")
    client.wait(PATIENCE, "the client")
    return missing(client, "502" if name == "nginx" else "503")


def visit(name, root, liveness, what, server, mode, *words, waits=True):
    """A client of a server of its own behind a frontend of its own."""
    serving = Process([liveness, "serve", "127.0.0.1:0", *server], OUTPUT / f"server-{name}-{what}.log")
    url = f"ws://127.0.0.1:{begin(name, root, f'{name}-{what}', port_of(serving), IDLE)}"
    client = Process([liveness, mode, url, *words], OUTPUT / f"client-{name}-{what}.log")
    client.server = serving
    client.wait_for(r"opened", STARTUP, "the client")
    if waits:
        client.wait(PATIENCE, "the client")
    return client


def missing(client, pattern):
    return [] if re.search(pattern, client.output()) else [f"no {pattern!r} {client.last_words()}"]


def port_of(server):
    return server.wait_for(conversations.LISTENING, STARTUP, "the server").group(1).rpartition(":")[2]


def begin(name, root, what, backend, idle):
    """Begins a frontend and returns its port."""
    port = proxies.free_port()
    config = OUTPUT / f"{what}.conf"
    template = NGINX if name == "nginx" else HAPROXY
    config.write_text(template.format(port=port, backend=backend, place=OUTPUT, idle=idle))
    libraries = ":".join(sorted({str(each.parent) for each in root.rglob("lib*.so.*")}))
    program = root / "usr" / "sbin" / name
    flags = ["-e", "stderr", "-p", OUTPUT, "-c", config] if name == "nginx" else ["-db", "-f", config]
    command = ["env", f"LD_LIBRARY_PATH={libraries}", program, *flags]
    frontend = Process([str(word) for word in command], OUTPUT / f"{what}.log")
    until = time.monotonic() + STARTUP
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return port
        if frontend.status() is not None or time.monotonic() > until:
            raise Trouble(f"{name} does not listen {frontend.last_words()}")
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
