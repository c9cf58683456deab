# shellcheck shell=bash
# `./dev bench NAME`: one file bench/NAME.sh each, with a function bench_NAME. What they measure and the
# latest figures stand in end2end/load/README.md.

# What a benchmark has started; ended with the script.
bench_pids=()

bench() {
  begin
  local name=${1:-} known
  shift || true
  known=$(find .config/dev/bench -name '*.sh' -printf '%f\n' | sed 's/\.sh$//' | sort | paste -sd ' ')
  [[ -n $name && -r .config/dev/bench/$name.sh ]] ||
    fail "There is no benchmark '$name'." "./dev bench NAME, where NAME is one of: $known"
  # Of a database that keeps house and writes to a disk, as those of installations do.
  autovacuum=on
  export TMPDIR=${TMPDIR:-/tmp}
  # What is measured is the work, not the limits on it.
  export RATE_LIMIT_CALLER=0 RATE_LIMIT_ADDRESS=0 RATE_LIMIT_SIGN_IN=0
  export STREAMS_PER_CALLER=0 STREAMS_PER_ADDRESS=0
  export GUEST_BUDGET_MICRO_USD=0 GUEST_BUDGET_TOKENS=0
  # shellcheck source=/dev/null
  source ".config/dev/bench/$name.sh"
  "bench_$name" "$@"
}

# A database of its own with agents and sessions of one owner.
seed_bench() { # agents, sessions
  start_test_services
  seed_database "$@"
}

seed_database() { # agents, sessions
  DATABASE_URL=$(pg_url resonant_browser)
  export DATABASE_URL
  step "Migrate" "read the log" "$release/server" migrate
  step "Seed $1 agents and $2 sessions" "read the log" \
    psql "$DATABASE_URL" -Xq -v ON_ERROR_STOP=1 -v agents="$1" -v sessions="$2" -f end2end/load/api_seed.sql
}

need_peer() { # folder, the program that it must have, names of peers
  local folder=$1 program=$2 name lists=()
  shift 2
  [[ -x $folder/bin/$program ]] && return
  for name; do lists+=(-r "end2end/load/peers/$name/requirements.txt"); done
  step "Install the peer" "python3 -m venv must work" install_peer "$folder" "${lists[@]}"
}

install_peer() { # folder, lists of packages
  python3 -m venv "$1" && "$1/bin/pip" install --quiet "${@:2}"
}

wait_for() { # addresses
  local url tries
  for url; do
    for ((tries = 0; tries < 300; tries++)); do
      curl -fsS -o /dev/null "$url" 2>/dev/null && continue 2
      sleep 0.1
    done
    fail "Nothing answers at $url." "read the logs of the benchmark in $logs"
  done
}
