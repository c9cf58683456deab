"""One request and its answer, or the events that follow it."""

import functools
import http.client
import json
import time
import urllib.parse
import uuid

from .thing import Thing

#: Answers after which the same request may be sent again.
AGAIN = frozenset({429, 503})
#: How often a request is sent at most, and the longest pause before it is sent again, in seconds.
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
    """Sends requests over one connection that is kept open. Not for several threads at once."""

    def __init__(self, url, api_key=None, timeout=30.0):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("the server's address must be such as https://resonant.example.org")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connect = functools.partial(kind, parts.hostname, parts.port, timeout=timeout)
        self._connection = self._connect()
        self._base = parts.path.rstrip("/") + "/api/v1"
        self._headers = {"accept": "application/json"}
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key}"

    def close(self):
        self._connection.close()

    def ask(self, method, path, query=None, body=None):
        """Answers the JSON of a success; raises ApiError otherwise."""
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
                self._connection.close()
                if attempt == TRIES or method not in ("GET", "POST"):
                    raise
                time.sleep(min(0.1 * 2**attempt, PAUSE_MAX))
                continue
            if 200 <= status < 300:
                return _things(json.loads(answer)) if answer else Thing()
            error = _refusal(status, answer_headers, answer)
            is_twin = status == 409 and error.retry_after is not None
            if attempt == TRIES or not (status in AGAIN or is_twin):
                raise error
            time.sleep(min(error.retry_after or 0.1 * 2**attempt, PAUSE_MAX))

    def follow(self, path, query=None):
        """Yields the events of a stream until it says that it is at its end.

        The stream has a connection of its own. A stream that breaks off, as when its server is
        restarted, is asked for again and goes on after its last event.
        """
        target = self._target(path, query)
        headers = {**self._headers, "accept": "text/event-stream"}
        pause, failures = 1.0, 0
        while True:
            connection = self._connect()
            try:
                connection.request("GET", target, headers=headers)
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
            except (OSError, http.client.HTTPException, ApiError) as error:
                failures += 1
                is_final = isinstance(error, ApiError) and error.status not in AGAIN
                if is_final or failures == TRIES:
                    raise
            finally:
                connection.close()
            time.sleep(pause)

    def _target(self, path, query):
        given = {name: value for name, value in (query or {}).items() if value is not None}
        return self._base + path + ("?" + urllib.parse.urlencode(given) if given else "")

    def _send(self, method, target, data, headers):
        self._connection.request(method, target, body=data, headers=headers)
        answer = self._connection.getresponse()
        return answer.status, answer.headers, answer.read()


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
    wait = headers.get("retry-after")
    return ApiError(status, _problem(answer), float(wait) if wait else None)


def _problem(answer):
    try:
        problem = json.loads(answer)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}
