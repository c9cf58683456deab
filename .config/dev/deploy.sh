# shellcheck shell=bash
# Checks deploy/ against the schemas of Kubernetes and of compose files, which PyPI's packages carry.

need_deploy_checks() {
  need_package python3 python3
  python3 -m pip --version >/dev/null 2>&1 ||
    step "Install pip" "apt-get install python3-pip" apt_install python3-pip
  cmp -s .config/deploy/requirements.txt "$tools/deploy/requirements.txt" ||
    step "Install the schemas for deploy/" "pip install -r .config/deploy/requirements.txt" install_deploy_checks
  want_program promtool prometheus
  want_program systemd-analyze systemd
  # Debian has none that is new enough; check.py reads what it would.
  have kubectl || say "  Left out: deploy/kubernetes as kubectl makes it of its kustomization"
}

# Prometheus is large, so that whoever works here may do without. What a submission must pass has it, wherever
# Debian's packages can be had.
want_program() { # command, package
  ! have "$1" || return 0
  if [[ -n ${CI:-} ]] && have apt-get && may_be_root; then
    need_package "$1" "$2"
  else
    say "  Left out: what $1 says of deploy/ (apt-get install $2)"
  fi
}

install_deploy_checks() {
  rm -rf "$tools/deploy"
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore \
    --target "$tools/deploy" --requirement .config/deploy/requirements.txt
  cp .config/deploy/requirements.txt "$tools/deploy/"
}

check_deploy() {
  PYTHONPATH=$tools/deploy PYTHONDONTWRITEBYTECODE=1 python3 .config/deploy/check.py
  ! have promtool || promtool check rules deploy/prometheus/rules.yml
  ! have systemd-analyze || check_unit
  ! have kubectl || kubectl kustomize deploy/kubernetes >/dev/null
}

check_unit() { # systemd asks for a program that is there
  local folder
  folder=$(mktemp -d)
  sed "s|^ExecStart=.*|ExecStart=/bin/true|; /^EnvironmentFile=/d" deploy/systemd/resonant@.service \
    >"$folder/resonant@all.service"
  SYSTEMD_UNIT_PATH=$folder: systemd-analyze verify --man=no "$folder/resonant@all.service" || {
    rm -rf "$folder"
    return 1
  }
  rm -rf "$folder"
}
