# shellcheck shell=bash
# The REST interface beside a server that follows the performance guide's snippets, one thread each, over
# the same database. Interleaved rounds; prints requests and CPU time as ratios.

bench_api() { # rounds, seconds of each, agents, sessions
  local rounds=${1:-3} seconds=${2:-5} agents=${3:-100000} sessions=${4:-1000000} peer_home ours_pid peer_pid owner cookie ids shown
  need_package wrk wrk
  need_package python3 python3
  need_release
  seed_bench "$agents" "$sessions"
  peer_home=$data/peers/guide
  need_peer "$peer_home" uvicorn guide

  owner=00000000-0000-7000-8000-000000000000
  cookie=resonant_sign_in=$(printf 'A%.0s' {1..43})
  ours=$(free_port 31000 31499) peer=$(free_port 31500 31999)
  (cd "$release" && TOKIO_WORKER_THREADS=1 WORKER_CONCURRENCY=0 LEPTOS_SITE_ADDR=127.0.0.1:$ours \
    LEPTOS_SITE_ROOT=site LEPTOS_HASH_FILES=true RUST_LOG=warn exec ./server) >"$logs/bench-api.log" 2>&1 9>&- &
  ours_pid=$!
  (cd end2end/load/peers/guide && PEER_DATABASE_URL=$DATABASE_URL PEER_REDIS_URL=$REDIS_URL \
    PEER_OWNER_ID=$owner exec "$peer_home/bin/uvicorn" main:app --port "$peer" --log-level warning) \
    >"$logs/bench-peer.log" 2>&1 9>&- &
  peer_pid=$!
  bench_pids=("$ours_pid" "$peer_pid")
  local -A work
  local first=00000000-0000-7000-9000-000000000001
  wait_for "http://127.0.0.1:$ours/api/v1/health/ready" "http://127.0.0.1:$peer/api/v1/agents/$first"

  ids=$(for ((shown = 1; shown <= 50; shown++)); do printf '"00000000-0000-7000-9000-%012x",' "$shown"; done)
  deep=$(deep_cursor "$cookie")
  printf '\n  %-20s %12s %12s %9s %9s %9s\n' "" "ours/s" "peer/s" "ratio" "p99" "CPU"
  compare "GET agent cached" "/api/v1/agents/$first"
  TAG='"1"' compare "304" "/api/v1/agents/$first"
  compare "list, first page" "/api/v1/agents"
  compare "list, deep page" "/api/v1/agents?cursor=$deep" "/api/v1/agents?offset=$((agents * 8 / 10))"
  BODY="{\"ids\":[${ids%,}]}" compare "batch of 50" "/api/v1/agents/batch"
  compare "fields" "/api/v1/agents/$first?fields=id,name,status"
  awk -v whole="${work[GET agent cached]}" -v none="${work[304]}" 'BEGIN {
    printf "\n  CPU of ours, µs: %.1f for the agent and %.1f for its 304, which is %.2f of it\n", whole, none, none / whole
  }'
  kill "$ours_pid" "$peer_pid"
}

# A page eight tenths of all agents deep, reached by the largest pages there are.
deep_cursor() { # cookie
  local cursor='' page
  for ((page = 0; page < agents * 8 / 10 / 200; page++)); do
    cursor=$(curl -fsS -H "cookie: $1" "http://127.0.0.1:$ours/api/v1/agents?limit=200&cursor=$cursor" |
      sed 's/.*"next_cursor":"\([^"]*\)".*/\1/')
  done
  say "$cursor"
}

cpu_ms() { # process: what it has used, in milliseconds
  awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print int(($12 + $13) * 1000 / tick) }' "/proc/$1/stat"
}

round() { # process, address: prints requests, requests a second, p99 in ms, errors, CPU in ms
  local before result
  before=$(cpu_ms "$1")
  result=$(COOKIE=$cookie wrk -t1 -c16 -d"${seconds}s" -s end2end/load/api.lua "$2" | sed -n 's/^RESULT //p')
  say "$result $(($(cpu_ms "$1") - before))"
}

compare() { # name, our path, the peer's path
  local number results=''
  for ((number = 0; number < rounds; number++)); do
    results+="$(round "$ours_pid" "http://127.0.0.1:$ours$2") "
    results+="$(round "$peer_pid" "http://127.0.0.1:$peer${3:-$2}")"$'\n'
  done
  # Microseconds for each request of ours.
  work[$1]=$(awk '{ cpu += $5 / $1 } END { print cpu / NR * 1000 }' <<<"${results%$'\n'}")
  awk -v name="$1" '
    { n++; ours += $2; peer += $7; p99 += $3 / $8; cpu += ($5 / $1) / ($10 / $6); errors += $4 + $9 }
    END {
      printf "  %-20s %12.0f %12.0f %8.1fx %8.3fx %8.3fx", name, ours / n, peer / n, ours / peer, p99 / n, cpu / n
      if (errors) printf "   %d errors", errors
      printf "\n"
    }' <<<"${results%$'\n'}"
}
