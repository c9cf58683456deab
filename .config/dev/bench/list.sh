# shellcheck shell=bash
# The studio's list beside @tanstack/react-virtual in one browser: what scrolling costs at 1,000, 100,000
# and 1,000,000 rows.

bench_list() { # numbers of rows
  local rows database databases=(resonant_browser resonant_openai resonant_kill) url port peer lists=()
  (($# > 0)) || set -- 1000 100000 1000000
  (($# <= ${#databases[@]})) || fail "At most ${#databases[@]} lists." "ask for fewer"
  need_release
  need_browser
  need_npm end2end/load/peers/tanstack "The peer"
  peer=$data/peers/list.js
  mkdir -p "$data/peers"
  step "Build the peer" "read the log" end2end/load/peers/tanstack/node_modules/.bin/esbuild \
    end2end/load/peers/tanstack/app.jsx --bundle --minify --jsx=automatic \
    '--define:process.env.NODE_ENV="production"' --outfile="$peer"
  start_test_services
  for rows; do
    database=${databases[${#lists[@]}]}
    url=$(pg_url "$database")
    DATABASE_URL=$url step "Migrate" "read the log" "$release/server" migrate
    # Nine in ten agents are those of the one who looks.
    step "Seed $rows agents" "read the log" psql "$url" -Xq -v ON_ERROR_STOP=1 \
      -v agents="$((rows * 10 / 9))" -v sessions=0 -f end2end/load/api_seed.sql
    port=$(free_port $((31000 + 300 * ${#lists[@]})) $((31299 + 300 * ${#lists[@]})))
    (cd "$release" && DATABASE_URL=$url LEPTOS_SITE_ADDR=127.0.0.1:$port LEPTOS_SITE_ROOT=site \
      LEPTOS_HASH_FILES=true RUST_LOG=warn exec ./server) >"$logs/bench-list-$rows.log" 2>&1 9>&- &
    bench_pids+=("$!")
    wait_for "http://127.0.0.1:$port/api/v1/health/ready"
    lists+=("$rows=http://127.0.0.1:$port")
  done
  watched "Lists" node end2end/load/list.mjs "$release/site" "$peer" "${lists[@]}"
  ((${#failed[@]} == 0))
}
