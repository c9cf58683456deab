"""One request and its answer, or the events that follow it."""

import contextlib
import functools
import http.client
import json
import selectors
import socket
import threading
import time
import urllib.parse
import uuid

from .thing import Thing

#: Answers after which the same request may be sent again.
AGAIN = frozenset({429, 503})
#: How often a request is sent at most, and the longest pause of our own choice before it is sent again, in
#: seconds.
TRIES, PAUSE_MAX = 4, 5.0


class ApiError(Exception):
    """The server refused a request; it says why (RFC 9457)."""

    def __init__(self, status, problem, retry_after=None):
        self.status = status
        self.detail = problem.get("detail") or problem.get("title") or f"status {status}"
        self.errors = problem.get("errors", [])
        self.request_id = problem.get("request_id")
        self.retry_after = retry_after
        super().__init__(f"{status}: {self.detail}")


class Http:
    """Sends requests, from any thread, over connections that are kept open.

    A request has a connection to itself until its answer is read, so that there are as many as there
    were requests at once.
    """

    def __init__(self, url, api_key=None, timeout=30.0, patience=60.0):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("the server's address must be such as https://resonant.example.org")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        #: For how long a server may tell to wait.
        self._patience = patience
        self._connect = functools.partial(kind, parts.hostname, parts.port, timeout=timeout)
        #: Guards the connections that no request has, and the sockets of the streams. A stream that
        #: nobody reads on may be collected, and then leaves, in a thread that has the lock.
        self._lock = threading.RLock()
        self._idle, self._streams = [], set()
        self._closed = threading.Event()
        self._base = parts.path.rstrip("/") + "/api/v1"
        self._headers = {"accept": "application/json"}
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key}"

    def close(self):
        """Closes every connection. Streams end; a request of another thread gets its answer first."""
        with self._lock:
            self._closed.set()
            for stream in list(self._streams):
                # Wakes the thread that reads it, which closes it.
                with contextlib.suppress(OSError):
                    stream.shutdown(socket.SHUT_RDWR)
        self._close_idle()

    def ask(self, method, path, query=None, body=None):
        """Answers the JSON of a success; raises ApiError otherwise."""
        self._refuse_closed()
        target = self._target(path, query)
        headers = dict(self._headers)
        data = None
        if body is not None:
            headers["content-type"] = "application/json"
            data = json.dumps(body).encode()
        if method == "POST":
            # The same for each try: the server then counts them as one.
            headers["idempotency-key"] = str(uuid.uuid4())
        for attempt in range(1, TRIES + 1):
            try:
                status, answer_headers, answer = self._send(method, target, data, headers)
            except (OSError, http.client.HTTPException):
                # The others may have been lost with it.
                self._close_idle()
                if attempt == TRIES or method not in ("GET", "POST"):
                    raise
                time.sleep(min(0.1 * 2**attempt, PAUSE_MAX))
                continue
            if 200 <= status < 300:
                return _things(json.loads(answer)) if answer else Thing()
            error = _refusal(status, answer_headers, answer)
            is_twin = status == 409 and error.retry_after is not None
            wait = error.retry_after or min(0.1 * 2**attempt, PAUSE_MAX)
            # Whoever comes back earlier is refused again.
            if attempt == TRIES or not (status in AGAIN or is_twin) or wait > self._patience:
                raise error
            time.sleep(wait)

    def follow(self, path, query=None):
        """Yields the events of a stream until it says that it is at its end.

        The stream has a connection of its own. A stream that breaks off, as when its server is
        restarted, is asked for again and goes on after its last event, unless the client was closed.
        """
        self._refuse_closed()
        target = self._target(path, query)
        headers = {**self._headers, "accept": "text/event-stream"}
        pause, failures = 1.0, 0
        while True:
            connection, stream, told = self._connect(), None, None
            try:
                connection.request("GET", target, headers=headers)
                with self._lock:
                    if self._closed.is_set():
                        return
                    stream = connection.sock
                    self._streams.add(stream)
                answer = connection.getresponse()
                if answer.status == 204:
                    return
                if answer.status != 200:
                    raise _refusal(answer.status, answer.headers, answer.read())
                for frame in _frames(answer):
                    failures = 0
                    if "retry" in frame:
                        pause = min(int(frame["retry"]) / 1000, PAUSE_MAX)
                    if frame.get("event") == "end":
                        return
                    if "id" in frame:
                        headers["last-event-id"] = frame["id"]
                    # Frames with a name tell of something beside the events.
                    if "data" in frame and "event" not in frame:
                        yield _things(json.loads(frame["data"]))
            except (OSError, http.client.HTTPException):
                failures += 1
                if failures == TRIES and not self._closed.is_set():
                    raise
            except ApiError as error:
                failures += 1
                told = error.retry_after
                is_final = error.status not in AGAIN or (told or 0) > self._patience
                if (is_final or failures == TRIES) and not self._closed.is_set():
                    raise
            finally:
                with self._lock:
                    self._streams.discard(stream)
                connection.close()
            if self._closed.wait(told or pause):
                return

    def _target(self, path, query):
        given = {name: value for name, value in (query or {}).items() if value is not None}
        return self._base + path + ("?" + urllib.parse.urlencode(given) if given else "")

    def _send(self, method, target, data, headers):
        connection = self._kept() or self._connect()
        is_kept = False
        try:
            connection.request(method, target, body=data, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            with self._lock:
                is_kept = not self._closed.is_set()
                if is_kept:
                    self._idle.append(connection)
        finally:
            if not is_kept:
                connection.close()
        return answer.status, answer.headers, content

    def _kept(self):
        """A connection that was kept and that the server has not closed since, where there is one.

        What is sent over one that is closed is lost, and not everything may be sent again.
        """
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None or not _has_ended(connection.sock):
                return connection
            connection.close()

    def _close_idle(self):
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _refuse_closed(self):
        if self._closed.is_set():
            raise RuntimeError("the client is closed")


def _has_ended(sock):
    """Whether a socket over which nothing is asked can be read: what comes then is its end."""
    if sock is None:
        return False
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(0))


def _frames(lines):
    """The frames of server-sent events. JSON has no raw line breaks: one `data` line holds it."""
    frame = {}
    for line in lines:
        name, _, value = line.decode().rstrip("\r\n").partition(":")
        if name:
            frame[name] = value[1:] if value.startswith(" ") else value
        elif not value:
            yield frame
            frame = {}


def _things(value):
    if isinstance(value, dict):
        return Thing((name, _things(part)) for name, part in value.items())
    if isinstance(value, list):
        return [_things(part) for part in value]
    return value


def _refusal(status, headers, answer):
    return ApiError(status, _problem(answer), _seconds(headers.get("retry-after")))


def _seconds(text):
    """How long to wait. A proxy may name an instant in place of it, which is as good as nothing said."""
    return float(text) if text and text.isdecimal() else None


def _problem(answer):
    try:
        problem = json.loads(answer)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}
