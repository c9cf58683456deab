"""Checks deploy/: Kubernetes manifests and the compose file against their published schemas, and
what ties the files together: labels, ports, settings, metrics."""

import json
import pathlib
import re
import sys

import compose_spec
import kubernetes_validate
import yaml

root = pathlib.Path(__file__).resolve().parents[2]
deploy = root / "deploy"
faults = []


def fault(place, reason):
    faults.append(f"{place}: {reason}")


def documents(path):
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def manifests():
    for path in sorted((deploy / "kubernetes").glob("*.yaml")):
        if path.name == "kustomization.yaml":
            continue
        for document in documents(path):
            yield f"{path.name} {document.get('kind')} {document['metadata']['name']}", document


def check_schemas(all_manifests):
    for place, document in all_manifests:
        try:
            kubernetes_validate.validate(document, "1.37", strict=True)
        except kubernetes_validate.ValidationError as error:
            fault(place, error.message)


def check_references(all_manifests):
    """A Service, budget or autoscaler that names no Deployment would be valid and do nothing."""
    kinds = {}
    for place, document in all_manifests:
        kinds.setdefault(document["kind"], []).append((place, document))
    pods = {}
    for place, document in kinds["Deployment"]:
        template = document["spec"]["template"]
        pods[document["metadata"]["name"]] = template
        selector = document["spec"]["selector"]["matchLabels"]
        if not selector.items() <= template["metadata"]["labels"].items():
            fault(place, "the selector does not fit the pods' labels")
        check_pod(place, template["spec"])
    for place, document in kinds["Job"]:
        check_pod(place, document["spec"]["template"]["spec"], has_probes=False)
    for kind in ["Service", "PodDisruptionBudget"]:
        for place, document in kinds[kind]:
            selector = document["spec"]["selector"]
            selector = selector.get("matchLabels", selector)
            if not any(selector.items() <= pod["metadata"]["labels"].items() for pod in pods.values()):
                fault(place, "selects no pod")
    for place, document in kinds["HorizontalPodAutoscaler"]:
        if document["spec"]["scaleTargetRef"]["name"] not in pods:
            fault(place, "scales no Deployment")
        if (document["spec"]["minReplicas"], document["spec"]["maxReplicas"]) != (3, 20):
            fault(place, "must scale from 3 to 20")
    listed = set(yaml.safe_load((deploy / "kubernetes/kustomization.yaml").read_text())["resources"])
    there = {path.name for path in (deploy / "kubernetes").glob("*.yaml")} - {"kustomization.yaml"}
    if listed != there:
        fault("kustomization.yaml", f"lists {sorted(listed)}, but there are {sorted(there)}")


def check_pod(place, pod, has_probes=True):
    if not pod["securityContext"].get("runAsNonRoot"):
        fault(place, "runs as root")
    for container in pod["containers"]:
        context = container["securityContext"]
        if context.get("allowPrivilegeEscalation") is not False or "ALL" not in context["capabilities"]["drop"]:
            fault(place, f"{container['name']} may gain rights")
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] if has_probes else []:
            if probe not in container:
                fault(place, f"{container['name']} has no {probe}")


def known_settings():
    """The variables that the README's table explains."""
    return set(re.findall(r"`([A-Z][A-Z0-9_]+)`", (root / "README.md").read_text()))


def check_settings(all_manifests):
    known = known_settings()
    used = {}
    for place, document in all_manifests:
        if document["kind"] == "ConfigMap":
            used.update(dict.fromkeys(document["data"], place))
        for container in document.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
            used.update(dict.fromkeys((one["name"] for one in container.get("env", [])), place))
    compose = yaml.safe_load((deploy / "compose.yaml").read_text())
    used.update(dict.fromkeys(compose["services"]["worker"]["environment"], "compose.yaml"))
    for name, place in used.items():
        if name not in known:
            fault(place, f"sets {name}, which README.md does not know")


def check_compose():
    text = (deploy / "compose.yaml").read_text()
    # As compose itself fills in: what is given, else the default.
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    text = re.sub(r"\$\{\w+:\?[^}]*\}", "given", text)
    document = yaml.safe_load(text)
    # The merge keys are YAML's business; the schema sees what they become.
    try:
        compose_spec.PyCompose.from_yaml(yaml.safe_dump(document)).to_spec()
    except Exception as error:  # the package has no error type of its own
        fault("compose.yaml", error)


def known_metrics():
    """The families of crates/domain/src/metric.rs under their Prometheus names."""
    text = (root / "crates/domain/src/metric.rs").read_text()
    names = set()
    for name, shape, unit in re.findall(r'^    \w+ "([a-z._]+)" (\w+) (\w+) "', text, re.M):
        base = "resonant_" + name.replace(".", "_")
        if shape == "Duration":
            names |= {f"{base}_seconds{ending}" for ending in ["_bucket", "_sum", "_count"]}
        elif shape == "Count":
            names.add(f"{base}_total")
        else:
            names.add(base + {"Milliseconds": "_seconds", "Bytes": "_bytes"}.get(unit, ""))
    return names


def check_metrics():
    known = known_metrics()
    rules = yaml.safe_load((deploy / "prometheus/rules.yml").read_text())
    expressions, recorded = [], set()
    for group in rules["groups"]:
        for rule in group["rules"]:
            expressions.append(("rules.yml", rule["expr"]))
            recorded.add(rule.get("record"))
            if "alert" in rule and rule["labels"]["severity"] not in ["warning", "critical"]:
                fault("rules.yml", f"{rule['alert']} has no severity")
    dashboard = json.loads((deploy / "grafana/resonant.json").read_text())
    for panel in dashboard["panels"]:
        expressions += [(f"resonant.json {panel['title']}", one["expr"]) for one in panel["targets"]]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]]
    if len(set(places)) != len(places):
        fault("resonant.json", "panels lie on each other")
    for place, expression in expressions:
        for name in re.findall(r"resonant[a-z_:0-9]+", expression):
            if name not in known and name not in recorded:
                fault(place, f"asks for {name}, which nothing measures")
        if expression.count("(") != expression.count(")"):
            fault(place, f"parentheses do not match: {expression}")


def check_nginx_and_compose_agree():
    nginx = (deploy / "nginx/resonant.conf").read_text()
    servers = re.findall(r"^\s+server (\w+):(\d+)", nginx, re.M)
    services = yaml.safe_load((deploy / "compose.yaml").read_text())["services"]
    for name, port in servers:
        if name not in services:
            fault("resonant.conf", f"passes requests to {name}, which compose.yaml does not start")
        if f":{port}" not in (deploy / "container/Containerfile").read_text():
            fault("resonant.conf", f"{name} does not listen on {port}")


all_manifests = list(manifests())
check_schemas(all_manifests)
check_references(all_manifests)
check_settings(all_manifests)
check_compose()
check_metrics()
check_nginx_and_compose_agree()
for line in faults:
    print(line)
print(f"{len(all_manifests)} manifests, {len(faults)} faults")
sys.exit(1 if faults else 0)
