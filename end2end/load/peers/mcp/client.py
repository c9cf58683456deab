"""The protocol's official client against an installation, as somebody uses it who has a key.

`client.py URL KEY`: the key's owner has one agent, whose model takes its time. Ends with an error where
something is not as it should be.
"""

import asyncio
import sys

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

URL, KEY = sys.argv[1:]
# Without a word of ours the newest version is found; whoever is older says so.
VERSIONS = {"auto": "2026-07-28", "legacy": "2025-11-25"}


async def refused(asking):
    try:
        answer = await asking
    except MCPError as error:
        return error.message
    raise AssertionError(f"answered: {answer}")


async def newest_session(http):
    answer = await http.get(f"{URL}/api/v1/sessions?limit=1")
    return answer.raise_for_status().json()["sessions"][0]


async def until(http, state):
    with anyio.fail_after(20):
        while (session := await newest_session(http))["state"] != state:
            await asyncio.sleep(0.05)
    return session


async def try_it(mode, http):
    transport = streamable_http_client(f"{URL}/mcp", http_client=http)
    async with Client(transport, mode=mode) as client:
        assert client.protocol_version == VERSIONS[mode], client.protocol_version
        assert client.server_info.title == "Resonant", client.server_info
        assert "goal" in client.instructions
        [tool] = (await client.list_tools()).tools
        assert tool.title == "Reckoner" and tool.input_schema["required"] == ["goal"], tool

        news = []

        async def hear(progress, total, message):
            news.append((progress, message))

        answer = await client.call_tool(tool.name, {"goal": "Count"}, progress_callback=hear)
        assert not answer.is_error and answer.content[0].text.startswith("word1 "), answer
        assert [message for _, message in news] == ["step 1"], news

        # What the model can mend is an answer; what it cannot is an error.
        answer = await client.call_tool(tool.name, {"goal": ""})
        assert answer.is_error and "goal must be" in answer.content[0].text, answer
        assert "no tool" in await refused(client.call_tool("nothing", {"goal": "Count"}))
        assert "no method" in await refused(client.list_resources())

        # Given up by the caller, and given up because it takes too long.
        with anyio.move_on_after(0.5) as patience:
            await client.call_tool(tool.name, {"goal": "Count slowly"})
        assert patience.cancelled_caught
        first = await until(http, "cancelled")
        late = await refused(client.call_tool(tool.name, {"goal": "Count"}, read_timeout_seconds=0.5))
        assert "timed out" in late, late
        second = await until(http, "cancelled")
        assert first["id"] != second["id"]


async def main():
    patience = httpx2.Timeout(30, read=60)
    async with httpx2.AsyncClient(headers={"authorization": f"Bearer {KEY}"}, timeout=patience) as http:
        for mode in VERSIONS:
            await try_it(mode, http)
    async with httpx2.AsyncClient(headers={"authorization": "Bearer rk_live_none"}) as stranger:
        hello = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        assert (await stranger.post(f"{URL}/mcp", json=hello)).status_code == 401


asyncio.run(main())
