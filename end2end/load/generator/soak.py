"""Mixed load for a while: pages, the interface, sessions, streams. Prints one JSON object: how memory
went, what failed, and what the server's own figures say beside what was seen from here.

What is compared with what:

- Counts: every request and session that was answered here, with what the server counted.
- Execution times: what each session says of itself at its end, by the stream that followed it.
- Latencies: those of a prober, a process of its own that asks for one route twice a second and does nothing
  else. Nobody else asks for that route, so the server's figures of it, asked for by its name, are of the
  very same requests. The way there and back is nothing that a server can see. How long it is, a route tells
  that does nothing, asked for over the same connection in between: its median is taken off. What a request
  waits for a core of the server beyond that median stays in what was seen.
- The latencies that this program saw of all requests are printed beside the server's, less the same way, and
  nothing follows from them: what the server keeps is answered in less time than the way there and back
  takes, and they hold this program's own waits for a core.
- How long statements take, and how often the cache knows the answer, nobody sees from outside: the server's
  word on them is printed alone.
- Memory: what the process holds, and what it says that its caches hold, each third of the time. Caches fill
  up to what they may hold, and then stay.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import sys
import time
import urllib.parse
from wire import Connection, Line, Reader, memory_bytes, quantile

COOKIE = "resonant_sign_in=" + "A" * 43
PAGES = ["/", "/marketplace", "/studio", "/sessions"]
AGENTS = [f"00000000-0000-7000-9000-{number:012x}" for number in range(1, 11)]
# What the prober asks for: a route that asks the database a lot each time, so that the way weighs little (what
# the service levels' page shows is made once for all who ask within seconds), and one that does nothing and
# that the server does not count.
PROBED, NOTHING = "/api/v1/metrics", "/api/v1/health"
ASKED = f"{PROBED}?period=1h&metrics=" + ",".join(
    f"{family}.{figure}"
    for family in ("api.latency", "page.latency", "agent.execution.duration", "db.query.duration")
    for figure in ("count", "p50", "p95", "p99")
)


class Seen:
    """What came of the requests."""

    def __init__(self):
        self.took_ms, self.count, self.pages, self.ended = [], 0, 0, 0
        self.executed_ms, self.faults = [], []

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
    end = last_word(heard)
    if end.get("state") == "completed":
        seen.ended += 1
        seen.executed_ms.append(end["duration_ms"])
    else:
        seen.fault(f"session {session}: {bytes(heard[-200:])}")


def last_word(heard):
    """The event that closes a session, if it came."""
    lines = [line for line in heard.split(b"\n") if line.startswith(b"data: ") and b'"type":"done"' in line]
    return json.loads(lines[-1].removeprefix(b"data: ")) if lines else {}


async def weigh(seen, options, until):
    """The memory of the server: of each third the mean, and what it holds at the end of it, with its caches."""
    connection = Connection(options.port, COOKIE)
    began, thirds = time.monotonic(), []
    for part in (1, 2, 3):
        points = []
        while time.monotonic() < began + (until - began) * part / 3:
            points.append(memory_bytes(options.pid))
            await asyncio.sleep(2)
        thirds.append({
            "mean": sum(points) / max(len(points), 1),
            "held": memory_bytes(options.pid),
            "caches": await caches(seen, connection),
        })
    return thirds


async def caches(seen, connection):
    """What the server's caches hold, as it has told some seconds ago: entries and bytes by kind."""
    answer = await ask(seen, connection, "GET", "/api/v1/operations?period=5m")
    processes = json.loads(answer)["processes"] if answer else []
    return {
        cache["kind"]: [cache["entries"], cache["bytes"]]
        for process in processes
        for cache in process["state"]["caches"]
    }


def probe(options):
    """The prober's whole life. Prints what it saw, the way taken off."""
    # It sleeps nearly always. When an answer is there it shall run at once, where the system lets it.
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        with contextlib.suppress(OSError):
            os.nice(-10)
    line = Line(options.port, COOKIE)
    took_ms, faults = {NOTHING: [], ASKED: []}, []
    until = time.monotonic() + options.minutes * 60
    while time.monotonic() < until:
        # Whichever comes first wakes a thread of the server.
        for path in random.sample(list(took_ms), len(took_ms)):
            try:
                status, took = line.ask(path)
            except OSError as error:
                faults.append(f"GET {path}: {error!r}")
                continue
            took_ms[path].append(took)
            if status != 200:
                faults.append(f"GET {path}: {status}")
        # Not in step with whatever happens twice a second.
        time.sleep(random.uniform(0.3, 0.7))
    way = quantile(took_ms[NOTHING], 0.5)
    print(json.dumps({
        "way_ms": way,
        "count": len(took_ms[ASKED]),
        "p50": quantile(took_ms[ASKED], 0.5) - way,
        "p99": quantile(took_ms[ASKED], 0.99) - way,
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
    weighed = asyncio.create_task(weigh(seen, options, until))
    probed = asyncio.create_task(told_of_prober(options))
    work = [browse(seen, options, until) for _ in range(2)]
    work += [call(seen, options, until) for _ in range(3)]
    work += [run(seen, options, until) for _ in range(3)]
    await asyncio.gather(*work)
    thirds, prober = await weighed, await probed
    # Measurements are written every ten seconds.
    await asyncio.sleep(12)
    counts = {
        "api.latency.count": seen.count + prober["count"],
        "page.latency.count": seen.pages,
        "sessions.ended": seen.ended,
        "agent.execution.duration.count": len(seen.executed_ms),
    }
    took = {
        f"agent.execution.duration.p{share}": quantile(seen.executed_ms, share / 100) for share in (50, 95)
    }
    beside = {
        f"api.latency.p{share}": quantile(seen.took_ms, share / 100) - prober["way_ms"] for share in (50, 99)
    }
    alone = ["db.query.duration.p99", "cache.hit_rate"]
    period = f"period={int(options.minutes) + 3}m"
    names = ",".join([*counts, *took, *beside, *alone])
    metrics = (await read(options, f"metrics?metrics={names}&{period}"))["metrics"]
    names = ",".join(f"api.latency.{name}" for name in ("count", "p50", "p99"))
    label = urllib.parse.quote(f"GET {PROBED}")
    route = (await read(options, f"metrics?metrics={names}&label={label}&{period}"))["metrics"]
    faults = seen.faults + prober["faults"]
    print(json.dumps({
        "thirds": thirds,
        "faults": len(faults),
        "examples": faults[:5],
        "way_ms": prober["way_ms"],
        # Each figure as it was seen and as the server tells it.
        "compared": {
            **{name: [seen_here, metrics.get(name)] for name, seen_here in (counts | took).items()},
            **{f"probed.{name}": [prober[name], route.get(f"api.latency.{name}")] for name in ("count", "p50", "p99")},
        },
        "beside": {name: [seen_here, metrics.get(name)] for name, seen_here in beside.items()},
        "alone": {name: metrics.get(name) for name in alone},
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
