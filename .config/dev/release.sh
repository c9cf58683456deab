# shellcheck shell=bash
# What is served, apart from target/ so that a later build does not pull the files from under a running
# server: the site (what browsers load, and hash.txt with the names of its files) and a server. `./dev run`
# builds the server as a release; tests take the one that the Rust tests have built already, beside the
# same site.

site=$data/site tried=$release

print_of() { # files and folders: what they and the tools are
  {
    say "$rust $cargo_leptos $wasm_bindgen"
    cat package-lock.json .config/precompress.mjs .config/pack_chunks.mjs .config/dev/release.sh
    { find Cargo.* .cargo "$@" -type f -print0 || true; } | sort -z | xargs -0 sha256sum
  } 2>/dev/null | sha256sum | cut -c 1-20
}

site_print() { print_of app crates/domain frontend public style; }

release_print() { print_of app crates frontend migrations public server/src server/Cargo.toml style .sqlx; }

is_print() { [[ $(cat "$1/fingerprint" 2>/dev/null || true) == "$2" ]]; } # folder, print

build_site() { # print
  rm -rf target/site "$site.new"
  WASM_OPT_LATER=1 LEPTOS_HASH_FILES=true \
    "$tools/bin/cargo-leptos" leptos build --release --split --frontend-only
  mkdir -p "$site.new"
  cp "${CARGO_TARGET_DIR:-target}/release/hash.txt" "$site.new/"
  cp -r target/site "$site.new/site"
  optimise_wasm "$site.new/site/pkg"
  node .config/pack_chunks.mjs "$site.new"
  node .config/precompress.mjs "$site.new/site"
  say "$1" >"$site.new/fingerprint"
  rm -rf "$site"
  mv "$site.new" "$site"
}

build_site_if_other() {
  local print
  # Two at a time would write into the same folder.
  exec 8>>"$data/site.lock"
  flock 8
  print=$(site_print)
  is_print "$site" "$print" || build_site "$print"
}

# The page on one core and the server on the other; cargo-leptos alone would build one after the other
# because the files' names carry hashes.
build_release() { # print
  local server
  cargo build --release -p server --bin server --no-default-features --locked &
  server=$!
  # shellcheck disable=SC2064
  trap "kill $server 2>/dev/null || true" EXIT
  build_site_if_other
  wait "$server"
  lay_out "$release" "${CARGO_TARGET_DIR:-target}/release/server" "$1"
}

lay_out() { # folder, server, print: the site and that server
  rm -rf "$1.new"
  mkdir -p "$1.new"
  cp -r "$site/hash.txt" "$site/site" "$2" "$1.new/"
  say "$3" >"$1.new/fingerprint"
  rm -rf "$1"
  mv "$1.new" "$1"
}

# The largest file first, so that no core waits long at the end. What is small stays as it is.
optimise_wasm() { # folder
  find "$1" -name '*.wasm' -size +3k -printf '%s %p\0' | sort -znr | cut -z -d ' ' -f 2- |
    xargs -0 -P "$(nproc)" -I '{}' node node_modules/binaryen/bin/wasm-opt \
      -Oz --enable-bulk-memory --enable-nontrapping-float-to-int '{}' -o '{}'
}

weigh_pages() { node .config/weigh.mjs "$tried/site" end2end/load/budget.json; }

need_release() {
  local print
  print=$(release_print)
  is_print "$release" "$print" && return
  need_everything_to_build
  step "Build the release" "mend what the compiler names, then call ./dev again" build_release "$print"
}

site_pid=''

# Built beside the steps that follow: each waits for one crate now and then, with a core to spare.
begin_site() {
  build_site_if_other >"$logs/site.log" 2>&1 9>&- &
  site_pid=$!
}

# Waits until nothing is built any more, whatever came of it.
await_site() {
  while kill -0 "$site_pid" 2>/dev/null; do sleep 0.5; done
}

# What journeys are made on: the release, when there is one of these sources, because that is what ships;
# otherwise the site with the server of the Rust tests, which is built in a third of the time.
need_tried() {
  local print
  print=$(release_print)
  [[ -z $site_pid ]] || wait "$site_pid" || true
  site_pid='' tried=$release
  is_print "$release" "$print" && return
  tried=$data/tried
  need_everything_to_build
  step "Build the site" "mend what the compiler names" build_site_if_other
  step "Build the server of the tests" "mend what the compiler names" build_rust_tests
  step "Lay out what is tried" "a full disk is the commonest cause" \
    lay_out "$tried" "${CARGO_TARGET_DIR:-target}/debug/server" "$print"
}

stop_tree() { # process: it and what it has started
  local child
  for child in $(pgrep -P "$1" || true); do stop_tree "$child"; done
  kill "$1" 2>/dev/null || true
}

need_everything_to_build() {
  need_rust
  need_build_tools
  need_npm . "wasm-opt"
  cp --remove-destination .config/dev/wasm-opt node_modules/.bin/wasm-opt
}

server_pid=''

choose_address() {
  local host=${LEPTOS_SITE_ADDR:-127.0.0.1:3000} port chosen
  port=${PORT:-${host##*:}}
  host=${host%:*}
  chosen=$port
  if ! is_free "$port"; then
    [[ -z ${PORT:-}${LEPTOS_SITE_ADDR:-} ]] ||
      fail "Port $port is taken." "stop what uses it, or choose another PORT"
    # The next one is where `cargo leptos watch` tells browsers to reload.
    chosen=$(free_port $((port + 2)) $((port + 99)))
    say "  Port $port is taken: using $chosen"
  fi
  export LEPTOS_SITE_ADDR=$host:$chosen
}

answers() { curl -fsS --noproxy '*' -o /dev/null --max-time 2 "$1" 2>/dev/null; }

start_server() {
  LEPTOS_SITE_ROOT=$release/site LEPTOS_SITE_PKG_DIR=pkg LEPTOS_HASH_FILES=true LEPTOS_ENV=PROD \
    "$release/server" >"$logs/server.log" 2>&1 9>&- &
  server_pid=$!
  say "$server_pid" >"$data/server.pid"
}

wait_for_server() {
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    answers "http://$LEPTOS_SITE_ADDR/api/v1/health/ready" && return
    kill -0 "$server_pid" 2>/dev/null || break
    sleep 0.1
  done
  log=$logs/server.log
  show_log
  fail "The server does not answer." "read the lines above"
}

stop_server() { # pid
  local tries
  kill -TERM "$1" 2>/dev/null || return 0
  for ((tries = 0; tries < 150; tries++)); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL "$1" 2>/dev/null || true
}
