-- One POST, again and again; with a list of tokens each call carries the next one, since a token is good for one call.
-- Arguments: the file of the body, and the file of tokens, one a line.

local tokens, next_token = {}, 0

function init(arguments)
   local file = assert(io.open(arguments[1], "rb"))
   wrk.method = "POST"
   wrk.body = file:read("*a")
   wrk.headers["Content-Type"] = "application/json"
   file:close()
   if arguments[2] then
      for line in io.lines(arguments[2]) do tokens[#tokens + 1] = line end
   end
   body = wrk.format()
end

function request()
   if #tokens == 0 then return body end
   next_token = next_token + 1
   wrk.headers["Authorization"] = "Bearer " .. (tokens[next_token] or "none-left")
   return wrk.format()
end

function done(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format(
      '\n{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "failed": %d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
      errors.connect + errors.read + errors.write + errors.status + errors.timeout
   ))
end
