"""Server-sent events as sse-starlette's own documentation shows them: a queue for each reader."""

import asyncio
import json
import time
from collections import defaultdict

from sse_starlette.sse import EventSourceResponse
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

readers = defaultdict(set)


async def follow(request):
    channel = request.path_params["channel"]
    queue = asyncio.Queue(maxsize=1_000)
    readers[channel].add(queue)

    async def events():
        try:
            while True:
                number, data = await queue.get()
                yield {"id": str(number), "data": data}
        finally:
            readers[channel].discard(queue)

    return EventSourceResponse(events(), ping=15)


async def publish(request):
    body = await request.json()
    body["at"] = time.time()
    data = json.dumps(body)
    channel = readers[request.path_params["channel"]]
    for queue in list(channel):
        if not queue.full():
            queue.put_nowait((body["number"], data))
    return JSONResponse({"readers": len(channel)})


async def health(_):
    return JSONResponse({})


app = Starlette(
    routes=[
        Route("/health", health),
        Route("/follow/{channel}", follow),
        Route("/publish/{channel}", publish, methods=["POST"]),
    ]
)
