# shellcheck shell=bash
# The release: the server, its hash.txt and the site, apart from target/ so that a later build does
# not pull the files from under a running server. And how it is served.

fingerprint() {
  {
    say "$rust $cargo_leptos $wasm_bindgen"
    cat package-lock.json .config/precompress.mjs .config/pack_chunks.mjs .config/dev/release.sh
    { find Cargo.* .cargo app crates frontend migrations public server/src server/Cargo.toml style \
      .sqlx -type f -print0 || true; } | sort -z | xargs -0 sha256sum
  } 2>/dev/null | sha256sum | cut -c 1-20
}

# The page on one core and the server on the other; cargo-leptos alone would build one after the other
# because the files' names carry hashes.
build_release() { # fingerprint
  local target=${CARGO_TARGET_DIR:-target} server
  cargo build --release -p server --bin server --no-default-features --locked &
  server=$!
  # shellcheck disable=SC2064
  trap "kill $server 2>/dev/null || true" EXIT
  rm -rf target/site "$release.new"
  WASM_OPT_LATER=1 LEPTOS_HASH_FILES=true \
    "$tools/bin/cargo-leptos" leptos build --release --split --frontend-only
  mkdir -p "$release.new"
  cp "$target/release/hash.txt" "$release.new/"
  cp -r target/site "$release.new/site"
  optimise_wasm "$release.new/site/pkg"
  node .config/pack_chunks.mjs "$release.new"
  node .config/precompress.mjs "$release.new/site"
  wait "$server"
  cp "$target/release/server" "$release.new/"
  say "$1" >"$release.new/fingerprint"
  rm -rf "$release"
  mv "$release.new" "$release"
}

# The largest file first, so that no core waits long at the end. What is small stays as it is.
optimise_wasm() { # folder
  find "$1" -name '*.wasm' -size +3k -printf '%s %p\0' | sort -znr | cut -z -d ' ' -f 2- |
    xargs -0 -P "$(nproc)" -I '{}' node node_modules/binaryen/bin/wasm-opt \
      -Oz --enable-bulk-memory --enable-nontrapping-float-to-int '{}' -o '{}'
}

weigh_pages() { node .config/weigh.mjs "$release/site" end2end/load/budget.json; }

has_release() { [[ $(cat "$release/fingerprint" 2>/dev/null || true) == "$1" ]]; }

need_release() {
  local print
  print=$(fingerprint)
  has_release "$print" && return
  step "Build the release" "mend what the compiler names, then call ./dev again" \
    finish_release "$print"
}

release_pid='' release_print=''

# Builds it beside the steps that follow: each waits for one crate now and then, with a core to spare.
begin_release() {
  local print
  print=$(fingerprint)
  has_release "$print" && return
  build_release "$print" >"$logs/release.log" 2>&1 9>&- &
  release_pid=$! release_print=$print
}

# Waits until nothing is built any more, whatever came of it.
await_release() {
  while kill -0 "$release_pid" 2>/dev/null; do sleep 0.5; done
}

finish_release() { # fingerprint
  [[ -z $release_pid ]] || await_release
  # A source may have changed meanwhile.
  if [[ $1 != "$release_print" ]]; then
    build_release "$1"
  else
    cat "$logs/release.log"
    has_release "$1"
  fi
}

stop_tree() { # process: it and what it has started
  local child
  for child in $(pgrep -P "$1" || true); do stop_tree "$child"; done
  kill "$1" 2>/dev/null || true
}

need_everything_to_build() {
  need_rust
  need_node
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
