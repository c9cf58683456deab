"""Several threads, and an event loop, with one client against a server of this file."""

import asyncio
import concurrent.futures
import http.server
import json
import socket
import threading
import unittest
import unittest.mock

from resonant import ApiError, Client

THREADS, ROUNDS, PATIENCE = 8, 5, 20


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with the id that it was asked for; a batch has nothing; a stream sends an event and stays."""

    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.sockets.append(self.connection)

    def finish(self):
        super().finish()
        self.server.ended.release()

    def do_GET(self):  # noqa: N802
        if self.server.lost:
            self.server.lost -= 1
            self.close_connection = True
            return
        if self.path.endswith("/stream"):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'id: 1\ndata: {"sequence":1}\n\n')
            self.rfile.read()
            self.close_connection = True
            return
        if self.server.together:
            # Nobody is answered before everybody has asked.
            self.server.together.wait(PATIENCE)
        self.answer({"id": self.path.rpartition("/")[2]})

    def do_POST(self):  # noqa: N802
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.answer({"agents": [], "missing": asked["ids"], "changed": asked["ids"]})

    def do_PATCH(self):  # noqa: N802
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()

    def answer(self, value):
        content = json.dumps(value).encode()
        waits = self.server.waits
        self.send_response(429 if waits else 200)
        if waits:
            self.send_header("retry-after", str(waits.pop(0)))
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Tests have a quiet log."""


class OneClientTest(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        self.server.together, self.server.lost, self.server.waits = None, 0, []
        self.server.sockets, self.server.ended = [], threading.Semaphore(0)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.client = Client("http://127.0.0.1:%d" % self.server.server_address[1])
        self.addCleanup(self.client.close)

    def ask_in_threads(self):
        """Every thread asks at the same time; the ids that they asked for and those that they got."""
        self.server.together = threading.Barrier(THREADS)
        asked = [f"agent-{number}" for number in range(THREADS * ROUNDS)]
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            got = [agent.id for agent in pool.map(self.client.agents.get, asked)]
        self.server.together = None
        return asked, got

    def have_ended(self, count):
        """Whether the server saw the end of so many connections."""
        return all(self.server.ended.acquire(timeout=PATIENCE) for _ in range(count))

    def test_each_thread_gets_its_own_answers(self):
        asked, got = self.ask_in_threads()
        self.assertEqual(got, asked)
        # They are kept, and so are they for another thread.
        self.client.agents.get("one")
        self.assertEqual(len(self.server.sockets), THREADS)

    def test_closing_closes_every_connection(self):
        self.ask_in_threads()
        events = self.client.sessions.stream("one")
        next(events)
        self.client.close()
        self.assertEqual(list(events), [])
        self.assertTrue(self.have_ended(THREADS + 1))
        for call in (lambda: self.client.agents.get("one"), lambda: next(self.client.sessions.stream("one"))):
            with self.assertRaisesRegex(RuntimeError, "closed"):
                call()

    def test_closing_ends_a_stream_that_another_thread_reads(self):
        begun = threading.Event()

        def read():
            sequences = []
            for event in self.client.sessions.stream("one"):
                sequences.append(event.sequence)
                begun.set()
            return sequences

        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            reading = pool.submit(read)
            self.assertTrue(begun.wait(PATIENCE))
            self.assertEqual(self.client.agents.get("two").id, "two")
            self.client.close()
            self.assertEqual(reading.result(PATIENCE), [1])

    def test_kept_connections_may_all_be_lost(self):
        self.ask_in_threads()
        for connection in self.server.sockets:
            connection.shutdown(socket.SHUT_RDWR)
        self.assertTrue(self.have_ended(THREADS))
        with unittest.mock.patch("time.sleep") as pause:
            # What changes something is sent once: not over one of them.
            self.assertEqual(self.client.agents.update("one", name="Other").id, "one")
            self.assertEqual(self.client.agents.get("two").id, "two")
        pause.assert_not_called()
        self.assertEqual(len(self.server.sockets), THREADS + 1)

    def test_what_is_lost_on_the_way_is_sent_again_where_it_may_be(self):
        with unittest.mock.patch("time.sleep") as pause:
            self.server.lost = 1
            self.assertEqual(self.client.agents.get("one").id, "one")
            pause.assert_called_once()
            self.server.lost = 1
            with self.assertRaises(ConnectionError):
                self.client.agents.update("one", name="Other")
        self.assertEqual(self.server.lost, 0)

    def test_who_is_told_to_wait_waits_as_long_and_no_longer_than_they_like(self):
        with unittest.mock.patch("time.sleep") as pause:
            self.server.waits = [20]
            self.assertEqual(self.client.agents.get("one").id, "one")
            pause.assert_called_once_with(20.0)
            self.server.waits = [61, 1]
            with self.assertRaises(ApiError) as refused:
                self.client.agents.get("one")
            self.assertEqual((refused.exception.status, refused.exception.retry_after), (429, 61.0))
            pause.assert_called_once()
            # A proxy may name an instant: that is no number of seconds.
            self.server.waits = ["Tue, 01 Dec 2026 12:00:00 GMT"]
            self.assertEqual(self.client.agents.get("two").id, "two")
            self.assertLess(pause.call_args.args[0], 1)

    def test_answers_are_gathered(self):
        agents = self.client.agents

        async def snippet():
            return await asyncio.gather(
                agents.get("one"),
                agents.get("two"),
                agents.get_many(["three"]),
                agents.get_many(["four"]),
                agents.change_many(["one"], "pause"),
                asyncio.wait_for(agents.get("five"), PATIENCE),
                asyncio.ensure_future(agents.get("six")),
                asyncio.to_thread(agents.get, "seven"),
            )

        one, two, three, four, changed, five, six, seven = asyncio.run(snippet())
        self.assertEqual([agent.id for agent in (one, two, five, six, seven)],
                         ["one", "two", "five", "six", "seven"])
        # Both pages are empty, and equal; each is its own.
        self.assertEqual((three.missing, four.missing), (["three"], ["four"]))
        self.assertEqual((one, three, changed), ({"id": "one"}, [], ["one"]))


if __name__ == "__main__":
    unittest.main()
