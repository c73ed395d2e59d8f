"""Lets the library talk over TLS to OpenSSL, nginx and Python's websockets, in both roles and by both adapters; see README.md."""

import argparse
import base64
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import peers
from process import RUNNING, Process, Trouble

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUTPUT = ROOT / "target" / "interop-tls"
ADAPTERS = ["tokio", "blocking"]
VERSIONS = {"1.2": "-tls1_2", "1.3": "-tls1_3"}

# In seconds, on a busy machine.
STARTUP, PATIENCE = 30, 60

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def main():
    parser = argparse.ArgumentParser(prog="interop/tls", description=__doc__)
    parser.add_argument("--no-build", action="store_true", help="use our program as it was built before")
    options = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    try:
        for program in ("openssl", "nginx"):
            provide(program)
        ours, python = build(options), peers.install_python(OUTPUT / "python")
        files = certificates()
    except Trouble as trouble:
        print(f"interop/tls: {trouble}", file=sys.stderr)
        return 2
    failed = 0
    for adapter in ADAPTERS:
        for name, conversation in conversations(ours, python, files, adapter):
            began = time.monotonic()
            try:
                conversation()
                verdict = "ok"
            except Trouble as trouble:
                verdict, failed = f"FAILED: {trouble}", failed + 1
            finally:
                for each in RUNNING[::-1]:
                    each.stop()
            print(f"{adapter}: {name}: {verdict}, {time.monotonic() - began:.1f} s", flush=True)
    return 1 if failed else 0


def conversations(ours, python, files, adapter):
    """Names and what is to be done, each of which raises Trouble if it goes wrong."""
    end = Ends(ours, files, adapter)
    for version in VERSIONS:
        yield f"server, OpenSSL's client, TLS {version}", lambda version=version: end.s_client(version)
        yield f"client, OpenSSL's server, TLS {version}", lambda version=version: end.s_server(version)
    yield "server that asks for a certificate, OpenSSL's client with one", lambda: end.s_client("1.3", files["client"])
    yield "server that asks for a certificate, OpenSSL's client without", lambda: end.s_client_refused()
    yield "client with a certificate, OpenSSL's server that asks for one", lambda: end.s_server("1.3", files["client"])
    yield "server, OpenSSL's client that only speaks h2", lambda: end.s_client_h2()
    yield "server behind nginx, client", lambda: end.nginx(False)
    yield "server with TLS of its own behind nginx, client", lambda: end.nginx(True)
    yield "server, Python's websockets", lambda: end.websockets_client(python)
    yield "client, Python's websockets", lambda: end.websockets_server(python)


class Ends:
    """Our ends, by one adapter, and how they are brought together with others."""

    def __init__(self, ours, files, adapter):
        self.ours, self.files, self.adapter = ours, files, adapter

    def serve(self, *files):
        server = Process([self.ours, f"server-{self.adapter}", *files], OUTPUT / "server.log")
        return server, server.wait_for(r"listening on (\S+)\n", STARTUP, "our server").group(1)

    def ends_cleanly(self, server):
        server.wait_for(r"ended cleanly\n", PATIENCE, "our server")

    def talk(self, address, version=None, own=()):
        client = Process([self.ours, f"client-{self.adapter}", address, "localhost", self.files["root"], *own], OUTPUT / "client.log")
        if client.wait(PATIENCE, "our client"):
            raise Trouble(f"our client failed {client.last_words()}")
        said = client.output()
        if not re.search(r"^done .*" + ("TLSv" + version.replace(".", "_") if version else ""), said, re.M):
            raise Trouble(f"our client said {said!r}")

    def s_client(self, version, own=None):
        roots = [self.files["root"]] if own else []
        server, address = self.serve(*self.files["server"], *roots)
        said, _ = self.run_s_client(address, [VERSIONS[version], "-alpn", "http/1.1", *(["-cert", own[0], "-key", own[1]] if own else [])])
        accept = base64.b64encode(hashlib.sha1((KEY + MAGIC).encode()).digest())
        for wanted in (b"HTTP/1.1 101 ", accept, b"\x81\x05Hello", b"\x88\x02\x03\xe8"):
            if wanted not in said:
                raise Trouble(f"OpenSSL's client did not get {wanted!r} but {said!r}")
        self.ends_cleanly(server)

    def s_client_refused(self):
        server, address = self.serve(*self.files["server"], self.files["root"])
        said, errors = self.run_s_client(address, ["-tls1_3"])
        if b"101" in said or b"certificate required" not in errors:
            raise Trouble(f"OpenSSL's client without a certificate was told {said!r} {errors!r}")
        server.wait_for(r"ended: .*peer sent no certificates", PATIENCE, "our server")

    def s_client_h2(self):
        server, address = self.serve(*self.files["server"])
        said, errors = self.run_s_client(address, ["-alpn", "h2"])
        if b"101" in said or b"no application protocol" not in errors:
            raise Trouble(f"OpenSSL's client for h2 was told {said!r} {errors!r}")
        server.wait_for(r"ended: .*any known protocol", PATIENCE, "our server")

    def run_s_client(self, address, options):
        request = f"GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        request += f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        words = request.encode() + frame(0x81, b"Hello") + frame(0x88, b"\x03\xe8")
        command = ["openssl", "s_client", "-quiet", "-ign_eof", "-connect", address, "-servername", "localhost"]
        command += ["-CAfile", self.files["root"], "-verify_return_error", *options]
        try:
            done = subprocess.run(command, input=words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise Trouble(f"OpenSSL's client did not end within {PATIENCE} s") from None
        return done.stdout, done.stderr

    def s_server(self, version, own=None):
        port, (certificate, key) = free_port(), self.files["server"]
        command = ["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-cert", certificate, "-key", key]
        command += [VERSIONS[version], "-alpn", "http/1.1", "-naccept", "1"]
        if own:
            command += ["-Verify", "1", "-verify_return_error", "-CAfile", self.files["root"]]
        log = open(OUTPUT / "s_server.log", "wb")
        # Its standard input and output are the plaintext, so it is not one of `Process`.
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        try:
            wait_for_listener(port, server)
            client = Process(
                [self.ours, f"client-{self.adapter}", f"127.0.0.1:{port}", "localhost", self.files["root"], *(own or [])],
                OUTPUT / "client.log",
            )
            serve_by_hand(server)
            if client.wait(PATIENCE, "our client"):
                raise Trouble(f"our client failed {client.last_words()}")
        finally:
            server.kill()
            server.wait()
            log.close()

    def nginx(self, encrypted):
        server, address = self.serve(*(self.files["server"] if encrypted else []))
        port, place = free_port(), OUTPUT / "nginx"
        place.mkdir(exist_ok=True)
        certificate, key = self.files["server"]
        upstream = f"https://{address}; proxy_ssl_verify on; proxy_ssl_name localhost; proxy_ssl_server_name on; " if encrypted else f"http://{address}; "
        upstream += f"proxy_ssl_trusted_certificate {self.files['root']}" if encrypted else "proxy_ssl_verify off"
        temp = "".join(f"{name}_temp_path {place}/{name}; " for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (place / "nginx.conf").write_text(
            f"""daemon off; master_process off; pid {place}/pid; error_log {place}/error.log;
            events {{ }}
            http {{ access_log off; {temp}
              server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {key};
                location / {{ proxy_pass {upstream}; proxy_http_version 1.1; proxy_set_header Host $http_host;
                  proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }} }}
              map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }} }}"""
        )
        proxy = Process(["nginx", "-p", str(place), "-c", str(place / "nginx.conf"), "-e", str(place / "error.log")], OUTPUT / "nginx.log")
        wait_for_listener(port, proxy.child)
        self.talk(f"127.0.0.1:{port}")
        self.ends_cleanly(server)

    def websockets_client(self, python):
        server, address = self.serve(*self.files["server"])
        program = f"""
import ssl
from websockets.sync.client import connect
context = ssl.create_default_context(cafile={self.files["root"]!r})
with connect("wss://localhost:{address.rsplit(":", 1)[1]}/echo", ssl=context) as ws:
    for message in ("Hello", "", bytes(300_000), "h\\u00e9"):
        ws.send(message)
        assert ws.recv() == message
    print("agreed", ws.socket.version(), ws.socket.selected_alpn_protocol())
"""
        client = Process([*python, "-c", program], OUTPUT / "websockets.log")
        if client.wait(PATIENCE, "websockets"):
            raise Trouble(f"websockets failed {client.last_words()}")
        self.ends_cleanly(server)

    def websockets_server(self, python):
        certificate, key = self.files["server"]
        program = f"""
import ssl
from websockets.sync.server import serve
def echo(ws):
    for message in ws:
        ws.send(message)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain({certificate!r}, {key!r})
with serve(echo, "127.0.0.1", 0, ssl=context) as server:
    print("listening on {{}}:{{}}".format(*server.socket.getsockname()), flush=True)
    server.serve_forever()
"""
        server = Process([*python, "-c", program], OUTPUT / "websockets.log")
        self.talk(server.wait_for(r"listening on (\S+)\n", STARTUP, "websockets").group(1), "1.3")


def frame(first, payload, key=b"\x37\xfa\x21\x3d"):
    """A masked frame of up to 125 bytes."""
    return bytes([first, 0x80 | len(payload)]) + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


def serve_by_hand(server):
    """An echo server of our own, behind OpenSSL's."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = server.stdout.read(1)
        if not byte:
            raise Trouble(f"OpenSSL's server ended after {head!r}")
        head += byte
    key = re.search(rb"Sec-WebSocket-Key: (\S+)", head, re.I).group(1).decode()
    accept = base64.b64encode(hashlib.sha1((key + MAGIC).encode()).digest()).decode()
    answer = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    server.stdin.write(answer.encode())
    server.stdin.flush()
    while True:
        first, second = exactly(server, 2)
        length = second & 0x7F
        if length > 125:
            length = int.from_bytes(exactly(server, 2 if length == 126 else 8), "big")
        key, payload = exactly(server, 4), exactly(server, length)
        payload = (int.from_bytes(payload, "big") ^ int.from_bytes((key * (length // 4 + 1))[:length], "big")).to_bytes(length, "big")
        extended = (b"" if length < 126 else length.to_bytes(2 if length < 65536 else 8, "big"))
        server.stdin.write(bytes([first, length if length < 126 else 126 if length < 65536 else 127]) + extended + payload)
        server.stdin.flush()
        if first == 0x88:
            # The end of its input is the end of the connection.
            server.stdin.close()
            return


def exactly(server, count):
    got = server.stdout.read(count)
    if len(got) < count:
        raise Trouble("OpenSSL's server ended in the middle of a frame")
    return got


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_listener(port, child):
    """Waits until somebody listens, without a connection: OpenSSL's server takes a single one."""
    wanted = f"0100007F:{port:04X}"
    until = time.monotonic() + STARTUP
    while time.monotonic() < until:
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1] == wanted and fields[3] == "0A":
                return
        if child.poll() is not None:
            raise Trouble(f"{child.args[0]} ended with status {child.returncode}; its logs are in {OUTPUT}")
        time.sleep(0.02)
    raise Trouble(f"{child.args[0]} does not listen")


def certificates():
    """The PEM files: an authority's, a server's and a client's with their keys."""
    place = OUTPUT / "certificates"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9"]

    def openssl(*arguments):
        peers.run(["openssl", *map(str, arguments)], "openssl made no certificate")

    root, root_key = place / "root.pem", place / "root.key"
    openssl("req", "-x509", *ec, "-subj", "/CN=interop", "-out", root, "-keyout", root_key)
    files = {"root": str(root)}
    for name, alternative in (("server", "DNS:localhost"), ("client", "DNS:client")):
        request, certificate, key, more = (place / f"{name}.{suffix}" for suffix in ("csr", "pem", "key", "ext"))
        more.write_text(f"subjectAltName={alternative}\nbasicConstraints=critical,CA:FALSE\n")
        openssl("req", *ec[:-2], "-subj", f"/CN={name}", "-out", request, "-keyout", key)
        signed = ["x509", "-req", "-in", request, "-CA", root, "-CAkey", root_key, "-CAcreateserial", "-days", "9"]
        openssl(*signed, "-extfile", more, "-out", certificate)
        files[name] = [str(certificate), str(key)]
    return files


def provide(program):
    """Installs a program of Debian's if there is none."""
    if shutil.which(program):
        return
    if not shutil.which("apt-get") or os.geteuid():
        raise Trouble(f"{program} is missing: install it, or run this as root on Debian")
    print(f"installing Debian's {program}, once", flush=True)
    wait = ["-o", "DPkg::Lock::Timeout=300"]
    peers.run(["apt-get", *wait, "update", "-qq"], "apt-get update failed")
    install = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *wait, "install", "-y", "-qq", "--no-install-recommends"]
    peers.run([*install, program], f"apt-get could not install {program}")


def build(options):
    """The path of our program."""
    target = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target")
    if not options.no_build:
        command = ["cargo", "build", "--quiet", "--example", "interop_tls", "--features", "tokio,tls-ring"]
        if subprocess.run(command, cwd=ROOT).returncode:
            raise Trouble("our program does not build")
    binary = target / "debug" / "examples" / "interop_tls"
    if not binary.exists():
        raise Trouble(f"there is no {binary}; run without --no-build")
    return str(binary)


if __name__ == "__main__":
    sys.exit(main())
