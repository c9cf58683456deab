"""Event streams: many that are idle, one that many follow, and readers that do not read.

One server at a time; prints one JSON object. The server under test publishes what the model says that
this program plays; the peer what this program posts. Both say in each event when they had it. The idle
streams are spread over some sessions, or channels, and stay open to the end: all else happens beside them."""

import argparse
import asyncio
import datetime
import functools
import itertools
import json
import re
import socket
import time
from wire import Connection, Reader, cpu_seconds, memory_bytes, quantile

OURS_AT = re.compile(rb'"sequence":(\d+),"at":"([^"]+)"')
PEER_AT = re.compile(rb'"number": (\d+), "at": ([0-9.]+)')


class Ours:
    """A session whose model says a word whenever this program wants it to."""

    def __init__(self, options):
        self.options, self.words = options, asyncio.Queue()
        self.agent = "00000000-0000-7000-9000-000000000001"
        self.cookie = "resonant_sign_in=" + "A" * 43

    async def begin(self):
        self.model = await asyncio.start_server(self._model, "127.0.0.1", self.options.model_port)
        connection = Connection(self.options.port, self.cookie)
        later = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30)).isoformat()
        self.idle = [
            await self._session(connection, {"goal": "Wait", "run_at": later}) for _ in range(self.options.sessions)
        ]
        # Long enough for all that is told.
        limits = {"timeout_seconds": 1_200, "max_tokens": 200_000}
        self.busy = await self._session(connection, {"goal": "Tell", "limits": limits})
        await connection.close()

    async def _session(self, connection, body):
        status, answer = await connection.ask("POST", f"/api/v1/agents/{self.agent}/execute", body)
        assert status == 202, answer
        return json.loads(answer)["id"]

    def idle_path(self, number):
        return f"/api/v1/sessions/{self.idle[number % len(self.idle)]}/stream"

    def busy_path(self):
        return f"/api/v1/sessions/{self.busy}/stream"

    @staticmethod
    @functools.lru_cache
    def read(data):
        """The events in it. What a thousand viewers get alike is read once."""
        found = OURS_AT.findall(data)
        return [(int(number), datetime.datetime.fromisoformat(at.decode()).timestamp()) for number, at in found]

    async def publish(self, number):
        await self.words.put(f"word{number} " + "x" * 20 + " ")

    async def end(self):
        await self.words.put(None)
        self.model.close()

    async def _model(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        await reader.readexactly(int(length[1]) if length else 0)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")

        def chunk(delta, finish=None):
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            writer.write(b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n")

        while (word := await self.words.get()) is not None:
            chunk({"content": word})
            await writer.drain()
        chunk({}, "stop")
        writer.write(b"data: [DONE]\n\n")
        await writer.drain()
        writer.close()

    async def readers(self):
        status, text = await Connection(self.options.port).ask(
            "GET", "/metrics", headers=f"authorization: Bearer {self.options.metrics_token}\r\n"
        )
        assert status == 200, text
        return int(float(re.search(rb"^resonant_sse_subscribers (\S+)", text, re.M)[1]))


class Peer:
    """A channel that this program posts to."""

    cookie = ""

    def __init__(self, options):
        self.options = options

    async def begin(self):
        self.connection = Connection(self.options.port)

    def idle_path(self, number):
        return f"/follow/idle{number % self.options.sessions}"

    def busy_path(self):
        return "/follow/busy"

    @staticmethod
    @functools.lru_cache
    def read(data):
        return [(int(number), float(at)) for number, at in PEER_AT.findall(data)]

    async def publish(self, number):
        await self.connection.ask("POST", "/publish/busy", {"text": "x" * 20, "number": number})

    async def end(self):
        await self.connection.close()

    async def readers(self):
        return None


async def open_all(side, paths, on_data):
    gate = asyncio.Semaphore(side.options.at_once)

    async def one(path):
        async with gate:
            return await Reader.follow(side.options.port, path, side.cookie, on_data)

    return await asyncio.gather(*(one(path) for path in paths))


class Tally:
    """How late the last of all readers had each event."""

    def __init__(self):
        self.late, self.delivered, self.numbers = {}, 0, itertools.count()

    def hear(self, events, arrived):
        for number, at in events:
            self.delivered += 1
            self.late[number] = max(self.late.get(number, 0.0), arrived - at)


async def tell(side, tally, options):
    """Publishes at an even pace. Answers how late the last reader had each event, CPU for each delivery, and how
    many there were."""
    cpu, before = cpu_seconds(options.pid), tally.delivered
    for _ in range(options.events):
        await side.publish(next(tally.numbers))
        await asyncio.sleep(1 / options.rate)
    await asyncio.sleep(2)
    late, tally.late = list(tally.late.values()), {}
    count = tally.delivered - before
    return late, (cpu_seconds(options.pid) - cpu) * 1e6 / max(count, 1), count


def p99_ms(late):
    return quantile(late, 0.99) * 1e3


def small_socket(port):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    return sock


async def main(options):
    side = (Peer if options.peer else Ours)(options)
    await side.begin()
    before = memory_bytes(options.pid)
    idle = await open_all(side, [side.idle_path(number) for number in range(options.idle)], lambda *_: None)
    await asyncio.sleep(2)
    per_stream = (memory_bytes(options.pid) - before) / max(options.idle, 1)

    tally = Tally()
    paths = [side.busy_path()] * options.viewers
    viewers = await open_all(side, paths, lambda data, arrived: tally.hear(side.read(data), arrived))
    # The first of all opens what the next ones use.
    await side.publish(next(tally.numbers))
    await asyncio.sleep(1)
    tally.late.clear()
    late, cpu_us, count = await tell(side, tally, options)

    told = {"memory": per_stream, "p99_ms": p99_ms(late), "cpu_us": cpu_us, "delivered": count}
    if options.slow:
        # In turns, as the second latest of two hundred events alone says little.
        beside, evicted = [], []
        for _ in range(options.turns):
            slow, after = await beside_slow(side, tally, options)
            beside += slow
            evicted += after
            late += (await tell(side, tally, options))[0]
        told |= {"quiet_p99_ms": p99_ms(late), "slow_p99_ms": p99_ms(beside)}
        told |= {"evicted_s": max(evicted)} if evicted else {}
    lost = sum(reader.lost.done() for reader in [*idle, *viewers])
    await side.end()
    print(json.dumps(told | {"idle": len(idle), "lost": lost}))


async def beside_slow(side, tally, options):
    """The same beside readers that read nothing, until the server has let go of them: after how long, where it
    tells how many it has."""
    loop = asyncio.get_running_loop()
    known = await side.readers()
    stuck = []
    for _ in range(options.slow):
        sock = small_socket(options.port)
        await loop.sock_connect(sock, ("127.0.0.1", options.port))
        head = f"GET {side.busy_path()} HTTP/1.1\r\nhost: x\r\ncookie: {side.cookie}\r\n\r\n"
        await loop.sock_sendall(sock, head.encode())
        stuck.append(sock)
    began, evicted = time.monotonic(), []
    late, _, _ = await tell(side, tally, options)
    if known is not None:
        while await side.readers() > known and time.monotonic() - began < 90:
            await side.publish(next(tally.numbers))
            await asyncio.sleep(0.5)
        evicted.append(time.monotonic() - began)
    for sock in stuck:
        sock.close()
    # What is said to them while they go is no part of what follows.
    await asyncio.sleep(1)
    tally.late.clear()
    return late, evicted


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--model-port", type=int)
    parser.add_argument("--metrics-token", default="")
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--sessions", type=int, default=20, help="over which the idle streams are spread")
    parser.add_argument("--at-once", type=int, default=200, help="readers that are opened at the same time")
    parser.add_argument("--viewers", type=int, default=1_000)
    parser.add_argument("--slow", type=int, default=50)
    parser.add_argument("--turns", type=int, default=3, help="with and without those that read nothing")
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--rate", type=float, default=10)
    asyncio.run(main(parser.parse_args()))
