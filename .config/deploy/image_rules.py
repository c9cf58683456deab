"""Rules of the container image, which no test builds: those of hadolint that matter here, and what ties the
Containerfile to its neighbours. Versions of Debian's packages are Debian's to choose: its releases do not
change them but for faults."""

import json
import re

PLACE = "Containerfile"
SECRET = re.compile(r"KEY|TOKEN|PASSWORD|SECRET", re.I)


def instructions(text):
    """The instructions in order, each a name and what follows; continued lines are one."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    for line in text.splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name.upper(), rest.strip()


def stages(text):
    """The stages in order: base, name, instructions."""
    found = []
    for name, rest in instructions(text):
        if name == "FROM":
            base, _, alias = rest.partition(" AS ")
            found.append((base.strip(), alias.strip(), []))
        elif found:
            found[-1][2].append((name, rest))
    return found


def is_pinned(image):
    """Whether an image is named in full, with the registry and a version."""
    name, _, tag = image.rpartition(":")
    registry = name.partition("/")[0]
    return "." in registry and "/" not in tag and tag not in ["", "latest"]


def check(root, fault, all_manifests, services):
    """Tells `fault` of each rule that is broken."""
    every_stage = stages((root / "deploy/container/Containerfile").read_text())
    names = set()
    for base, name, _ in every_stage:
        if base not in names and not is_pinned(base):
            fault(PLACE, f"builds on {base}, which is not pinned")
        names.add(name)
    for service, one in services.items():
        # Our own is made here, and has a default for those who made it.
        if "RESONANT_IMAGE" not in one["image"] and not is_pinned(one["image"]):
            fault("compose.yaml", f"{service} runs {one['image']}, which is not pinned")
    for _, _, stage in every_stage:
        for name, rest in stage:
            check_instruction(fault, name, rest)
    check_rust(root, fault, every_stage)
    check_last(root, fault, all_manifests, every_stage[-1][2])


def check_instruction(fault, name, rest):
    if name == "ADD":
        fault(PLACE, f"fetches or unpacks by ADD: {rest}")
    if name == "WORKDIR" and not rest.startswith("/"):
        fault(PLACE, f"works in {rest}, which depends on the base")
    if name in ["ENV", "ARG", "LABEL"] and (SECRET.search(rest) or re.search(r"://[^/\s]*:[^/\s]*@", rest)):
        fault(PLACE, f"holds what may be a secret, for everybody who has the image: {name} {rest}")
    if name == "COPY" and re.search(r"(^|[\s/])\.env\b", rest):
        fault(PLACE, f"takes settings into the image: {rest}")
    if name == "RUN":
        check_run(fault, rest)


def check_run(fault, words):
    if re.search(r"\b(sudo|ssh)\b|\b(curl|wget)\b[^&;]*\|", words):
        fault(PLACE, f"runs what nobody has looked at, or as somebody else: {words}")
    if "apt-get install" in words:
        for wanted in ["apt-get update &&", " -y ", "--no-install-recommends", "rm -rf /var/lib/apt/lists/*"]:
            if wanted not in words:
                fault(PLACE, f"installs without `{wanted.strip()}`: {words}")
    if re.search(r"\bapt-get (dist-)?upgrade\b|\bapt (install|update)\b", words):
        fault(PLACE, f"uses apt otherwise than scripts do: {words}")


def check_rust(root, fault, every_stage):
    """The compiler is the one that the sources ask for, and the program runs on the Debian it was built on."""
    channel = re.search(r'^channel = "([^"]+)"', (root / "rust-toolchain.toml").read_text(), re.M)[1]
    build, last = every_stage[0][0].rpartition(":")[2], every_stage[-1][0].rpartition(":")[2]
    version, _, release = build.partition("-")
    if channel != version and not channel.startswith(f"{version}."):
        fault(PLACE, f"builds by Rust {version}, and rust-toolchain.toml asks for {channel}")
    if release != last.partition("-")[0]:
        fault(PLACE, f"is built on {build} and runs on {last}")


def check_last(root, fault, all_manifests, stage):
    """What runs: as nobody, told to stop as the process expects it, on the port that others ask."""
    said = {}
    for name, rest in stage:
        said.setdefault(name, []).append(rest)
    user = said.get("USER", ["root"])[-1]
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", user):
        fault(PLACE, f"runs as {user}: Kubernetes sees by the number alone that it is not root")
    for place, document in all_manifests:
        if document["kind"] in ["Deployment", "Job"]:
            context = document["spec"]["template"]["spec"]["securityContext"]
            if user != f"{context['runAsUser']}:{context['runAsGroup']}":
                fault(place, f"runs as another user than the image, {user}")
    for copied in said.get("COPY", []):
        if "--from=" not in copied or "--chown=root:root" not in copied:
            fault(PLACE, f"takes more into the image than what was built, or gives it away: {copied}")
    for name in ["ENTRYPOINT", "CMD"]:
        if len(said.get(name, [])) != 1 or not is_list(said[name][0]):
            fault(PLACE, f"must have one {name}, as a list: a shell in between would get the signals")
    if said.get("STOPSIGNAL") != ["SIGTERM"]:
        fault(PLACE, "must be stopped by SIGTERM")
    settings = dict(one.split("=", 1) for rest in said.get("ENV", []) for one in rest.split())
    known = (root / "README.md").read_text()
    for name in settings:
        if f"`{name}`" not in known and f"`{name}=" not in known:
            fault(PLACE, f"sets {name}, which README.md does not know")
    port = settings["LEPTOS_SITE_ADDR"].rpartition(":")[2]
    if said.get("EXPOSE") != [port]:
        fault(PLACE, f"listens on {port} and tells {said.get('EXPOSE')}")
    for place, document in all_manifests:
        if document["kind"] == "Deployment":
            [container] = document["spec"]["template"]["spec"]["containers"]
            if [str(one["containerPort"]) for one in container["ports"]] != [port]:
                fault(place, f"asks another port than {port}")


def is_list(text):
    try:
        return isinstance(json.loads(text), list)
    except ValueError:
        return False
