"""Tasks that do nothing, on Celery over Redis. `tasks.py COUNT` queues so many, and prints how many a
second a worker with so many processes finished: from the first word to the last."""

import os
import subprocess
import sys
import time

import redis
from celery import Celery

URL = os.environ["PEER_REDIS_URL"]
app = Celery("bench", broker=URL)
app.conf.update(
    task_ignore_result=True,
    # What is lost with its worker is done again, as here.
    task_acks_late=True,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)
counts = redis.Redis.from_url(URL)


@app.task(name="nothing")
def nothing():
    counts.incr("bench_done")


def main(count: int, processes: int):
    counts.flushdb()
    for _ in range(count):
        nothing.delay()
    command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--without-gossip",
               "--without-mingle", "--without-heartbeat", "-c", str(processes), "-l", "error"]
    worker = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        # The time that the worker takes to start is not counted.
        while int(counts.get("bench_done") or 0) == 0:
            time.sleep(0.001)
        first, began = int(counts.get("bench_done")), time.perf_counter()
        while int(counts.get("bench_done")) < count:
            time.sleep(0.005)
        print(f"{(count - first) / (time.perf_counter() - began):.1f}")
    finally:
        worker.terminate()
        worker.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
