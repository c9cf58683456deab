# shellcheck shell=bash
# What measuring costs: the instructions that a request spends on it, of all that it takes. Counted by
# callgrind, so the figure is the same whatever else the machine does.

bench_measuring() { # requests of each kind
  local count=${1:-500} ours server cookie first out told
  need_package python3 python3
  need_package valgrind valgrind
  need_release
  seed_bench 100 1000
  ours=$(free_port 31000 31499)
  out=$(mktemp -d "$test_home/callgrind.XXXXXX")
  (cd "$release" && TOKIO_WORKER_THREADS=1 WORKER_CONCURRENCY=0 LEPTOS_SITE_ADDR=127.0.0.1:$ours \
    LEPTOS_SITE_ROOT=site LEPTOS_HASH_FILES=true exec valgrind --tool=callgrind --instr-atstart=no \
    --callgrind-out-file="$out/calls" ./server) >"$logs/bench-measuring.log" 2>&1 9>&- &
  server=$!
  bench_pids=("$server")
  wait_for "http://127.0.0.1:$ours/api/v1/health/ready"
  cookie=resonant_sign_in=$(printf 'A%.0s' {1..43})
  first=http://127.0.0.1:$ours/api/v1/agents/00000000-0000-7000-9000-000000000001
  # The first ones fill caches and pools.
  ask 20 "$first" && ask 20 "http://127.0.0.1:$ours/api/v1/sessions?limit=5"
  told=()
  count_instructions "an agent, cached" "$first"
  count_instructions "sessions, asked of the database" "http://127.0.0.1:$ours/api/v1/sessions?limit=5"
  kill "$server"
  python3 -B end2end/load/generator/tell_measuring.py "$count" "${told[@]}"
}

ask() { # how often, address
  curl -fsS -H "cookie: $cookie" -o /dev/null "$2#[1-$1]"
}

count_instructions() { # name, address
  callgrind_control --instr=on "$server" >/dev/null 2>&1
  callgrind_control --zero "$server" >/dev/null 2>&1
  ask "$count" "$2"
  callgrind_control --dump="$1" "$server" >/dev/null 2>&1
  callgrind_control --instr=off "$server" >/dev/null 2>&1
  told+=("$1" "$(find "$out" -type f -name 'calls.*' -printf '%T@ %p\n' | sort -n | tail -1 | cut -d ' ' -f 2-)")
}
