"""Mixed load for a while: pages, the interface, sessions, streams. Prints one JSON object: how memory
went, what failed, and what the server's own figures say beside what was seen from here."""

import argparse
import asyncio
import json
import random
import re
import time
from wire import Connection, Reader, memory_bytes, quantile

COOKIE = "resonant_sign_in=" + "A" * 43
PAGES = ["/", "/marketplace", "/studio", "/sessions"]
AGENTS = [f"00000000-0000-7000-9000-{number:012x}" for number in range(1, 11)]


class Seen:
    """What came of the requests."""

    def __init__(self):
        self.took_ms, self.count, self.pages, self.ended = [], 0, 0, 0
        self.faults = []

    def fault(self, what):
        self.faults.append(str(what)[:200])


async def ask(seen, connection, method, path, body=None, wanted=(200,)):
    """One request of the interface, as the server's `api.latency` counts them."""
    began = time.perf_counter()
    try:
        status, answer = await connection.ask(method, path, body)
    except (OSError, ConnectionError, asyncio.IncompleteReadError) as error:
        seen.fault(f"{method} {path}: {error!r}")
        await connection.close()
        return None
    seen.took_ms.append((time.perf_counter() - began) * 1e3)
    seen.count += 1
    if status not in wanted:
        seen.fault(f"{method} {path}: {status} {answer[:120]}")
        return None
    return json.loads(answer) if answer else None


async def browse(seen, options, until):
    connection = Connection(options.port, COOKIE)
    while time.monotonic() < until:
        path = random.choice(PAGES)
        status, answer = await connection.ask("GET", path, headers="accept-encoding: gzip\r\n")
        seen.pages += 1
        if status != 200:
            seen.fault(f"GET {path}: {status} {answer[:120]}")
        await asyncio.sleep(0.25)


async def call(seen, options, until):
    connection = Connection(options.port, COOKIE)
    while time.monotonic() < until:
        agent = random.choice(AGENTS)
        await ask(seen, connection, "GET", "/api/v1/agents?limit=20")
        await ask(seen, connection, "GET", f"/api/v1/agents/{agent}")
        await ask(seen, connection, "GET", "/api/v1/listings?limit=20")
        changes = {"description": f"Changed at {time.time():.0f}"}
        await ask(seen, connection, "PATCH", f"/api/v1/agents/{agent}", changes)
        await asyncio.sleep(0.1)


async def run(seen, options, until):
    """Starts sessions of the built-in planner and follows each to its end."""
    connection = Connection(options.port, COOKIE)
    while time.monotonic() < until:
        goal = {"goal": f"What is {random.randint(2, 99)} * {random.randint(2, 99)}?"}
        path = f"/api/v1/agents/{random.choice(AGENTS)}/execute"
        session = await ask(seen, connection, "POST", path, goal, wanted=(202,))
        if session is None:
            await asyncio.sleep(1)
            continue
        heard = bytearray()
        reader = await Reader.follow(
            options.port, f"/api/v1/sessions/{session['id']}/stream", COOKIE, heard.extend
        )
        try:
            await asyncio.wait_for(asyncio.shield(end_of(heard, reader)), 60)
        except TimeoutError:
            seen.fault(f"session {session['id']} did not end")
        reader.transport.close()
        if b'"state":"completed"' in heard:
            seen.ended += 1
        else:
            seen.fault(f"session {session['id']}: {bytes(heard[-200:])}")
        await asyncio.sleep(0.2)


async def end_of(heard, reader):
    while b"event: end" not in heard and not reader.lost.done():
        await asyncio.sleep(0.02)


async def weigh(options, until):
    """The memory of the server, each few seconds."""
    points = []
    while time.monotonic() < until:
        points.append(memory_bytes(options.pid))
        await asyncio.sleep(2)
    return points


async def main(options):
    until = time.monotonic() + options.minutes * 60
    seen = Seen()
    # What is seen from here begins when the server's own count does.
    weighed = asyncio.create_task(weigh(options, until))
    work = [browse(seen, options, until) for _ in range(2)]
    work += [call(seen, options, until) for _ in range(3)]
    work += [run(seen, options, until) for _ in range(3)]
    await asyncio.gather(*work)
    points = await weighed
    # Measurements are written every ten seconds.
    await asyncio.sleep(12)
    names = "api.latency.p50,api.latency.p99,api.latency.count,api.error_rate,sessions.ended,page.latency.count"
    period = f"{int(options.minutes) + 3}m"
    connection = Connection(options.port, COOKIE)
    status, answer = await connection.ask("GET", f"/api/v1/metrics?metrics={names}&period={period}")
    assert status == 200, answer
    theirs = json.loads(answer)["metrics"]
    third = max(len(points) // 3, 1)
    first, last = sum(points[:third]) / third, sum(points[-third:]) / third
    ours = {
        "api.latency.p50": quantile(seen.took_ms, 0.5),
        "api.latency.p99": quantile(seen.took_ms, 0.99),
        "api.latency.count": seen.count,
        "sessions.ended": seen.ended,
        "page.latency.count": seen.pages,
    }
    print(json.dumps({
        "memory_first": first, "memory_last": last, "faults": len(seen.faults),
        "examples": seen.faults[:5], "ours": ours, "theirs": theirs,
    }))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--minutes", type=float, default=10)
    asyncio.run(main(parser.parse_args()))
