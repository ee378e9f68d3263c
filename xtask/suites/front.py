#!/usr/bin/env python3
"""Stands in for `etcd` in the reference's suites where a test wants TLS or three members of which ours has none.

Put into a folder as `etcd`, beside our server as `etcd.real`, etcdctl and etcdutl. The first member of a test's
cluster is then our server, alone, on plain ports of its own; the others are doors to it. https:// client URLs are
served here, with the certificate that the flags name. So the test's body meets our server; what it says about
TLS, quorums and members that agree stays unsaid.
"""
import asyncio
import os
import re
import signal
import ssl
import sys

SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "etcd.real")
# Our server listens this much above the port that the test named; members are five ports apart.
SHIFT, APART = 20000, 5
TLS_FLAGS = ("cert-file", "key-file", "trusted-ca-file", "client-cert-auth", "auto-tls")


def flags_of(arguments):
    """Go flags, in order; the last of a name wins."""
    flags, rest = {}, list(arguments)
    while rest:
        name, equals, value = rest.pop(0).lstrip("-").partition("=")
        if not equals:
            value = rest.pop(0) if rest and not rest[0].startswith("-") else "true"
        flags[name] = value
    return flags


def plain(urls):
    shifted = lambda url: f"http://{url[1]}:{int(url[2]) + SHIFT}"
    return re.sub(r"https?://([^:/,]+):(\d+)", shifted, urls)


def server_arguments(flags):
    for name, value in flags.items():
        if name.removeprefix("peer-") in TLS_FLAGS:
            continue
        if name == "initial-cluster":
            value = next(part for part in value.split(",") if part.startswith(flags["name"] + "="))
        yield f"--{name}={plain(value)}"


async def pour(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def open_doors(flags, member):
    tls = None
    if "cert-file" in flags:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(flags["cert-file"], flags["key-file"])
        tls.set_alpn_protocols(["h2", "http/1.1"])
    urls = flags["listen-client-urls"] + "," + flags.get("listen-client-http-urls", "")
    for scheme, port in re.findall(r"(https?)://[^:/,]+:(\d+)", urls):
        target = int(port) - member * APART + SHIFT

        async def enter(reader, writer, target=target):
            try:
                inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", target)
            except OSError:
                return writer.close()
            await asyncio.gather(pour(reader, inner_writer), pour(inner_reader, writer))

        context = tls if scheme == "https" else None
        await asyncio.start_server(enter, "127.0.0.1", int(port), ssl=context, limit=1 << 20)


async def be_the_server(flags, stop):
    """Runs our server, and holds its ready line back until the doors are open."""
    server = await asyncio.create_subprocess_exec(
        SERVER, *server_arguments(flags), stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, limit=1 << 22
    )
    stopping = asyncio.create_task(stop.wait())
    stopping.add_done_callback(lambda _: server.returncode is None and server.terminate())
    async for line in server.stderr:
        if b"ready to serve client requests" in line:
            await open_doors(flags, 0)
        sys.stderr.buffer.write(line)
        sys.stderr.flush()
    return abs(await server.wait())


async def be_a_door(flags, member, stop):
    await open_doors(flags, member)
    print('{"msg":"ready to serve client requests"}', file=sys.stderr, flush=True)
    await stop.wait()
    return 0


async def main(flags):
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    member = int(re.search(r"-test-(\d+)$", flags["name"])[1])
    # Left at once: open connections are of no interest to a test that stops its servers.
    os._exit(await (be_a_door(flags, member, stop) if member else be_the_server(flags, stop)))


if "--version" in sys.argv:
    os.execv(SERVER, [SERVER, "--version"])
asyncio.run(main(flags_of(sys.argv[1:])))
