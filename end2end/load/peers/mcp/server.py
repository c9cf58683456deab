"""A server by the official SDK of the protocol, as others write one.

`server.py PORT` serves it over HTTP three times: with event streams that can be taken up again (/events), with
one JSON document per answer (/json), and without sessions (/single). `server.py` alone speaks over standard
input and output.
"""

import asyncio
import sys
from contextlib import AsyncExitStack, asynccontextmanager

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.streamable_http import EventMessage, EventStore
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

# How each call of `wait` ended, by the name that it was given.
ended = {}


class Book(BaseModel):
    title: str
    pages: int


class Kept(EventStore):
    """All events, in the order in which they were told."""

    def __init__(self):
        self.events = []

    async def store_event(self, stream_id, message):
        self.events.append((stream_id, message))
        return str(len(self.events))

    async def replay_events_after(self, last_event_id, send_callback):
        at = int(last_event_id)
        stream = self.events[at - 1][0]
        for number, (of, message) in enumerate(self.events[at:], start=at + 1):
            if of == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


def shelf():
    server = MCPServer("shelf", title="Shelf")

    @server.tool(structured_output=False)
    def greet(name: str) -> str:
        """Greets somebody."""
        return f"Good day, {name}"

    @server.tool()
    def find(title: str) -> Book:
        """Finds a book."""
        return Book(title=title, pages=42)

    @server.tool(structured_output=False)
    def fail() -> str:
        """Fails."""
        raise ValueError("no such book")

    @server.tool(structured_output=False)
    async def count(to: int, ctx: Context) -> str:
        """Counts, and tells how far it is."""
        for number in range(1, to + 1):
            await ctx.report_progress(number, to, f"at {number}")
            await ctx.info(f"at {number}")
        return f"counted to {to}"

    @server.tool(structured_output=False)
    async def wait(name: str) -> str:
        """Waits for longer than anybody does."""
        ended[name] = "is at work"
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            ended[name] = "was cancelled"
            raise
        return "waited"

    @server.tool(structured_output=False)
    def waited(name: str) -> str:
        """How a call of `wait` ended."""
        return ended.get(name, "never began")

    @server.tool(structured_output=False)
    async def ping(ctx: Context) -> str:
        """Asks whether the caller is still there before it answers."""
        await ctx.session.send_ping()
        return "you are there"

    @server.tool(structured_output=False)
    async def ask(ctx: Context) -> str:
        """Asks the caller for what few can give."""
        answer = await ctx.elicit("Which book?", Book)
        return answer.action

    @server.tool(structured_output=False)
    async def part(ctx: Context) -> str:
        """Hangs up before it answers: whoever asks has to come back."""
        await ctx.close_sse_stream()
        await asyncio.sleep(0.2)
        return "here you are again"

    @server.tool(structured_output=False)
    def key(ctx: Context) -> str:
        """Tells the key that came with the call."""
        return (ctx.headers or {}).get("authorization", "none")

    return server


def over_http(port):
    ways = {
        "/events": {"event_store": Kept(), "retry_interval": 50},
        "/json": {"json_response": True},
        "/single": {"stateless_http": True},
    }
    apps = [shelf().streamable_http_app(streamable_http_path=path, **way) for path, way in ways.items()]

    @asynccontextmanager
    async def together(_):
        async with AsyncExitStack() as stack:
            for app in apps:
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

    routes = [route for app in apps for route in app.routes]
    routes.append(Route("/up", lambda _: PlainTextResponse("up")))
    uvicorn.run(Starlette(routes=routes, lifespan=together), host="127.0.0.1", port=port, log_level="warning")


if len(sys.argv) > 1:
    over_http(int(sys.argv[1]))
else:
    shelf().run("stdio")
