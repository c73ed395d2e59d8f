"""Two network namespaces with a wire between them that does to packets what it is told.

Each end is a TUN device of its namespace; a thread here carries the packets. So it works where the kernel has no netem, and the
same seed loses the same packets.
"""

import ctypes
import fcntl
import heapq
import os
import random
import select
import shutil
import struct
import subprocess
import threading
import time

from process import Trouble

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
ADDRESSES = ("10.79.1.1", "10.79.1.2")


class NotAllowed(Exception):
    """This machine, or who runs this, may not make networks."""


class Wire:
    """The wire of a scenario. `ends` are the names of its namespaces; what is set may change at any time:

    `delay` and `jitter` in seconds, each way; `loss`, `reorder` and `duplicate` as shares of the packets; `rate` in bits a
    second, each way, behind a queue of `queue` bytes; `silent`, the set of directions (0 towards the second end, 1 back) in
    which everything is dropped.
    """

    def __init__(self, name, seed=1):
        self.delay = self.jitter = self.loss = self.reorder = self.duplicate = 0.0
        self.rate, self.queue, self.silent = None, 100_000, set()
        self.dropped = self.carried = 0
        self.ends = [f"hybi-{os.getpid()}-{name}-{end}" for end in "ab"]
        self.random = random.Random(seed)
        self.waiting, self.number = [], 0
        self.free_at = [0.0, 0.0]
        self.tuns, self.made = [], []
        self.stopping = threading.Event()
        self.thread = None

    def open(self):
        for own, other, end in zip(ADDRESSES, ADDRESSES[::-1], self.ends):
            ip("netns", "add", end)
            self.made.append(end)
            self.tuns.append(open_tun(end))
            inside = ("-n", end)
            ip(*inside, "address", "add", own, "peer", other, "dev", "wire")
            ip(*inside, "link", "set", "wire", "up", "mtu", "1400")
            ip(*inside, "link", "set", "lo", "up")
        self.thread = threading.Thread(target=self.carry, daemon=True)
        self.thread.start()

    def close(self):
        self.stopping.set()
        if self.thread:
            self.thread.join(5)
        for tun in self.tuns:
            os.close(tun)
        for end in self.made:
            subprocess.run(["ip", "netns", "delete", end], capture_output=True, timeout=20)

    def inside(self, end):
        """What a command begins with to run at an end."""
        return ["ip", "netns", "exec", self.ends[end]]

    def carry(self):
        while not self.stopping.is_set():
            now = time.monotonic()
            while self.waiting and self.waiting[0][0] <= now:
                _, _, towards, packet = heapq.heappop(self.waiting)
                self.deliver(towards, packet)
            wait = min(0.05, self.waiting[0][0] - now) if self.waiting else 0.05
            for tun in select.select(self.tuns, [], [], max(wait, 0))[0]:
                try:
                    self.take(self.tuns.index(tun), os.read(tun, 65536))
                except OSError:
                    pass

    def take(self, end, packet):
        if packet[0] >> 4 != 4:
            return  # what IPv6 says by itself
        now, draw = time.monotonic(), self.random.random
        if end in self.silent or draw() < self.loss:
            self.dropped += 1
            return
        due = now
        if self.rate:
            begin = max(now, self.free_at[end])
            if (begin - now) * self.rate / 8 > self.queue:
                self.dropped += 1
                return
            due = self.free_at[end] = begin + len(packet) * 8 / self.rate
        # Who is reordered overtakes all who wait.
        if not draw() < self.reorder:
            due += self.delay + self.jitter * (2 * draw() - 1)
        for _ in range(2 if draw() < self.duplicate else 1):
            self.number += 1
            heapq.heappush(self.waiting, (due, self.number, 1 - end, packet))

    def deliver(self, towards, packet):
        # A wire that falls silent loses what is on it.
        if 1 - towards in self.silent:
            self.dropped += 1
            return
        self.carried += 1
        try:
            os.write(self.tuns[towards], packet)
        except OSError:
            self.dropped += 1


def check():
    """Finds out whether a wire can be made here."""
    if os.geteuid() != 0:
        raise NotAllowed("network namespaces are root's to make")
    if not shutil.which("ip"):
        # Debian's; elsewhere it is there or has another name.
        install = ["apt-get", "install", "-y", "-qq", "-o", "DPkg::Lock::Timeout=300", "iproute2"]
        for command in (["apt-get", "update", "-qq", "-o", "DPkg::Lock::Timeout=300"], install):
            if not shutil.which("apt-get") or subprocess.run(command, capture_output=True, timeout=600).returncode:
                raise Trouble("`ip` is missing: install iproute2")
    wire = Wire("probe")
    try:
        wire.open()
    except (OSError, Trouble) as error:
        raise NotAllowed(f"no TUN device in a network namespace can be made: {error}") from None
    finally:
        wire.close()


def open_tun(namespace):
    """A TUN device of a namespace: its file serves from wherever."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(path):
        with open(path) as file:
            if libc.setns(file.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"cannot enter {path}")

    home = f"/proc/self/task/{threading.get_native_id()}/ns/net"
    with open(home) as own:
        enter(f"/run/netns/{namespace}")
        try:
            tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", b"wire", IFF_TUN | IFF_NO_PI))
            except OSError:
                os.close(tun)
                raise
        finally:
            if libc.setns(own.fileno(), CLONE_NEWNET):
                os._exit(2)  # nothing else may run in the wrong network
    return tun


def ip(*words):
    done = subprocess.run(["ip", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    if done.returncode:
        raise Trouble(f"`ip {' '.join(words)}` failed: {done.stderr.strip()}")
