"""The other implementations: how each is installed, once, and started.

Another one is a line in `PEERS`, its version in `requirements.txt` or `package.json`, and a directory with `client` and
`server`, or one of them, beside `python-websockets`.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import browser
from process import Trouble

HERE = Path(__file__).resolve().parent


# What takes nothing of a server but to echo.
SENT_BY_US = {"fragments sent", "ping sent"}


class Peer:
    """`leaves_out` are conversations that its interface has no means for, `serves_not` more of them for a server.

    Both are told from the client's side, which is ours where the peer serves.
    """

    def __init__(self, platform, directory, leaves_out=(), serves_not=()):
        self.platform, self.directory = platform, HERE / directory
        self.leaves_out = {"client": {*leaves_out}, "server": {*leaves_out, *serves_not} - SENT_BY_US}

    def script(self, role):
        return self.directory / (role + SUFFIXES[self.platform])

    def can_be(self, role):
        return self.script(role).exists()


SUFFIXES = {"python": ".py", "node": ".js", "browser": ".html"}

# The standard's WebSocket sends neither pings nor fragments nor headers, and takes messages of any size.
STANDARD = ["fragments sent", "ping sent", "headers", "loss sent", "close sent 1001", "violation received size"]
STANDARD += [f"violation sent {name}" for name in ("opcode", "mask", "close", "utf8", "size")]

# aiohttp has no Close frame without a code, and its ends of the rest are out of reach.
AIOHTTP = [each for each in STANDARD if each not in ("headers", "close sent 1001")]
AIOHTTP += ["close sent empty", "close received empty", "loss received"]
AIOHTTP += [f"violation received {name}" for name in ("opcode", "mask", "close", "utf8")]

PEERS = {
    "websockets": Peer("python", "python-websockets"),
    "ws": Peer("node", "node-ws"),
    # As a server it sends no fragments either, and its pings are not answered to it.
    "aiohttp": Peer("python", "python-aiohttp", AIOHTTP, ["fragments received", "ping received"]),
    "undici": Peer("node", "node-undici", STANDARD),
    "chromium": Peer("browser", "chromium", STANDARD),
}


def install(output, names):
    """The command of each peer and role, `(name, role)`, after its platform's packages were installed under `output`."""
    platforms = {PEERS[name].platform for name in names}
    prefixes = {}
    with open(output / "lock", "w") as lock:
        # Of two runs in one checkout the second waits until the first has installed.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if "python" in platforms:
            prefixes["python"] = install_python(output / "python")
        if "node" in platforms:
            prefixes["node"] = install_node(output / "node")
        if "browser" in platforms:
            prefixes["browser"] = [browser.install()]
    return {
        (name, role): [*prefixes[PEERS[name].platform], str(PEERS[name].script(role))]
        for name in names
        for role in ("server", "client")
        if PEERS[name].can_be(role)
    }


def install_python(place):
    python = place / "bin" / "python"
    listed = HERE / "requirements.txt"

    def fresh():
        run([sys.executable, "-m", "venv", place], "python3 has no venv module that works (python3-venv?)")
        pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--requirement", listed]
        run(pip, f"pip could not install what {listed} lists")

    once(place, listed, sys.version, fresh)
    # What peers on Python have in common they find by this.
    return [shutil.which("env"), f"PYTHONPATH={HERE / 'shared'}", str(python), "-B"]


def install_node(place):
    for tool in ("node", "npm"):
        if not shutil.which(tool):
            raise Trouble(f"{tool} is missing: the peers that run on Node.js (20.18.1 or later) need it")
    listed = HERE / "package.json"

    def fresh():
        place.mkdir()
        shutil.copy(listed, place)
        flags = ["--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        run(["npm", "install", *flags], f"npm could not install what {listed} lists", cwd=place)

    once(place, listed, "", fresh)
    # Scripts outside of `place` find its packages by this.
    return [shutil.which("env"), f"NODE_PATH={place / 'node_modules'}", shutil.which("node")]


def once(place, listed, version, fresh):
    """Installs into `place`, unless just this was done before: the stamp is written when all else is complete."""
    stamp, wanted = place / "installed", hashlib.sha256(listed.read_bytes() + version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"installing what {listed.name} lists, once", flush=True)
    shutil.rmtree(place, ignore_errors=True)
    fresh()
    stamp.write_text(wanted)


def run(command, complaint, cwd=None):
    """A step of an installation: nothing of the caller's settings for Python, no input, five minutes."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON") and name != "NODE_PATH"}
    try:
        done = subprocess.run(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300
        )
    except subprocess.TimeoutExpired:
        raise Trouble(f"{complaint}: it did not end within 300 s") from None
    if done.returncode:
        said = done.stdout.decode(errors="replace").strip().splitlines()[-8:]
        raise Trouble("\n    | ".join([complaint, *said]))
