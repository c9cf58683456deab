# shellcheck shell=bash
# Event streams beside sse-starlette, one thread each, in the same run: many that are idle and stay open, one
# that many follow, and readers that do not read. Prints memory, CPU and the time to the last reader as ratios.

bench_sse() { # idle streams, viewers, events, slow readers, streams that are opened at once, sessions of the idle
  local idle=${1:-10000} viewers=${2:-1000} events=${3:-200} slow=${4:-50} at_once=${5:-200} sessions=${6:-20}
  local peer_home ours_pid peer_pid ours peer model
  local token=bench-4f1c2d ours_told peer_told
  need_package python3 python3
  need_release
  # Each stream is an open file here and there.
  ulimit -n "$(ulimit -Hn)"
  (($(ulimit -n) > idle + viewers + slow + 200)) ||
    fail "One process may have $(ulimit -n) open files." "raise the hard limit, or ask for fewer streams"
  seed_bench 20 0
  peer_home=$data/peers/streams
  need_peer "$peer_home" uvicorn streams

  ours=$(free_port 31000 31299) peer=$(free_port 31300 31599) model=$(free_port 31600 31899)
  (cd "$release" && TOKIO_WORKER_THREADS=1 WORKER_CONCURRENCY=1 REQUESTS_IN_FLIGHT=0 METRICS_TOKEN=$token \
    OPENAI_BASE_URL=http://127.0.0.1:$model/v1 OPENAI_MODEL=told LEPTOS_SITE_ADDR=127.0.0.1:$ours \
    LEPTOS_SITE_ROOT=site LEPTOS_HASH_FILES=true RUST_LOG=warn exec ./server) >"$logs/bench-sse.log" 2>&1 9>&- &
  ours_pid=$!
  (cd end2end/load/peers/streams && exec "$peer_home/bin/uvicorn" main:app --port "$peer" --log-level warning) \
    >"$logs/bench-sse-peer.log" 2>&1 9>&- &
  peer_pid=$!
  bench_pids=("$ours_pid" "$peer_pid")
  wait_for "http://127.0.0.1:$ours/api/v1/health/ready" "http://127.0.0.1:$peer/health"

  ours_told=$(play_streams --port "$ours" --pid "$ours_pid" --model-port "$model" --metrics-token "$token" --slow "$slow")
  peer_told=$(play_streams --peer --port "$peer" --pid "$peer_pid" --slow 0)
  kill "$ours_pid" "$peer_pid"
  python3 end2end/load/generator/tell_streams.py "$ours_told" "$peer_told"
}

play_streams() { # options of the generator
  python3 -B end2end/load/generator/streams.py --idle "$idle" --viewers "$viewers" --events "$events" \
    --at-once "$at_once" --sessions "$sessions" "$@"
}
