"""Times that must fit each other: a proxy waits for longer than a server takes to say that it cannot, and
whoever stops a process for longer than it takes to end."""

import re


def check(root, fault, all_manifests, services):
    """Tells `fault` of each time that is too short."""

    def seconds_of(path, name):
        written = rf"const {name}: Duration = Duration::from_(secs|millis)\((\d+)\);"
        unit, number = re.search(written, (root / path).read_text()).groups()
        return int(number) if unit == "secs" else int(number) / 1000

    def check_stop(place, settings, patience):
        leave = int(settings.get("LEAVE_AFTER_SECONDS", 0))
        drain = int(settings.get("DRAIN_SECONDS", seconds_of("server/src/serve.rs", "GRACE")))
        last_words = seconds_of("server/src/jobs.rs", "LAST_WORDS")
        # The jobs have as long for their last words at least. Then, one after the other: the last measurements,
        # the last spans, threads that still compute.
        longest = leave + max(drain, last_words) + last_words
        longest += seconds_of("server/src/telemetry/spans.rs", "LAST_WORDS")
        longest += seconds_of("server/src/threads.rs", "LAST_MOMENT")
        if patience <= longest:
            fault(place, f"kills after {patience} s a process that may take {longest}")

    nginx = (root / "deploy/nginx/resonant.conf").read_text()
    patience = int(re.search(r"^    proxy_read_timeout (\d+)s;", nginx, re.M)[1])
    longest = max(seconds_of("server/src/router.rs", name) for name in ["ANSWER_TIME", "PAGE_TIME"])
    if patience <= longest:
        fault("resonant.conf", f"waits {patience} s for an answer, and servers take up to {longest}")
    kept = int(re.search(r"keepalive_timeout (\d+)s;", nginx)[1])
    head = seconds_of("server/src/serve/connections.rs", "HEAD_TIME")
    if kept >= head:
        fault("resonant.conf", f"keeps connections for {kept} s, and servers close them after {head}")

    for name, service in services.items():
        if "stop_grace_period" in service:
            grace = int(service["stop_grace_period"].removesuffix("s"))
            check_stop(f"compose.yaml {name}", service["environment"], grace)
    shared = next(one["data"] for _, one in all_manifests if one["kind"] == "ConfigMap")
    for place, document in all_manifests:
        if document["kind"] == "Deployment":
            pod = document["spec"]["template"]["spec"]
            own = {one["name"]: one["value"] for container in pod["containers"] for one in container["env"]}
            check_stop(place, shared | own, pod["terminationGracePeriodSeconds"])
    unit = (root / "deploy/systemd/resonant@.service").read_text()
    check_stop("resonant@.service", {}, int(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.M)[1]))
