"""Streams against a server of this file that breaks off, which the real one does when it is restarted."""

import http.server
import threading
import unittest
import unittest.mock

from resonant import ApiError, Client


class BreaksOff(http.server.BaseHTTPRequestHandler):
    """Sends one event for each connection; the third time the stream is at its end."""

    def do_GET(self):  # noqa: N802
        last = self.headers.get("last-event-id")
        self.server.asked.append(last)
        if self.path.endswith("/service-levels/stream"):
            self.send_error(403)
            return
        if self.server.waits:
            self.send_response(429)
            self.send_header("retry-after", self.server.waits.pop(0))
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        number = int(last or 0) + 1
        self.wfile.write(b"retry: 10\n\n: still here\n\n")
        self.wfile.write(b'event: pins\ndata: {"pins":[1]}\n\n')
        self.wfile.write(b'id: %d\ndata: {"sequence":%d}\n\n' % (number, number))
        if number == 3:
            self.wfile.write(b"event: end\ndata: {}\n\n")

    def log_message(self, *_):
        """Tests have a quiet log."""


class StreamTest(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), BreaksOff)
        self.server.asked, self.server.waits = [], []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.client = Client("http://127.0.0.1:%d" % self.server.server_address[1])
        self.addCleanup(self.client.close)

    def test_a_stream_goes_on_after_its_last_event(self):
        events = [event.sequence for event in self.client.sessions.stream("one")]
        self.assertEqual(events, [1, 2, 3])
        self.assertEqual(self.server.asked, [None, "1", "2"])

    def test_who_is_told_to_wait_waits_as_long_and_no_longer_than_they_like(self):
        closed = self.client._http._closed
        with unittest.mock.patch.object(closed, "wait", return_value=False) as wait:
            self.server.waits = ["5"]
            next(self.client.sessions.stream("one"))
            wait.assert_called_once_with(5.0)
            self.server.waits = ["61", "1"]
            with self.assertRaises(ApiError) as refused:
                next(self.client.sessions.stream("one"))
            self.assertEqual((refused.exception.status, refused.exception.retry_after), (429, 61.0))
            wait.assert_called_once()

    def test_a_refusal_ends_a_stream(self):
        with self.assertRaises(ApiError) as refused:
            next(self.client.service_levels.stream())
        self.assertEqual(refused.exception.status, 403)
        self.assertEqual(len(self.server.asked), 1)


if __name__ == "__main__":
    unittest.main()
