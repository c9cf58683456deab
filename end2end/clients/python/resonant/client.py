"""The resources of the interface, each with its verbs."""

import os
import urllib.parse

from .http import Http
from .thing import Page


def _list(names):
    """Names with commas in between; one may stand alone."""
    return names if isinstance(names, str) else ",".join(names) if names else None


def _id(text):
    return urllib.parse.quote(str(text), safe="")


class Agents:
    """`/api/v1/agents`"""

    def __init__(self, http):
        self._http = http

    def list(self, limit=None, cursor=None, offset=None, order_by=None, status=None, fields=None,
             include=None, name=None):
        query = {
            "limit": limit, "cursor": cursor, "offset": offset, "order_by": order_by,
            "status": status, "name": name, "fields": _list(fields), "include": _list(include),
        }
        answer = self._http.ask("GET", "/agents", query)
        return Page(answer.agents, answer.next_cursor)

    def all(self, **filters):
        """Every agent, page after page."""
        page = self.list(**filters)
        while True:
            yield from page
            if not page.has_more:
                return
            page = self.list(**{**filters, "offset": None, "cursor": page.next_cursor})

    def get(self, agent_id, fields=None, include=None):
        query = {"fields": _list(fields), "include": _list(include)}
        return self._http.ask("GET", f"/agents/{_id(agent_id)}", query)

    def get_many(self, agent_ids, fields=None, include=None):
        """Up to 100 agents in one request, in the order of their ids; `missing` holds the others."""
        query = {"fields": _list(fields), "include": _list(include)}
        answer = self._http.ask("POST", "/agents/batch", query, {"ids": list(agent_ids)})
        return Page(answer.agents, missing=answer.missing)

    def create(self, name, **spec):
        return self._http.ask("POST", "/agents", body={"name": name, **spec})

    def update(self, agent_id, **changes):
        return self._http.ask("PATCH", f"/agents/{_id(agent_id)}", body=changes)

    def delete(self, agent_id):
        return self._http.ask("DELETE", f"/agents/{_id(agent_id)}")

    def trash(self, limit=None, cursor=None):
        answer = self._http.ask("GET", "/agents/trash", {"limit": limit, "cursor": cursor})
        return Page(answer.agents, answer.next_cursor)

    def restore(self, agent_id):
        return self._http.ask("POST", f"/agents/{_id(agent_id)}/restore")

    def erase(self, agent_id):
        """Takes an agent of the trash away for good."""
        return self._http.ask("DELETE", f"/agents/trash/{_id(agent_id)}")

    def change_many(self, agent_ids, action):
        """`resume`, `pause`, `archive`, `delete` or `restore`; answers the ids of those that it changed."""
        body = {"ids": list(agent_ids), "action": action}
        return Page(self._http.ask("POST", "/agents/changes", body=body).changed)

    def execute(self, agent_id, goal, **options):
        """`edition` runs the draft or a version by its number, in place of what runs otherwise."""
        body = {"goal": goal, **options}
        return self._http.ask("POST", f"/agents/{_id(agent_id)}/execute", body=body)

    def diff(self, agent_id, before, after="draft"):
        """What differs between two editions, each `draft` or the number of a version."""
        query = {"before": before, "after": after}
        return self._http.ask("GET", f"/agents/{_id(agent_id)}/diff", query)

    def numbers(self, agent_id):
        """Sessions, success, time and cost by version, sessions by day, the last failures."""
        return self._http.ask("GET", f"/agents/{_id(agent_id)}/numbers")


class Sessions:
    """`/api/v1/sessions`"""

    def __init__(self, http):
        self._http = http

    def list(self, agent_id=None, limit=None, cursor=None, fields=None):
        query = {"agent_id": agent_id, "limit": limit, "cursor": cursor, "fields": _list(fields)}
        answer = self._http.ask("GET", "/sessions", query)
        return Page(answer.sessions, answer.next_cursor)

    def get(self, session_id, fields=None, include=None, after=None):
        """With `include="events"` at most 1,000 of them, after a number; `has_more` tells of others."""
        query = {"fields": _list(fields), "include": _list(include), "after": after}
        return self._http.ask("GET", f"/sessions/{_id(session_id)}", query)

    def cancel(self, session_id):
        return self._http.ask("POST", f"/sessions/{_id(session_id)}/cancel")

    def say(self, session_id, text, context=None):
        body = {"text": text, "context": context}
        return self._http.ask("POST", f"/sessions/{_id(session_id)}/messages", body=body)

    def decide(self, session_id, waiting, kind, **decision):
        """Approves calls, answers, or raises a budget; `waiting` is the `sequence` of what it waits for."""
        body = {"waiting": waiting, "kind": kind, **decision}
        return self._http.ask("POST", f"/sessions/{_id(session_id)}/decisions", body=body)

    def retry(self, session_id, step=None):
        """Goes on from the step that failed; with a step, tries that one anew in another session."""
        place = "" if step is None else f"/steps/{_id(step)}"
        return self._http.ask("POST", f"/sessions/{_id(session_id)}{place}/retry")

    def fork(self, session_id, step=0, **changes):
        """Another session with the steps up to this one; `goal`, `system_prompt`, `model_policy` change it."""
        body = {"step": step, **changes}
        return self._http.ask("POST", f"/sessions/{_id(session_id)}/fork", body=body)

    def step_input(self, session_id, step):
        """What the model was given for a step."""
        return self._http.ask("GET", f"/sessions/{_id(session_id)}/steps/{_id(step)}/input")

    def share(self, session_id):
        """Makes a link by which anyone reads the session, or answers the one that there is: `token`, `url`."""
        return self._http.ask("PUT", f"/sessions/{_id(session_id)}/share")

    def unshare(self, session_id):
        return self._http.ask("DELETE", f"/sessions/{_id(session_id)}/share")

    def shared(self, token):
        """A session and its log, by the token of a link."""
        return self._http.ask("GET", f"/shared/{_id(token)}")

    def stream(self, session_id, after=None):
        """Yields the session's events as they happen, from the first one or after a number, to its end."""
        return self._http.follow(f"/sessions/{_id(session_id)}/stream", {"after": after})


class Listings:
    """`/api/v1/listings`"""

    def __init__(self, http):
        self._http = http

    def list(self, query=None, category=None, sort=None, limit=None, cursor=None, fields=None):
        asked = {
            "query": query, "category": category, "sort": sort, "limit": limit, "cursor": cursor,
            "fields": _list(fields),
        }
        answer = self._http.ask("GET", "/listings", asked)
        return Page(answer.listings, answer.next_cursor)

    def get(self, slug, fields=None):
        return self._http.ask("GET", f"/listings/{_id(slug)}", {"fields": _list(fields)})

    def install(self, slug):
        return self._http.ask("POST", f"/listings/{_id(slug)}/install")


class Usage:
    """`/api/v1/usage`"""

    def __init__(self, http):
        self._http = http

    def get(self, agent_id=None):
        """What was used: in this month by agent, by day, and by month."""
        return self._http.ask("GET", "/usage", {"agent_id": agent_id})


class Metrics:
    """`/api/v1/metrics`"""

    def __init__(self, http):
        self._http = http

    def get(self, metrics, period="1h", label=None):
        """The figures by name: `api.latency.p50` is the attribute `api_latency_p50`.

        With a label they are those of one route, agent, statement, model, tool or kind alone.
        """
        query = {"metrics": _list(metrics), "period": period, "label": label}
        answer = self._http.ask("GET", "/metrics", query)
        figures = answer.get("metrics", answer)
        return figures if isinstance(figures, dict) else answer


class Alerts:
    """`/api/v1/alerts`"""

    def __init__(self, http):
        self._http = http

    def create(self, name, type, condition, metric=None, severity="warning", **more):  # noqa: A002
        """A composite has no metric of its own; `channels` (webhook, slack, mail) and `for_duration` go into `more`."""
        body = {
            "name": name, "type": type, "metric": metric, "condition": condition,
            "severity": severity, **more,
        }
        return self._http.ask("POST", "/alerts", body=body)

    def list(self):
        # There are no more than one page holds.
        return Page(self._http.ask("GET", "/alerts", {"limit": 200}).alerts)

    def get(self, alert_id):
        return self._http.ask("GET", f"/alerts/{_id(alert_id)}")

    def replace(self, alert_id, name, type, condition, metric=None, **more):  # noqa: A002
        body = {"name": name, "type": type, "metric": metric, "condition": condition, **more}
        return self._http.ask("PUT", f"/alerts/{_id(alert_id)}", body=body)

    def delete(self, alert_id):
        return self._http.ask("DELETE", f"/alerts/{_id(alert_id)}")

    def acknowledge(self, alert_id):
        return self._http.ask("POST", f"/alerts/{_id(alert_id)}/acknowledge")

    def silence(self, alert_id, period=None):
        """Nobody is told for the period, such as `1h`; without one the silence ends."""
        return self._http.ask("POST", f"/alerts/{_id(alert_id)}/silence", body={"period": period})

    def resolve(self, alert_id):
        return self._http.ask("POST", f"/alerts/{_id(alert_id)}/resolve")

    def test(self, alert_id):
        """Sends a message to every channel."""
        return self._http.ask("POST", f"/alerts/{_id(alert_id)}/test")

    def stream(self):
        """Yields when alerts may have changed, without an end."""
        return self._http.follow("/alerts/stream")

    def events(self, alert_id, limit=None, cursor=None):
        query = {"limit": limit, "cursor": cursor}
        answer = self._http.ask("GET", f"/alerts/{_id(alert_id)}/events", query)
        return Page(answer.events, answer.next_cursor)

    def deliveries(self, alert_id, limit=None, cursor=None):
        """The messages to channels, the newest first, and how each stands."""
        query = {"limit": limit, "cursor": cursor}
        answer = self._http.ask("GET", f"/alerts/{_id(alert_id)}/deliveries", query)
        return Page(answer.deliveries, answer.next_cursor)


class ServiceLevels:
    """`/api/v1/service-levels`"""

    def __init__(self, http):
        self._http = http

    def get(self, period=None):
        """The targets and what was measured of them, over the last hour or a period such as `7d`."""
        return self._http.ask("GET", "/service-levels", {"period": period})

    def stream(self):
        """Yields when something was measured, without an end."""
        return self._http.follow("/service-levels/stream")


class Operations:
    """`/api/v1/operations`"""

    def __init__(self, http):
        self._http = http

    def get(self, period=None):
        """How the parts of the installation stand, over the last hour or a period such as `7d`."""
        return self._http.ask("GET", "/operations", {"period": period})


RESOURCES = {
    "agents": Agents, "sessions": Sessions, "listings": Listings, "usage": Usage,
    "metrics": Metrics, "alerts": Alerts, "service_levels": ServiceLevels, "operations": Operations,
}


class Client:
    """The interface, call by call. Without arguments it reads RESONANT_URL and RESONANT_API_KEY.

    A call waits for its answer. The answer may be awaited too, for code that is written so; where an
    event loop has other things to do meanwhile, use `asyncio.to_thread`. Several threads may use one
    client.

    A request that is refused for a while is sent again when the server said, unless that is further off than
    `patience`, in seconds.
    """

    def __init__(self, url=None, api_key=None, timeout=30.0, patience=60.0):
        url = url or os.environ.get("RESONANT_URL", "http://127.0.0.1:3000")
        self._http = Http(url, api_key or os.environ.get("RESONANT_API_KEY"), timeout, patience)
        for name, resource in RESOURCES.items():
            setattr(self, name, resource(self._http))

    def close(self):
        self._http.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
