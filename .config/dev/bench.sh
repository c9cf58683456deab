# shellcheck shell=bash
# `./dev bench NAME`: one file bench/NAME.sh each, with a function bench_NAME. What they measure and the
# latest figures stand in end2end/load/README.md.

bench() {
  begin
  local name=${1:-} known
  shift || true
  known=$(find .config/dev/bench -name '*.sh' -printf '%f\n' | sed 's/\.sh$//' | sort | paste -sd ' ')
  [[ -n $name && -r .config/dev/bench/$name.sh ]] ||
    fail "There is no benchmark '$name'." "./dev bench NAME, where NAME is one of: $known"
  # shellcheck source=/dev/null
  source ".config/dev/bench/$name.sh"
  "bench_$name" "$@"
}
