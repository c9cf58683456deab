"""Mixed load for a while: pages, the interface, sessions, streams. Prints one JSON object: how memory
went, what failed, and what the server's own figures say beside what was seen from here.

What is compared with what:

- Counts: every request and session that was answered here, with what the server counted.
- Latencies: those of a prober, a process of its own that asks for one route twice a second and does nothing
  else. Nobody else asks for that route, so the server's figures of it are of the very same requests. The
  way there and back is nothing that a server can see. How long it is, a route tells that does nothing,
  asked for over the same connection in between: its median is taken off. What a request waits for a core
  of the server beyond that median stays in what was seen.
- The latencies that this program saw of all requests hold its own waits for a core. They are printed
  beside the server's, and nothing follows from them.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import sys
import time
from wire import Connection, Line, Reader, memory_bytes, quantile

COOKIE = "resonant_sign_in=" + "A" * 43
PAGES = ["/", "/marketplace", "/studio", "/sessions"]
AGENTS = [f"00000000-0000-7000-9000-{number:012x}" for number in range(1, 11)]
# What the prober asks for: a route that asks the database a lot, so that the way weighs little, and one
# that does nothing and that the server does not count.
PROBED, NOTHING = "/api/v1/service-levels", "/api/v1/health"


class Seen:
    """What came of the requests."""

    def __init__(self):
        self.took_ms, self.count, self.pages, self.ended = [], 0, 0, 0
        self.faults = []

    def fault(self, what):
        self.faults.append(str(what)[:200])


async def ask(seen, connection, method, path, body=None, wanted=(200,), headers=""):
    """One request; the body of its answer, or nothing where there was a fault."""
    try:
        status, answer = await connection.ask(method, path, body, headers)
    except (OSError, EOFError, ValueError) as error:
        seen.fault(f"{method} {path}: {error!r}")
        return None
    if path.startswith("/api/"):
        seen.count += 1
    else:
        seen.pages += 1
    if status not in wanted:
        seen.fault(f"{method} {path}: {status} {answer[:120]}")
        return None
    return answer


async def ask_timed(seen, connection, *request, **more):
    """The same for a request of the interface, with its time as this program sees it."""
    began = time.perf_counter()
    answer = await ask(seen, connection, *request, **more)
    if answer is None:
        return None
    seen.took_ms.append((time.perf_counter() - began) * 1e3)
    return json.loads(answer)


async def browse(seen, options, until):
    connection = Connection(options.port, COOKIE)
    while time.monotonic() < until:
        await ask(seen, connection, "GET", random.choice(PAGES), headers="accept-encoding: gzip\r\n")
        await asyncio.sleep(0.25)


async def call(seen, options, until):
    connection = Connection(options.port, COOKIE)
    while time.monotonic() < until:
        agent = random.choice(AGENTS)
        await ask_timed(seen, connection, "GET", "/api/v1/agents?limit=20")
        await ask_timed(seen, connection, "GET", f"/api/v1/agents/{agent}")
        await ask_timed(seen, connection, "GET", "/api/v1/listings?limit=20")
        changes = {"description": f"Changed at {time.time():.0f}"}
        await ask_timed(seen, connection, "PATCH", f"/api/v1/agents/{agent}", changes)
        await asyncio.sleep(0.1)


async def run(seen, options, until):
    """Starts sessions of the built-in planner and follows each to its end."""
    connection = Connection(options.port, COOKIE)
    while time.monotonic() < until:
        goal = {"goal": f"What is {random.randint(2, 99)} * {random.randint(2, 99)}?"}
        path = f"/api/v1/agents/{random.choice(AGENTS)}/execute"
        session = await ask_timed(seen, connection, "POST", path, goal, wanted=(202,))
        if session is None:
            await asyncio.sleep(1)
            continue
        await follow(seen, options, session["id"])
        await asyncio.sleep(0.2)


async def follow(seen, options, session):
    heard = bytearray()
    path = f"/api/v1/sessions/{session}/stream"
    try:
        reader = await Reader.follow(options.port, path, COOKIE, lambda data, _: heard.extend(data))
    except (OSError, RuntimeError) as error:
        seen.fault(f"GET {path}: {error!r}")
        return
    late = time.monotonic() + 60
    while b"event: end" not in heard and not reader.lost.done() and time.monotonic() < late:
        await asyncio.sleep(0.02)
    reader.close()
    if b'"state":"completed"' in heard:
        seen.ended += 1
    else:
        seen.fault(f"session {session}: {bytes(heard[-200:])}")


async def weigh(options, until):
    """The memory of the server, each few seconds."""
    points = []
    while time.monotonic() < until:
        points.append(memory_bytes(options.pid))
        await asyncio.sleep(2)
    return points


def probe(options):
    """The prober's whole life. Prints what it saw, the way taken off."""
    # It sleeps nearly always. When an answer is there it shall run at once, where the system lets it.
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        with contextlib.suppress(OSError):
            os.nice(-10)
    line = Line(options.port, COOKIE)
    took_ms, faults = {NOTHING: [], PROBED: []}, []
    until = time.monotonic() + options.minutes * 60
    while time.monotonic() < until:
        for path, all_ms in took_ms.items():
            try:
                status, took = line.ask(path)
            except OSError as error:
                faults.append(f"GET {path}: {error!r}")
                continue
            all_ms.append(took)
            if status != 200:
                faults.append(f"GET {path}: {status}")
        # Not in step with whatever happens twice a second.
        time.sleep(random.uniform(0.3, 0.7))
    way = quantile(took_ms[NOTHING], 0.5)
    print(json.dumps({
        "way_ms": way,
        "count": len(took_ms[PROBED]),
        "p50": quantile(took_ms[PROBED], 0.5) - way,
        "p99": quantile(took_ms[PROBED], 0.99) - way,
        "faults": faults,
    }))


async def told_of_prober(options):
    """Runs the prober beside the load."""
    arguments = ["--port", str(options.port), "--pid", str(options.pid), "--minutes", str(options.minutes)]
    prober = await asyncio.create_subprocess_exec(
        sys.executable, "-B", __file__, "--probe", *arguments, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await prober.communicate()
    return json.loads(told)


async def read(options, path):
    status, answer = await Connection(options.port, COOKIE).ask("GET", f"/api/v1/{path}")
    assert status == 200, answer
    return json.loads(answer)


async def main(options):
    until = time.monotonic() + options.minutes * 60
    seen = Seen()
    weighed = asyncio.create_task(weigh(options, until))
    probed = asyncio.create_task(told_of_prober(options))
    work = [browse(seen, options, until) for _ in range(2)]
    work += [call(seen, options, until) for _ in range(3)]
    work += [run(seen, options, until) for _ in range(3)]
    await asyncio.gather(*work)
    points, prober = await weighed, await probed
    # Measurements are written every ten seconds.
    await asyncio.sleep(12)
    counts = {
        "api.latency.count": seen.count + prober["count"],
        "page.latency.count": seen.pages,
        "sessions.ended": seen.ended,
    }
    beside = {f"api.latency.p{share}": quantile(seen.took_ms, share / 100) for share in (50, 99)}
    period = f"period={int(options.minutes) + 3}m"
    metrics = (await read(options, f"metrics?metrics={','.join([*counts, *beside])}&{period}"))["metrics"]
    levels = await read(options, f"service-levels?{period}")
    rows = [row for ranking in levels["worst"] for row in ranking["rows"]]
    route = next((row for row in rows if row["name"] == f"GET {PROBED}"), {})
    third = max(len(points) // 3, 1)
    faults = seen.faults + prober["faults"]
    print(json.dumps({
        "memory_first": sum(points[:third]) / third,
        "memory_last": sum(points[-third:]) / third,
        "faults": len(faults),
        "examples": faults[:5],
        "way_ms": prober["way_ms"],
        # Each figure as it was seen and as the server tells it.
        "compared": {
            **{name: [count, metrics.get(name)] for name, count in counts.items()},
            "probed.count": [prober["count"], route.get("count")],
            "probed.p50": [prober["p50"], route.get("p50_ms")],
            "probed.p99": [prober["p99"], route.get("p99_ms")],
        },
        "beside": {name: [took, metrics.get(name)] for name, took in beside.items()},
    }))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--probe", action="store_true")
    given = parser.parse_args()
    if given.probe:
        probe(given)
    else:
        asyncio.run(main(given))
