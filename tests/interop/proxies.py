"""Lets our clients talk to our server through tinyproxy, microsocks and dante; see README.md."""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import main as conversations
from process import Process, Trouble, stop_all

OUTPUT = conversations.OUTPUT / "proxies"

PACKAGES = ["tinyproxy-bin", "microsocks", "dante-server", "libwrap0"]

TINYPROXY = """Port {port}
Listen 127.0.0.1
Timeout 60
MaxClients 50
LogLevel Critical
{more}
"""

DANTE = """logoutput: stderr
internal: 127.0.0.1 port = {port}
external: lo
clientmethod: none
socksmethod: none
user.privileged: {user}
user.unprivileged: {user}
client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks block {{ from: 0.0.0.0/0 to: 127.0.0.1/32 port = 1 }}
socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
"""

# The proxies: their names, how their URLs begin and end, and whether they want user and password.
PROXIES = {
    "tinyproxy": ("http://", False),
    "tinyproxy with a password": ("http://user:pass@", True),
    "microsocks": ("socks5h://", False),
    "microsocks with a password": ("socks5h://user:pass@", True),
    "microsocks, names resolved here": ("socks5://", False),
    "dante": ("socks5h://", False),
}

# What goes wrong: the proxy, what is put before its address, the server (`{}` is ours), what must be said.
REFUSALS = [
    ("tinyproxy with a password", "http://", "{}", "proxy answered 407"),
    ("tinyproxy with a password", "http://user:wrong@", "{}", "proxy answered 401"),
    ("tinyproxy", "http://", "127.0.0.1:1", "proxy answered 500"),
    ("microsocks", "http://", "{}", "the proxy's answer is no good: the peer sent no valid HTTP/1.1"),
    ("microsocks", "socks5h://", "127.0.0.1:1", "proxy answered: connection refused"),
    ("microsocks with a password", "socks5h://", "{}", "the proxy wants another authentication"),
    ("microsocks with a password", "socks5h://user:wrong@", "{}", "the proxy does not take the user and password"),
    ("dante", "socks5h://", "127.0.0.1:1", "proxy answered: connection not allowed by its rules"),
]

PATIENCE, STARTUP = 120, 30


def main():
    parser = argparse.ArgumentParser(prog="interop/proxies", description=__doc__)
    parser.add_argument("--no-build", action="store_true", help="use our programs as they were built before")
    options = parser.parse_args()
    for number in conversations.ENDED_BY:
        signal.signal(number, conversations.leave)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    failed = 0
    try:
        root = install()
        agent = conversations.build(options)
        if not options.no_build:
            command = ["cargo", "build", "--quiet", "--example", "client_proxy", "--features", "tokio"]
            if subprocess.run(command, cwd=conversations.ROOT).returncode:
                raise Trouble("the example client_proxy does not build")
        server = Process([agent, "server-tokio", "127.0.0.1:0"], OUTPUT / "server.log")
        address = server.wait_for(conversations.LISTENING, STARTUP, "the server").group(1)
        ports = {name: begin(name, root) for name in PROXIES}
        for name, (begins, _) in PROXIES.items():
            for adapter in conversations.ADAPTERS:
                failures = converse(name, adapter, agent, address, f"{begins}127.0.0.1:{ports[name]}")
                verdict = f"FAILED, {len(failures)} lines" if failures else "ok"
                print(f"client-{adapter}/{name}: {verdict}", *failures, sep="\n  ", flush=True)
                failed += bool(failures)
        for name, begins, target, expected in REFUSALS:
            said = refuse(Path(agent).parent / "client_proxy", target.format(address), f"{begins}127.0.0.1:{ports[name]}")
            verdict = "ok" if expected in said else f"FAILED: instead of {expected!r} was said {said!r}"
            print(f"refusal of {name}: {verdict}", flush=True)
            failed += expected not in said
    except Trouble as trouble:
        print(f"interop/proxies: {trouble}", file=sys.stderr)
        return conversations.NO_VERDICT
    finally:
        stop_all()
    return conversations.FAILURE if failed else conversations.SUCCESS


def converse(name, adapter, agent, address, proxy):
    """Holds the conversations through a proxy and returns what went wrong, a line each."""
    log = OUTPUT / f"client-{adapter}-{name.replace(' ', '-').replace(',', '')}.log"
    # A name that the proxy resolves, or our side.
    url = f"ws://{address.replace('127.0.0.1', 'localhost')}"
    client = Process(["env", f"INTEROP_PROXY={proxy}", agent, f"client-{adapter}", url], log)
    status = client.wait(PATIENCE, "the client")
    failures = conversations.judge(client.output().splitlines(), conversations.CONVERSATIONS, client)
    if status and not failures:
        failures.append(f"ended with status {status} {client.last_words()}")
    return failures


def refuse(client, target, proxy):
    """What a client says that is refused."""
    command = [str(client), f"ws://{target}/echo", proxy]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    return done.stderr.strip() if done.returncode else f"(it went well: {done.stdout.strip()})"


def begin(name, root):
    """Begins a proxy and returns its port."""
    port = free_port()
    kind, wants_password = name.replace(",", "").split()[0], PROXIES[name][1]
    slug = OUTPUT / name.replace(" ", "-").replace(",", "")
    config, log = slug.with_suffix(".conf"), slug.with_suffix(".log")
    if kind == "tinyproxy":
        config.write_text(TINYPROXY.format(port=port, more="BasicAuth user pass" if wants_password else ""))
        command = [root / "usr/bin/tinyproxy", "-d", "-c", config]
    elif kind == "microsocks":
        credentials = ["-u", "user", "-P", "pass"] if wants_password else []
        command = [root / "usr/bin/microsocks", "-i", "127.0.0.1", "-p", str(port), *credentials]
    else:
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        config.write_text(DANTE.format(port=port, user=user))
        libraries = ":".join(str(each.parent) for each in (root / "usr/lib").glob("*/libwrap.so.0"))
        command = ["env", f"LD_LIBRARY_PATH={libraries}", root / "usr/sbin/danted", "-f", config, "-p", slug.with_suffix(".pid")]
    proxy = Process([str(word) for word in command], log)
    until = time.monotonic() + STARTUP
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return port
        if proxy.status() is not None or time.monotonic() > until:
            raise Trouble(f"{name} does not listen {proxy.last_words()}")
        time.sleep(0.02)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def install(root=OUTPUT / "debian", packages=PACKAGES, files=("tinyproxy", "microsocks", "danted", "libwrap.so.0")):
    """The directory where Debian's packages are unpacked: nothing is installed and no service begins."""
    if all(any(root.rglob(name)) for name in files):
        return root
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Trouble("the proxies come as Debian's packages: apt-get and dpkg-deb are missing")
    print(f"unpacking Debian's {', '.join(packages)}, once", flush=True)
    root.mkdir(parents=True, exist_ok=True)
    fetch = ["apt-get", "download", "-qq", *packages]
    if subprocess.run(fetch, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, timeout=300).returncode:
        # The lists of packages may be missing or old.
        run(["apt-get", "update", "-qq", "-o", "DPkg::Lock::Timeout=300"], root)
        run(fetch, root)
    for package in root.glob("*.deb"):
        run(["dpkg-deb", "-x", str(package), str(root)], root)
        package.unlink()
    return root


def run(command, directory):
    done = subprocess.run(
        command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600
    )
    if done.returncode:
        said = done.stdout.decode(errors="replace").strip().splitlines()[-8:]
        raise Trouble("\n    | ".join([f"{' '.join(command)} failed", *said]))


if __name__ == "__main__":
    sys.exit(main())
