# shellcheck shell=bash
# What a person sees: each step with its name and its time, and what to do when one fails.

say() { printf '%s\n' "$*"; }

fail() { # what failed, what to do
  printf '\n%s\n' "$1" >&2
  [[ -z ${2:-} ]] || printf 'What to do: %s\n' "$2" >&2
  exit 1
}

since() { # the time since $1, an EPOCHREALTIME
  local ms=$(((${EPOCHREALTIME/./} - ${1/./}) / 1000))
  if ((ms < 60000)); then
    printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
  else
    printf '%d min %02d s' $((ms / 60000)) $((ms / 1000 % 60))
  fi
}

attempt() { # name, command: runs it with its output in $log, prints the time, leaves $status
  local name=$1 began=$EPOCHREALTIME
  shift
  log=$logs/${name//[^a-zA-Z0-9]/-}.log
  printf '  %-46s ' "$name"
  set +e
  (
    set -e
    "$@"
  ) >"$log" 2>&1 9>&-
  status=$?
  set -e
  if ((status == 0)); then say "$(since "$began")"; else say "failed after $(since "$began")"; fi
}

show_log() {
  tail -n "${1:-30}" "$log" | cut -c 1-300 | sed 's/^/    | /' >&2
  say "    (all of it: ${log#"$root"/})" >&2
}

step() { # name, what to do when it fails, command: goes on only when it succeeds
  local name=$1 advice=$2
  shift 2
  attempt "$name" "$@"
  ((status == 0)) && return
  show_log
  fail "The step '$name' failed." "$advice"
}

failed=()
check() { # name, command: like step, but the others still run
  attempt "$@"
  ((status == 0)) && return
  show_log 60
  failed+=("$1")
}

watched() { # name, command: like check, with the output on the screen too
  local name=$1 began=$EPOCHREALTIME
  shift
  log=$logs/${name//[^a-zA-Z0-9]/-}.log
  say "  $name"
  set +e
  (
    set -e
    "$@"
  ) 2>&1 9>&- | tee "$log"
  status=${PIPESTATUS[0]}
  set -e
  if ((status == 0)); then
    printf '  %-46s %s\n' "$name" "$(since "$began")"
  else
    printf '  %-46s failed after %s\n' "$name" "$(since "$began")"
    failed+=("$name")
  fi
}
