"""Chromium: found or installed, and led to the page of our server, which tells us what the page found."""

import os
import shutil
import subprocess

from process import Trouble

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]

# No window, no network of its own, nothing left from another run.
FLAGS = [
    *["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run"],
    *["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server"],
]


def find():
    """The path of a browser that is installed, or none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def install():
    """The path of a browser, installed by Debian's package manager if there is none."""
    if not find():
        advice = "install Chromium, or run this as root on Debian"
        if not shutil.which("apt-get") or os.geteuid():
            raise Trouble(f"there is no browser: {advice}")
        print("installing Debian's chromium, once", flush=True)
        for step in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
            env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            command = ["apt-get", *step]
            try:
                done = subprocess.run(
                    command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600
                )
            except subprocess.TimeoutExpired:
                raise Trouble(f"{' '.join(command)} did not end within 600 s: {advice}") from None
            if done.returncode:
                said = done.stdout.decode(errors="replace").strip().splitlines()[-8:]
                raise Trouble("\n    | ".join([f"{' '.join(command)} failed: {advice}", *said]))
    path = find()
    if not path:
        raise Trouble(f"apt-get installed chromium, and it is not there: PATH={os.environ.get('PATH')}")
    return path


def command(path, address, cases, profile):
    """Opens the page. Its profile is made anew."""
    shutil.rmtree(profile, ignore_errors=True)
    return [path, *FLAGS, f"--user-data-dir={profile}", f"http://{address}/page#{';'.join(cases)}"]
