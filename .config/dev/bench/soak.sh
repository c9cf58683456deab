# shellcheck shell=bash
# Mixed load on a release for some minutes: memory must stay, nothing may fail, and what the server says of
# itself must be what was seen from outside.

bench_soak() { # minutes
  local minutes=${1:-10} ours pid told
  need_package python3 python3
  need_release
  seed_bench 20 0
  step "Publish the samples" "read the log" "$release/server" load-content
  psql "$DATABASE_URL" -Xqc "UPDATE users SET is_admin = TRUE, kind = 'member',
    email = 'bench@example.org', password_hash = 'none' WHERE user_id = '00000000-0000-7000-8000-000000000000'"
  ours=$(free_port 31000 31499)
  (cd "$release" && LEPTOS_SITE_ADDR=127.0.0.1:$ours LEPTOS_SITE_ROOT=site LEPTOS_HASH_FILES=true RUST_LOG=warn \
    exec ./server) >"$logs/bench-soak.log" 2>&1 9>&- &
  pid=$!
  bench_pids=("$pid")
  wait_for "http://127.0.0.1:$ours/api/v1/health/ready"
  told=$(python3 -B end2end/load/generator/soak.py --port "$ours" --pid "$pid" --minutes "$minutes")
  kill "$pid"
  python3 end2end/load/generator/tell_soak.py "$told"
}
