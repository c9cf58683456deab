"""One request and its answer."""

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
        self._connection = kind(parts.hostname, parts.port, timeout=timeout)
        self._base = parts.path.rstrip("/") + "/api/v1"
        self._headers = {"accept": "application/json"}
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key}"

    def close(self):
        self._connection.close()

    def ask(self, method, path, query=None, body=None):
        """Answers the JSON of a success; raises ApiError otherwise."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        target = self._base + path + ("?" + urllib.parse.urlencode(given) if given else "")
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
            wait = answer_headers.get("retry-after")
            error = ApiError(status, _problem(answer), float(wait) if wait else None)
            is_twin = status == 409 and error.retry_after is not None
            if attempt == TRIES or not (status in AGAIN or is_twin):
                raise error
            time.sleep(min(error.retry_after or 0.1 * 2**attempt, PAUSE_MAX))

    def _send(self, method, target, data, headers):
        self._connection.request(method, target, body=data, headers=headers)
        answer = self._connection.getresponse()
        return answer.status, answer.headers, answer.read()


def _things(value):
    if isinstance(value, dict):
        return Thing((name, _things(part)) for name, part in value.items())
    if isinstance(value, list):
        return [_things(part) for part in value]
    return value


def _problem(answer):
    try:
        problem = json.loads(answer)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}
