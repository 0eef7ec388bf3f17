-- Counts a guess; the arithmetic is `guess` in domain/src/throttle.rs, to the microsecond.
-- KEYS: guesses. ARGV: –, how long one failure is remembered, how long at most (both ms), then from
-- how many failures on which pause follows, fewest first. `now` is set above.
-- Answers whether it may, and how long to wait.
local function pause(count)
  local found = 0
  for at = 4, #ARGV, 2 do
    if count >= tonumber(ARGV[at]) then
      found = tonumber(ARGV[at + 1])
    end
  end
  return found
end
local kept = redis.call('HMGET', KEYS[1], 'count', 'next_at')
local count = tonumber(kept[1] or 0)
local next_at = math.min(tonumber(kept[2] or now), now + pause(count))
if next_at > now then
  return {0, next_at - now}
end
count = math.min(count + 1, 4294967295)
next_at = now + pause(count)
redis.call('HSET', KEYS[1], 'count', string.format('%.0f', count), 'next_at', string.format('%.0f', next_at))
redis.call('PEXPIRE', KEYS[1], math.min(count * tonumber(ARGV[2]), tonumber(ARGV[3])))
return {1, 0}
