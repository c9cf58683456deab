"""The guide's snippets against a running server, which RESONANT_URL and RESONANT_API_KEY name."""

import asyncio
import unittest

from resonant import ApiError, Client

NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.client = Client()
        self.addCleanup(self.client.close)
        self.ids = [self.client.agents.create(f"Agent {number}").id for number in range(1, 4)]

    def test_many_agents_in_one_request(self):
        client, (agent_1, agent_2, agent_3) = self.client, self.ids

        async def snippet():
            return await client.agents.get_many([agent_1, agent_2, agent_3])

        agents = asyncio.run(snippet())
        self.assertEqual([agent.id for agent in agents], self.ids)
        self.assertEqual(client.agents.get_many([NOBODY]).missing, [NOBODY])

    def test_only_the_needed_fields(self):
        client, agent_id = self.client, self.ids[0]

        async def snippet():
            agent = await client.agents.get(
                agent_id,
                fields=["id", "name", "status"]
            )
            return agent

        agent = asyncio.run(snippet())
        self.assertEqual(agent, {"id": agent_id, "name": "Agent 1", "status": "active"})

    def test_pages_by_offset_and_by_cursor(self):
        page = self.client.agents.list(
            limit=2,
            offset=0,
            order_by="created_at DESC"
        )
        self.assertEqual([agent.id for agent in page], [self.ids[2], self.ids[1]])
        self.assertTrue(page.has_more)
        following = self.client.agents.list(
            limit=1, order_by="created_at DESC", cursor=page.next_cursor
        )
        self.assertEqual(following[0].id, self.ids[0])
        every = [agent.id for agent in self.client.agents.all(limit=2)]
        self.assertEqual(len(set(every)), len(every))
        self.assertLessEqual(set(self.ids), set(every))

    def test_agents_are_found_by_their_name(self):
        page = self.client.agents.list(name="AGENT 2", order_by="runs DESC", fields=["id", "name"])
        self.assertEqual({agent.name for agent in page}, {"Agent 2"})
        self.assertIn(self.ids[1], [agent.id for agent in page])

    def test_sessions_come_with_their_agent(self):
        session = self.client.agents.execute(self.ids[0], goal="What is 1 + 1?")
        self.assertEqual(session.origin.kind, "api")
        agent = self.client.agents.get(self.ids[0], include=["sessions"])
        self.assertEqual([own.id for own in agent.sessions], [session.id])
        self.assertEqual(agent.sessions[0].origin, session.origin)
        self.assertEqual(self.client.sessions.get(session.id, fields=["goal"]).goal, "What is 1 + 1?")
        self.assertEqual(self.client.sessions.list(agent_id=self.ids[0])[0].id, session.id)
        self.client.sessions.cancel(session.id)

    def test_one_name_may_stand_alone(self):
        session = self.client.agents.execute(self.ids[0], goal="What is 1 + 1?")
        whole = self.client.sessions.get(session.id, fields="goal", include="events")
        self.assertEqual(set(whole), {"goal", "events", "has_more"})
        agent = self.client.agents.get(self.ids[0], fields="id", include="sessions")
        self.assertEqual([own.id for own in agent.sessions], [session.id])
        self.assertEqual(set(self.client.metrics.get("cache.hit_rate")), {"cache.hit_rate"})
        self.client.sessions.cancel(session.id)

    def test_a_listing_is_installed(self):
        listing = self.client.listings.list(limit=1)[0]
        self.assertEqual(self.client.listings.install(listing.slug).listing_id, listing.id)

    def test_a_refusal_says_why(self):
        with self.assertRaises(ApiError) as refused:
            self.client.agents.get(self.ids[0], fields=["nmae"])
        self.assertEqual(refused.exception.status, 400)
        self.assertEqual(refused.exception.errors[0].get("field"), "fields")
        self.assertTrue(refused.exception.request_id)
        with self.assertRaises(ApiError) as missing:
            self.client.agents.get(NOBODY)
        self.assertEqual(missing.exception.status, 404)

    def test_an_agent_is_changed_and_deleted(self):
        changed = self.client.agents.update(self.ids[0], description="new")
        self.assertEqual(changed.description, "new")
        self.client.agents.delete(self.ids[0])
        self.assertEqual(self.client.agents.get_many(self.ids).missing, [self.ids[0]])

    def test_a_deleted_agent_comes_back(self):
        agents, (one, other, _) = self.client.agents, self.ids
        self.assertCountEqual(agents.change_many([one, other, NOBODY], "delete"), [one, other])
        self.assertLessEqual({one, other}, {agent.id for agent in agents.trash(limit=200)})
        self.assertEqual(agents.restore(one).id, one)
        agents.erase(other)
        with self.assertRaises(ApiError) as gone:
            agents.restore(other)
        self.assertEqual(gone.exception.status, 404)

    def test_editions_are_compared_and_run(self):
        agents, agent_id = self.client.agents, self.ids[0]
        agents.update(agent_id, name="Better")
        self.assertEqual(agents.diff(agent_id, "draft"), {"fields": [], "prompt": []})
        session = agents.execute(agent_id, "What is 1 + 1?", edition="draft")
        self.assertEqual((session.agent_name, session.agent_version), ("Better", None))
        self.assertEqual(agents.numbers(agent_id).versions[0].sessions, 1)
        self.assertEqual(self.client.usage.get(agent_id).agents[0].name, "Better")

    def test_a_session_is_forked_and_steered(self):
        sessions = self.client.sessions
        session = self.client.agents.execute(self.ids[0], goal="What is 1 + 1?")
        fork = sessions.fork(session.id, goal="What is 2 + 2?", system_prompt="Be brief.")
        self.assertEqual((fork.goal, fork.parent.session_id), ("What is 2 + 2?", session.id))
        self.assertEqual(sessions.say(session.id, "Quickly").id, session.id)
        # Nothing has begun, failed, or waits.
        for status, verb in (
            (404, lambda: sessions.step_input(session.id, 1)),
            (400, lambda: sessions.retry(session.id, step=1)),
            (409, lambda: sessions.retry(session.id)),
            (409, lambda: sessions.decide(session.id, 1, "answer")),
        ):
            with self.assertRaises(ApiError) as refused:
                verb()
            self.assertEqual(refused.exception.status, status)

    def test_a_session_is_shared_until_it_is_not(self):
        sessions = self.client.sessions
        session = self.client.agents.execute(self.ids[0], goal="What is 1 + 1?")
        link = sessions.share(session.id)
        self.assertTrue(link.url.endswith(f"/shared/{link.token}"))
        self.assertEqual(sessions.shared(link.token).session.goal, "What is 1 + 1?")
        sessions.unshare(session.id)
        with self.assertRaises(ApiError) as gone:
            sessions.shared(link.token)
        self.assertEqual(gone.exception.status, 404)

    def test_metrics_by_their_names(self):
        client = self.client
        metrics = client.metrics.get(
            metrics=[
                "api.latency.p50",
                "api.latency.p99",
                "agent.execution.duration",
                "cache.hit_rate"
            ],
            period="1h"
        )

        shown = [
            f"API p50: {metrics.api_latency_p50}ms",
            f"API p99: {metrics.api_latency_p99}ms",
            f"Cache hit rate: {metrics.cache_hit_rate}%",
        ]
        self.assertEqual(len(shown), 3)

    def test_metrics_of_one_route_alone(self):
        # One request of that route was measured before, and others.
        def count(label):
            return self.client.metrics.get(["api.latency.count"], label=label).api_latency_count

        self.assertEqual(count("GET /api/v1/listings"), 1)
        self.assertGreater(count(None), 1)

    def test_an_alert_on_slow_responses(self):
        client = self.client
        # Alert on slow responses
        client.alerts.create(
            name="Slow API Response",
            type="threshold",
            metric="api.latency.p99",
            condition={
                "operator": "gt",
                "value": 1000,  # 1 second
                "period": "5m"
            },
            severity="warning"
        )
        alert = client.alerts.list()[0]
        self.assertEqual((alert.name, alert.state), ("Slow API Response", "quiet"))
        self.assertTrue(client.alerts.silence(alert.id, "1h").silenced_until)
        self.assertEqual(client.alerts.events(alert.id)[0].kind, "silenced")
        client.alerts.delete(alert.id)
        self.assertEqual(client.alerts.list(), [])

    def test_an_alert_is_read_replaced_and_tested(self):
        alerts = self.client.alerts
        rule = {"name": "Slow", "type": "threshold", "metric": "api.latency.p99"}
        condition = {"operator": "gt", "value": 1000, "period": "5m"}
        made = alerts.create(**rule, condition=condition)
        self.addCleanup(alerts.delete, made.id)
        self.assertEqual(alerts.get(made.id).condition.value, 1000)
        # It neither fires nor has a channel.
        for verb in (alerts.acknowledge, alerts.resolve, alerts.test):
            with self.assertRaises(ApiError) as refused:
                verb(made.id)
            self.assertEqual(refused.exception.status, 409, verb.__name__)
        self.assertEqual(alerts.deliveries(made.id), [])
        replaced = alerts.replace(
            made.id, **rule, condition={**condition, "value": 500}, severity="critical",
            channels=[{"type": "webhook", "url": "https://example.org/alert"}],
        )
        self.assertEqual((replaced.condition.value, replaced.severity), (500, "critical"))
        self.assertEqual(alerts.test(made.id).id, made.id)
        told = alerts.deliveries(made.id)[0]
        self.assertEqual((told.event, told.state), ("tested", "pending"))

    def test_a_session_is_followed_to_its_end(self):
        session = self.client.agents.execute(self.ids[0], goal="What is 1 + 1?")
        self.client.sessions.cancel(session.id)
        events = list(self.client.sessions.stream(session.id))
        self.assertEqual(events[-1].type, "done")
        self.assertEqual([event.sequence for event in events], list(range(1, len(events) + 1)))
        self.assertEqual(list(self.client.sessions.stream(session.id, events[-1].sequence)), [])

    def test_service_levels_stand_beside_their_targets(self):
        report = self.client.service_levels.get(period="2h")
        self.assertEqual(report.period, "2h")
        self.assertIn("api.latency.p99", [level.metric for level in report.levels])

    def test_operations_tell_how_the_parts_stand(self):
        overview = self.client.operations.get(period="2h")
        self.assertEqual(overview.period, "2h")
        self.assertIn("Sessions running", [chart.title for chart in overview.charts])


if __name__ == "__main__":
    unittest.main()
