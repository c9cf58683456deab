-- One kind of request for wrk: COOKIE, TAG and BODY come from the environment. Prints what the caller reads.

wrk.headers["cookie"] = os.getenv("COOKIE")
if os.getenv("TAG") then wrk.headers["if-none-match"] = os.getenv("TAG") end
if os.getenv("BODY") then
  wrk.method = "POST"
  wrk.headers["content-type"] = "application/json"
  wrk.body = os.getenv("BODY")
end

function done(summary, latency)
  local seconds = summary.duration / 1e6
  -- wrk counts a 304 as no error.
  io.write(string.format("RESULT %d %.1f %.3f %d\n", summary.requests, summary.requests / seconds,
    latency:percentile(99) / 1e3, summary.errors.status))
end
