"""HTTP/1.1 over asyncio, as little as a load generator needs: what it costs is not what is measured."""

import asyncio
import json


class Connection:
    """One connection that is kept; a request waits for its whole answer."""

    def __init__(self, port, cookie=""):
        self.port, self.cookie = port, cookie
        self.reader = self.writer = None

    async def ask(self, method, path, body=None, headers=""):
        """Answers the status and the body."""
        data = b"" if body is None else json.dumps(body).encode()
        kind = "content-type: application/json\r\n" if body is not None else ""
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\ncookie: {self.cookie}\r\n"
            f"accept: application/json, text/html\r\n{headers}{kind}content-length: {len(data)}\r\n\r\n"
        )
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        self.writer.write(head.encode() + data)
        status, length, is_chunked = await self._head()
        if is_chunked:
            pieces = []
            while size := int((await self.reader.readline()).split(b";")[0], 16):
                pieces.append((await self.reader.readexactly(size + 2))[:-2])
            await self.reader.readline()
            return status, b"".join(pieces)
        return status, await self.reader.readexactly(length)

    async def _head(self):
        status = int((await self.reader.readline()).split()[1])
        length, is_chunked = 0, False
        while (line := await self.reader.readline()) != b"\r\n":
            if not line:
                raise ConnectionError("the server closed the connection")
            name, _, value = line.partition(b":")
            match name.lower():
                case b"content-length":
                    length = int(value)
                case b"transfer-encoding":
                    is_chunked = b"chunked" in value
        return status, length, is_chunked

    async def close(self):
        if self.writer is not None:
            self.writer.close()
            self.reader = self.writer = None


class Reader(asyncio.Protocol):
    """Follows an event stream. `on_data` gets what comes, raw; `opened` is done with the first of it."""

    def __init__(self, on_data):
        self.on_data = on_data
        loop = asyncio.get_running_loop()
        self.opened, self.lost = loop.create_future(), loop.create_future()
        self.transport = None

    @classmethod
    async def follow(cls, port, path, cookie, on_data, sock=None):
        loop = asyncio.get_running_loop()
        where = {"sock": sock} if sock else {"host": "127.0.0.1", "port": port}
        _, reader = await loop.create_connection(lambda: cls(on_data), **where)
        head = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: {cookie}\r\naccept: text/event-stream\r\n\r\n"
        reader.transport.write(head.encode())
        await asyncio.wait_for(asyncio.shield(reader.opened), 60)
        return reader

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        if not self.opened.done():
            if b" 200 " not in data.split(b"\r\n", 1)[0]:
                self.opened.set_exception(RuntimeError(data[:200].decode(errors="replace")))
                return
            self.opened.set_result(None)
        self.on_data(data)

    def connection_lost(self, _):
        if not self.lost.done():
            self.lost.set_result(None)
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("the stream did not begin"))


def cpu_seconds(pid):
    """What a process has used."""
    import os

    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid):
    """What a process holds, as proc(5) tells it."""
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * 4096


def quantile(values, share):
    """The least of the values that so many of them do not pass."""
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")
