"""HTTP/1.1, as little as a load generator needs: what it costs is not what is measured."""

import asyncio
import json
import math
import re
import socket
import struct
import time


class Unanswered(ConnectionError):
    """The connection was lost before anything of the answer came."""


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
        message = head.encode() + data
        if self.writer is not None:
            try:
                return await self._send(message)
            except Unanswered:
                # A server may close a kept connection at any time between two answers. That is no fault
                # of either side; a new connection that is lost as well is one.
                pass
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        return await self._send(message)

    async def _send(self, message):
        try:
            self.writer.write(message)
            status, length, is_chunked, is_last = await self._head()
            if is_chunked:
                pieces = []
                while size := int((await self.reader.readline()).split(b";")[0], 16):
                    pieces.append((await self.reader.readexactly(size + 2))[:-2])
                await self.reader.readline()
                body = b"".join(pieces)
            else:
                body = await self.reader.readexactly(length)
        except BaseException:
            # Whatever is left of the answer must not be taken for the next one.
            await self.close()
            raise
        if is_last:
            await self.close()
        return status, body

    async def _head(self):
        try:
            first = await self.reader.readline()
        except ConnectionError as error:
            raise Unanswered(repr(error)) from error
        if not first:
            raise Unanswered("the server closed the connection")
        status = int(first.split()[1])
        length, is_chunked, is_last = 0, False, False
        while (line := await self.reader.readline()) != b"\r\n":
            if not line:
                raise ConnectionError("the server closed the connection within an answer")
            name, _, value = line.partition(b":")
            match name.lower():
                case b"content-length":
                    length = int(value)
                case b"transfer-encoding":
                    is_chunked = b"chunked" in value
                case b"connection":
                    is_last = b"close" in value.lower()
        return status, length, is_chunked, is_last

    async def close(self):
        if self.writer is not None:
            self.writer.close()
            self.reader = self.writer = None


# SO_TIMESTAMPNS of socket(7), which Python does not name, and what comes with it.
STAMPED, STAMP = 35, struct.Struct("ll")


def stamp_of(extra):
    """When the kernel had what came with this, in nanoseconds since 1970."""
    for level, kind, data in extra:
        if (level, kind) == (socket.SOL_SOCKET, STAMPED):
            seconds, nanoseconds = STAMP.unpack(data)
            return seconds * 10**9 + nanoseconds
    return time.time_ns()


class Line:
    """A kept connection whose answers are timed, for a process that does nothing else.

    The time runs from right before the request is sent to when the kernel had the beginning of the
    answer: how long this process then waited for a core is no part of it.
    """

    def __init__(self, port, cookie=""):
        self.port, self.cookie, self.socket = port, cookie, None

    def ask(self, path):
        """Answers the status and how long it took, in milliseconds."""
        head = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\ncookie: {self.cookie}\r\n\r\n"
        if self.socket is not None:
            try:
                return self._send(head.encode())
            except Unanswered:
                pass
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self.socket.setsockopt(socket.SOL_SOCKET, STAMPED, 1)
        return self._send(head.encode())

    def _send(self, message):
        try:
            return self._timed(message)
        except BaseException:
            self.socket.close()
            self.socket = None
            raise

    def _timed(self, message):
        began = time.time_ns()
        try:
            self.socket.sendall(message)
            answer, extra, *_ = self.socket.recvmsg(1 << 16, socket.CMSG_SPACE(STAMP.size))
        except ConnectionError as error:
            raise Unanswered(repr(error)) from error
        if not answer:
            raise Unanswered("the server closed the connection")
        arrived = stamp_of(extra)
        self._read_rest(answer)
        return int(answer.split(None, 2)[1]), (arrived - began) / 1e6

    def _read_rest(self, answer):
        while b"\r\n\r\n" not in answer:
            answer += self._more()
        head, _, body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        missing = (int(length[1]) if length else 0) - len(body)
        while missing > 0:
            missing -= len(self._more())

    def _more(self):
        piece = self.socket.recv(1 << 16)
        if not piece:
            raise ConnectionError("the server closed the connection within an answer")
        return piece


class Reader:
    """Follows an event stream, perhaps beside many others. `on_data` gets what comes and when the kernel had it, in
    seconds: how long this process then needs for all the others is no part of it."""

    def __init__(self, sock, on_data):
        self.sock, self.on_data = sock, on_data
        self.opened, self.lost = (asyncio.get_running_loop().create_future() for _ in range(2))

    @classmethod
    async def follow(cls, port, path, cookie, on_data):
        loop = asyncio.get_running_loop()
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, STAMPED, 1)
        await loop.sock_connect(sock, ("127.0.0.1", port))
        head = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: {cookie}\r\naccept: text/event-stream\r\n\r\n"
        await loop.sock_sendall(sock, head.encode())
        reader = cls(sock, on_data)
        loop.add_reader(sock, reader._ready)
        await asyncio.wait_for(asyncio.shield(reader.opened), 60)
        return reader

    def _ready(self):
        try:
            data, extra, *_ = self.sock.recvmsg(1 << 16, socket.CMSG_SPACE(STAMP.size))
        except ConnectionError:
            data, extra = b"", ()
        if not data:
            self.lost.set_result(None)
            if not self.opened.done():
                self.opened.set_exception(ConnectionError("the stream did not begin"))
            self.close()
            return
        if not self.opened.done():
            if b" 200 " not in data.split(b"\r\n", 1)[0]:
                self.opened.set_exception(RuntimeError(data[:200].decode(errors="replace")))
                return
            self.opened.set_result(None)
        self.on_data(data, stamp_of(extra) / 1e9)

    def close(self):
        if self.sock.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self.sock)
            self.sock.close()


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
    """The value at or below which such a share of all values lies (nearest rank, as the server does)."""
    values = sorted(values)
    return values[max(math.ceil(len(values) * share), 1) - 1] if values else float("nan")
