# shellcheck shell=bash
# The loop beside LangGraph, the queue beside Celery and beside one fsync and notify. In turns within one
# run; prints ratios.

bench_runtime() { # rounds, agents, sessions, starts
  local rounds=${1:-5} agents=${2:-200} count=${3:-2000} starts=${4:-100} home number bench
  need_package python3 python3
  need_rust
  bench=${CARGO_TARGET_DIR:-target}/release/examples/bench_runtime
  # BENCH_BINARY: one that was built elsewhere, to try the script and not to measure.
  if [[ -n ${BENCH_BINARY:-} ]]; then
    bench=$BENCH_BINARY
  else
    step "Build the bench" "mend what the compiler names" \
      cargo build --release --locked -p resonant-backend --features fakes --example bench_runtime
  fi
  start_test_services
  # What is promised to be kept is kept: tests do not wait for the disk.
  pg_stop
  pg_start max_connections=200
  DATABASE_URL=$(pg_url resonant_browser)
  export DATABASE_URL PEER_REDIS_URL=$REDIS_URL
  step "Migrate" "read the log" "$bench" migrate
  home=$data/peers/runtime
  need_peer "$home" celery langgraph celery

  local loop='' tools='' start='' flow=''
  for ((number = 0; number < rounds; number++)); do
    loop+="$("$bench" loop "$agents") $("$home/bin/python" end2end/load/peers/langgraph/main.py loop "$agents")"$'\n'
    tools+="$("$bench" tools 10) $("$home/bin/python" end2end/load/peers/langgraph/main.py tools 10)"$'\n'
    # Ours has the floor in the same run.
    start+="$("$bench" start "$starts")"$'\n'
    flow+="$("$bench" flow "$count" 8) $(cd end2end/load/peers/celery && "$home/bin/python" tasks.py "$count" "$(nproc)")"$'\n'
  done
  printf '\n  %-34s %12s %12s %9s %9s\n' "" ours peer ratio goal
  show_ratio "CPU per turn, µs" 1 3 "<= 0.05" "$loop"
  show_ratio "memory per agent, bytes" 2 4 "<= 0.05" "$loop"
  show_ratio "enqueue to start p50, µs" 1 2 "<= 1.3" "$start"
  show_ratio "sessions that do nothing, /s" 1 2 ">= 1.5" "$flow"
  show_against "three tools of 100 ms, ms" "$(column 1 "$tools")" 100 "<= 1.05"
  say "  LangGraph takes $(column 2 "$tools") ms for the same three tools."
}

# The median of a column of the rounds.
column() { # number, rounds
  awk -v at="$1" 'NF { print $at }' <<<"$2" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

show_ratio() { # name, our column, the peer's, goal, rounds
  show_against "$1" "$(column "$2" "$5")" "$(column "$3" "$5")" "$4"
}

show_against() { # name, ours, the peer's, goal
  printf '  %-34s %12s %12s %s\n' "$1" "$2" "$3" "$(awk -v a="$2" -v b="$3" -v goal="$4" 'BEGIN {
    ratio = b ? a / b : 0
    split(goal, part, " ")
    missed = part[1] == "<=" ? ratio > part[2] : ratio < part[2]
    printf "%8.3fx %9s%s", ratio, goal, missed ? "  missed" : ""
  }')"
}
