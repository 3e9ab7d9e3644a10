-- wrk's script: POST bodies that were signed beforehand (one on each line of a file), or GET one address with a token,
-- or ask the requests of a file (method, path, Authorization and body on each line), each POST under the next key.
-- wrk -t1 ... -s wrk.lua URL -- post FILE   |   -- get TOKEN   |   -- ask FILE PREFIX
-- Writes one line of JSON. `taken` counts the bodies handed out, of which wrk itself throws the first away.
local threads, requests = {}, {}
local heads, bodies = {}, {}

function setup(thread) table.insert(threads, thread) end

local function read(file, prefix)
   for line in io.lines(file) do
      local method, path, authorization, body = line:match("^(%u+)\t(%S+)\t([^\t]*)\t(.*)$")
      local head = method .. " " .. path .. " HTTP/1.1\r\nHost: " .. wrk.host .. "\r\n"
      if authorization ~= "" then head = head .. "Authorization: " .. authorization .. "\r\n" end
      if method == "POST" then
         head = head .. "Content-Type: application/json\r\nContent-Length: " .. #body .. "\r\nIdempotency-Key: " .. prefix
         bodies[#heads + 1] = "\r\n\r\n" .. body
      else
         head = head .. "\r\n"
      end
      heads[#heads + 1] = head
   end
end

local function numbered()
   taken = taken + 1
   local index = (taken - 1) % #heads + 1
   local body = bodies[index]
   return body and heads[index] .. taken .. body or heads[index]
end

function init(args)
   taken, exhausted = 0, 0
   if args[1] == "post" then
      local head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host
         .. "\r\nContent-Type: application/json\r\nContent-Length: "
      for body in io.lines(args[2]) do
         requests[#requests + 1] = head .. #body .. "\r\n\r\n" .. body
      end
   elseif args[1] == "ask" then
      read(args[2], args[3])
      request = numbered
   else
      wrk.headers["Authorization"] = "Bearer " .. args[2]
      requests = nil
      repeated = wrk.format("GET", wrk.path)
   end
end

function request()
   if not requests then return repeated end
   if taken == #requests then exhausted = 1 else taken = taken + 1 end
   return requests[taken]
end

function done(summary, latency)
   local thread, errors = threads[1], summary.errors
   print(string.format(
      '{"requests": %d, "microseconds": %d, "taken": %d, "exhausted": %d, "refused": %d, "broken": %d, "timed_out": %d,'
         .. ' "p50_us": %d, "p90_us": %d, "p99_us": %d, "max_us": %d}',
      summary.requests, summary.duration, thread:get("taken"), thread:get("exhausted"), errors.status,
      errors.connect + errors.read + errors.write, errors.timeout,
      latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max))
end
