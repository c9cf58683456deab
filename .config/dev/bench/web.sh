# shellcheck shell=bash
# Lighthouse on a release with the sample content, beside the weight of its pages.

bench_web() {
  start_test_services
  need_browser
  need_npm end2end/load "Lighthouse"
  need_release
  fill_database "$release/server"
  LEPTOS_SITE_ADDR=127.0.0.1:$(free_port 31000 31999)
  export LEPTOS_SITE_ADDR
  start_server
  wait_for_server
  watched "Weight of the pages" weigh_pages
  watched "Lighthouse" node end2end/load/lighthouse.mjs "http://$LEPTOS_SITE_ADDR" "$@"
  ((${#failed[@]} == 0))
}
