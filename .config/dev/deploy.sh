# shellcheck shell=bash
# Checks deploy/ against the schemas of Kubernetes and of compose files, which PyPI's packages carry.

need_deploy_checks() {
  need_package python3 python3
  python3 -m pip --version >/dev/null 2>&1 ||
    step "Install pip" "apt-get install python3-pip" apt_install python3-pip
  cmp -s .config/deploy/requirements.txt "$tools/deploy/requirements.txt" ||
    step "Install the schemas for deploy/" "pip install -r .config/deploy/requirements.txt" install_deploy_checks
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
