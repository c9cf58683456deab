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
  # What is measured is the work, not the limits on it.
  export RATE_LIMIT_CALLER=0 RATE_LIMIT_ADDRESS=0 RATE_LIMIT_SIGN_IN=0
  # shellcheck source=/dev/null
  source ".config/dev/bench/$name.sh"
  "bench_$name" "$@"
}
