-- The server's own time in microseconds, which all nodes share, and how far the caller's moment lies
-- from the caller's own clock: nothing, but where a test has moved the time.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2]) + tonumber(ARGV[1])
-- How many milliseconds a count is kept that is one for so many microseconds.
local function kept_for(micros)
  return math.ceil(micros / 1000)
end
