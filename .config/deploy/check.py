"""Checks deploy/: Kubernetes manifests and the compose file against their published schemas, and
what ties the files together: labels, ports, settings, connections, versions, metrics. Beside it stand the
rules of the image (image_rules.py) and of times (time_rules.py)."""

import json
import pathlib
import re
import sys

import compose_spec
import kubernetes_validate
import yaml

import image_rules
import time_rules

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

def containers_of(document):
    return document.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])


def check_kustomization(all_manifests):
    """No package carries its schema, and `kubectl` is not everywhere. What stands there is little."""
    whole = yaml.safe_load((deploy / "kubernetes/kustomization.yaml").read_text())
    place = "kustomization.yaml"
    if (whole.get("apiVersion"), whole.get("kind")) != ("kustomize.config.k8s.io/v1beta1", "Kustomization"):
        fault(place, "is none")
    shapes = {"apiVersion": str, "kind": str, "namespace": str, "resources": list, "images": list}
    for name, value in whole.items():
        if not isinstance(value, shapes.get(name, ())):
            fault(place, f"{name} is no field that is known here, or of another kind")
    listed = whole["resources"]
    there = {path.name for path in (deploy / "kubernetes").glob("*.yaml")} - {place}
    if set(listed) != there or len(listed) != len(there):
        fault(place, f"lists {sorted(listed)}, but there are {sorted(there)}")
    renamed = set()
    for one in whole["images"]:
        # A tag such as 1.10 would be a number, and another one.
        if not set(one) <= {"name", "newName", "newTag", "digest"} or not all(isinstance(it, str) for it in one.values()):
            fault(place, f"images has fields that are no text, or that it does not know: {one}")
        renamed.add(one.get("name"))
    used = {container["image"] for _, document in all_manifests for container in containers_of(document)}
    if used != renamed:
        fault(place, f"names the images {sorted(renamed)}, but {sorted(used)} are used")
    for where, document in all_manifests:
        own = document["metadata"]["name" if document["kind"] == "Namespace" else "namespace"]
        if own != whole.get("namespace"):
            fault(where, f"is in the namespace {own}, and kustomization.yaml names another one")


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
        for container in containers_of(document):
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
    for name, service in document["services"].items():
        # Compose itself only fills in what the file names.
        if service["image"].startswith("resonant:") and {"path": ".env", "required": False} not in service.get("env_file", []):
            fault(f"compose.yaml {name}", "takes no other settings from .env")
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


def last_bound():
    """The last bound of the histograms' buckets, in seconds."""
    text = (root / "crates/backend/src/metrics/prometheus.rs").read_text()
    bounds = re.search(r"^const BOUNDS: \[u64; \d+\] = \[([^\]]+)\];", text, re.M)[1]
    return max(int(bound.replace("_", "")) for bound in re.findall(r"[\d_]+", bounds)) / 1_000_000


def check_quantiles(rules):
    """Prometheus tells no quantile beyond the last bound: an alert at it or above would never fire."""
    quantiles = {rule["record"] for rule in rules if "histogram_quantile" in rule["expr"] and "record" in rule}
    for rule in rules:
        compared = re.fullmatch(r"(\S+) > ([\d.]+)", rule["expr"])
        if compared and compared[1] in quantiles and float(compared[2]) >= last_bound():
            fault("rules.yml", f"{rule['alert']} asks for more than {last_bound()} s, which no quantile is")


def check_metrics():
    known = known_metrics()
    rules = yaml.safe_load((deploy / "prometheus/rules.yml").read_text())
    check_quantiles([rule for group in rules["groups"] for rule in group["rules"]])
    expressions, recorded = [], set()
    for group in rules["groups"]:
        for rule in group["rules"]:
            expressions.append(("rules.yml", rule["expr"]))
            recorded.add(rule.get("record"))
            if "alert" in rule and rule["labels"]["severity"] not in ["warning", "critical"]:
                fault("rules.yml", f"{rule['alert']} has no severity")
    for panel in dashboard()["panels"]:
        place = f"resonant.json {panel.get('title')}"
        expressions += [(place, one.get("expr", "")) for one in panel.get("targets", [])]
    for place, expression in expressions:
        for name in re.findall(r"resonant[a-z_:0-9]+", expression):
            if name not in known and name not in recorded:
                fault(place, f"asks for {name}, which nothing measures")
        if expression.count("(") != expression.count(")"):
            fault(place, f"parentheses do not match: {expression}")


def dashboard():
    return json.loads((deploy / "grafana/resonant.json").read_text())


def check_dashboard():
    """Grafana loads nearly anything and then shows an empty panel."""
    whole = dashboard()
    for name, kind in [("title", str), ("uid", str), ("schemaVersion", int), ("panels", list)]:
        if not isinstance(whole.get(name), kind) or not whole[name]:
            fault("resonant.json", f"has no {name}")
    sources = {f"${{{one['name']}}}" for one in whole["templating"]["list"] if one["type"] == "datasource"}
    cells = set()
    for panel in whole["panels"]:
        place = f"resonant.json panel {panel.get('id')}"
        if not panel.get("title") or not panel.get("type"):
            fault(place, "has no title or no type")
        targets = panel.get("targets", [])
        if not targets or not all(one.get("expr") for one in targets):
            fault(place, "asks for nothing")
        check_unique(place, "refId", [one.get("refId") for one in targets])
        for one in [panel, *targets]:
            if one.get("datasource", {}).get("uid") not in sources:
                fault(place, f"asks a data source other than {sorted(sources)}")
        at = panel["gridPos"]
        if at["x"] + at["w"] > 24:
            fault(place, "is wider than the page")
        mine = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        if cells & mine:
            fault(place, "lies on another one")
        cells |= mine
    for name in ["id", "title"]:
        check_unique("resonant.json", name, [panel.get(name) for panel in whole["panels"]])


def check_unique(place, what, values):
    if None in values or len(set(values)) != len(values):
        fault(place, f"{what} must be there once each: {values}")


def compose_services():
    return yaml.safe_load((deploy / "compose.yaml").read_text())["services"]


def check_connections(all_manifests):
    """All processes together must not ask for more connections than PostgreSQL gives; the comment beside
    each pool does the sum."""
    servers = [one for one in compose_services().values() if one.get("command") in (["web"], ["worker"])]
    count = 1 + sum(one.get("deploy", {}).get("replicas", 1) for one in servers)
    check_sum("compose.yaml", count, servers[0]["environment"], 97)
    scalers = [one for _, one in all_manifests if one["kind"] == "HorizontalPodAutoscaler"]
    count = 1 + sum(one["spec"]["maxReplicas"] + 1 for one in scalers)
    settings = next(one["data"] for _, one in all_manifests if one["kind"] == "ConfigMap")
    check_sum("kubernetes/config.yaml", count, settings, 500)


def check_sum(path, count, settings, most):
    each = int(settings["DATABASE_POOL_SIZE"]) + int(settings["DATABASE_POOL_OVERFLOW"])
    if count * each > most:
        fault(path, f"{count} processes with {each} connections are more than {most}")
    if f"{count} * {each} = {count * each}" not in (deploy / path).read_text():
        fault(path, f"the comment on connections must say {count} * {each} = {count * each}")


def check_postgres_version():
    """pg_dump refuses a database that is newer than itself."""
    image = re.search(r"postgresql-client-(\d+)", (deploy / "container/Containerfile").read_text())
    server = compose_services()["database"]["image"].rpartition(":")[2]
    if not image or image[1] != server:
        fault("Containerfile", f"has not the pg_dump of compose.yaml's PostgreSQL {server}")


def check_context():
    """What git does not keep must not get into the image either."""
    left_out = {line.removeprefix("**/") for line in (root / ".dockerignore").read_text().splitlines()}
    for line in (root / ".gitignore").read_text().split():
        parts = line.strip("/").split("/")
        if not left_out & {parts[0], parts[-1]}:
            fault(".dockerignore", f"leaves {line} in")


def check_scraping(all_manifests):
    """A target that is not there, or one of several replicas, would be missed in silence."""
    services = compose_services()
    configuration = yaml.safe_load((deploy / "prometheus/prometheus.yml").read_text())
    alone, by_name = [], []
    for job in configuration["scrape_configs"]:
        alone += [one for group in job["static_configs"] for one in group["targets"]]
        by_name += [f"{name}:{one['port']}" for one in job["dns_sd_configs"] for name in one["names"]]
    wanted = {name: one for name, one in services.items() if one.get("command") in (["web"], ["worker"])}
    if {target.partition(":")[0] for target in alone + by_name} != set(wanted):
        fault("prometheus.yml", f"does not ask exactly {sorted(wanted)}")
    for target in alone:
        if wanted.get(target.partition(":")[0], {}).get("deploy", {}).get("replicas", 1) > 1:
            fault("prometheus.yml", f"asks one of several at {target}")
    [job] = yaml.safe_load((deploy / "prometheus/kubernetes.yml").read_text())
    rules = job["relabel_configs"]
    kept = next(rule["regex"].split(";") for rule in rules if rule.get("action") == "keep")
    for place, document in all_manifests:
        if document["kind"] != "Deployment":
            continue
        pod = document["spec"]["template"]
        name = pod["metadata"]["labels"]["app.kubernetes.io/name"]
        ports = [port["name"] for one in pod["spec"]["containers"] for port in one["ports"]]
        if kept[0] != name or kept[1] not in ports:
            fault(place, "is not scraped by the job in kubernetes.yml")
        if document["metadata"]["namespace"] not in job["kubernetes_sd_configs"][0]["namespaces"]["names"]:
            fault(place, "is in a namespace that kubernetes.yml does not look into")
    if "namespace" not in [rule.get("target_label") for rule in rules]:
        fault("kubernetes.yml", "sets no label namespace, by which adapter.yaml asks")


def check_nginx_and_compose_agree():
    nginx = (deploy / "nginx/resonant.conf").read_text()
    servers = re.findall(r"^\s+server (\w+):(\d+)", nginx, re.M)
    services = compose_services()
    for name, port in servers:
        if name not in services:
            fault("resonant.conf", f"passes requests to {name}, which compose.yaml does not start")
        if f":{port}" not in (deploy / "container/Containerfile").read_text():
            fault("resonant.conf", f"{name} does not listen on {port}")
    # A file alone would stay the one that it was when the container started, whatever takes its place.
    folders = [volume.split(":")[:2] for volume in services["nginx"]["volumes"]]
    if ["./nginx", "/etc/nginx/conf.d"] not in folders:
        fault("compose.yaml", "does not give nginx the folder with resonant.conf")


def check_second_tries(all_manifests):
    """Who stands in front asks a second time only where no answer came: a 503 of one route would take all
    routes of a server away. PUT and DELETE nginx would send twice."""
    nginx = (deploy / "nginx/resonant.conf").read_text()
    when = re.findall(r"^\s*proxy_next_upstream ([^;]+);", nginx, re.M)
    if when != ["error timeout", "off"]:
        fault("resonant.conf", f"must ask again on `error timeout`, and PUT and DELETE never: {when}")
    once = re.search(r"map \$request_method \$resonant_once \{([^}]+)\}", nginx)
    if not once or set(re.findall(r"(\w+)\s+1;", once[1])) != {"PUT", "DELETE"}:
        fault("resonant.conf", "must ask by PUT and DELETE once")
    for place, document in all_manifests:
        if document["kind"] == "Ingress":
            name = "nginx.ingress.kubernetes.io/proxy-next-upstream"
            if document["metadata"]["annotations"].get(name) != "off":
                fault(place, f"{name} must be off: it would send PUT and DELETE twice")


def size_of(path, name, **known):
    """A size that the sources tell as a product."""
    expression = re.search(rf"const {name}: usize = ([^;]+);", (root / path).read_text())[1]
    size = 1
    for factor in expression.split("*"):
        factor = factor.strip()
        size *= known[factor] if factor in known else int(factor.replace("_", ""))
    return size


def check_uploads(all_manifests):
    """What a proxy lets through must be what the servers take: a smaller limit cuts off pictures, a larger
    one lets anyone send what is then thrown away."""
    picture = size_of("crates/domain/src/image.rs", "UPLOAD_MAX")
    form = size_of("server/src/routes/picture_form.rs", "FORM_MAX", UPLOAD_MAX=picture)
    nginx = (deploy / "nginx/resonant.conf").read_text()
    # The server's own limit stands before that of the form's location.
    limits = [int(size) << 20 for size in re.findall(r"client_max_body_size (\d+)m;", nginx)]
    if len(limits) != 2 or limits[0] < picture or limits[1] != form:
        fault("resonant.conf", f"must take {picture} bytes or more, and {form} of the picture form: {limits}")
    for place, document in all_manifests:
        if document["kind"] == "Ingress":
            size = document["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"]
            if int(size.removesuffix("m")) << 20 != form:
                fault(place, f"takes {size}, and the picture form has {form} bytes")


all_manifests = list(manifests())
check_schemas(all_manifests)
check_references(all_manifests)
check_kustomization(all_manifests)
check_settings(all_manifests)
check_compose()
check_connections(all_manifests)
check_postgres_version()
check_context()
check_metrics()
check_dashboard()
check_scraping(all_manifests)
check_nginx_and_compose_agree()
check_second_tries(all_manifests)
check_uploads(all_manifests)
time_rules.check(root, fault, all_manifests, compose_services())
image_rules.check(root, fault, all_manifests, compose_services())
for line in faults:
    print(line)
print(f"{len(all_manifests)} manifests, {len(faults)} faults")
sys.exit(1 if faults else 0)
