# shellcheck shell=bash
# What has to be installed, and how. Nothing is installed that is there already.

have() { command -v "$1" >/dev/null; }

as_root() { if ((EUID == 0)); then "$@"; else sudo -n "$@"; fi; }

may_be_root() { ((EUID == 0)) || sudo -n true 2>/dev/null; }

apt_install() { # packages; whatever Debian would start on its own stays stopped
  have apt-get || return 1
  may_be_root || return 1
  local policy=/usr/sbin/policy-rc.d ours='' result=0
  if [[ ! -e $policy ]]; then
    ours=1
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod +x "$policy"
  fi
  # The lists of packages are asked for once, not before each package.
  apt_take "$@" || { as_root apt-get update -q && apt_take "$@"; } || result=$?
  [[ -z $ours ]] || as_root rm -f "$policy"
  return "$result"
}

apt_take() { # packages
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

need_package() { # command, package
  have "$1" && return
  step "Install $2" "apt-get install $2, as root" apt_install "${@:2}"
}

need_node() {
  if ! have node || ! have npm; then
    fail "Node and npm are missing." "apt-get install nodejs npm"
  fi
}

need_rust() { # components
  if ! have cargo || ! have rustup; then
    fail "Rust is missing." "install rustup, then its stable toolchain"
  fi
  if ! rustup toolchain list | grep -q "^$rust-"; then
    if [[ $(rustc +stable --version 2>/dev/null) == "rustc $rust "* ]]; then
      export RUSTUP_TOOLCHAIN=stable
    else
      step "Install Rust $rust" "rustup toolchain install $rust" \
        rustup toolchain install "$rust" --profile minimal
    fi
  fi
  rustup target list --installed | grep -q '^wasm32-unknown-unknown$' ||
    step "Add the browser target" "rustup target add wasm32-unknown-unknown" \
      rustup target add wasm32-unknown-unknown
  local component
  for component in "$@"; do
    rustup component list --installed | grep -q "^$component" ||
      step "Add $component" "rustup component add $component" rustup component add "$component"
  done
  need_package cc gcc libc6-dev
}

# Part of cargo-leptos links OpenSSL and would compile it from source, which takes longer than the rest.
use_system_openssl() {
  if ! pkg-config --exists openssl 2>/dev/null; then
    have apt-get && may_be_root || return 0
    attempt "Install libssl-dev" apt_install libssl-dev pkg-config
  fi
  if pkg-config --exists openssl 2>/dev/null; then export OPENSSL_NO_VENDOR=1; fi
}

has_crate() { grep -qs "^\"$1 $2 " "$tools/.crates.toml"; }

install_crate() { # name, version, options; seconds matter more here than the tool's own speed
  CARGO_TARGET_DIR=$tools/target CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=0 \
    CARGO_PROFILE_RELEASE_DEBUG=false CARGO_PROFILE_RELEASE_STRIP=symbols \
    cargo install --root "$tools" "$1" --version "=$2" "${@:3}"
}

need_build_tools() {
  local advice='read the log; a full disk and a closed network are the commonest causes'
  mkdir -p "$tools"
  has_crate cargo-leptos "$cargo_leptos" || {
    use_system_openssl
    step "Install cargo-leptos $cargo_leptos" "$advice" \
      install_crate cargo-leptos "$cargo_leptos" --locked --no-default-features --features no_downloads
  }
  has_crate wasm-bindgen-cli "$wasm_bindgen" ||
    step "Install wasm-bindgen $wasm_bindgen" "$advice" install_crate wasm-bindgen-cli "$wasm_bindgen"
  rm -rf "$tools/target"
}

npm_install() { # folder
  npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund
  cp "$1/package-lock.json" "$1/node_modules/.installed.json"
}

need_npm() { # folder, name
  need_node
  cmp -s "$1/package-lock.json" "$1/node_modules/.installed.json" ||
    step "Install $2" "npm ci --prefix $1" npm_install "$1"
}
