# shellcheck shell=bash
# Mixed load on a release for some minutes: memory must stay, nothing may fail, and what the server says of
# itself must be what was seen from outside.

bench_soak() { # minutes
  local minutes=${1:-10} ours pid told
  need_package python3 python3
  need_release
  start_test_services
  DATABASE_URL=$(pg_url resonant_browser)
  export DATABASE_URL
  step "Migrate" "read the log" "$release/server" migrate
  step "Seed agents" "read the log" psql "$DATABASE_URL" -Xq -v ON_ERROR_STOP=1 -v agents=20 -v sessions=0 \
    -f end2end/load/api_seed.sql
  step "Publish the samples" "read the log" "$release/server" load-content
  psql "$DATABASE_URL" -Xqc "UPDATE users SET is_admin = TRUE, kind = 'member',
    email = 'bench@example.org', password_hash = 'none' WHERE user_id = '00000000-0000-7000-8000-000000000000'"
  ours=$(free_port 31000 31499)
  (cd "$release" && LEPTOS_SITE_ADDR=127.0.0.1:$ours LEPTOS_SITE_ROOT=site LEPTOS_HASH_FILES=true RUST_LOG=warn \
    exec ./server) >"$logs/bench-soak.log" 2>&1 9>&- &
  pid=$!
  bench_pids=("$pid")
  wait_for_server_at "http://127.0.0.1:$ours/api/v1/health/ready"
  told=$(python3 -B end2end/load/generator/soak.py --port "$ours" --pid "$pid" --minutes "$minutes")
  kill "$pid"
  python3 end2end/load/generator/tell_soak.py "$told"
}

wait_for_server_at() { # address
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    curl -fsS -o /dev/null "$1" 2>/dev/null && return
    sleep 0.1
  done
  fail "Nothing answers at $1." "read $logs/bench-soak.log"
}
