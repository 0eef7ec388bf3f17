-- Takes a guess back that was never looked at.
-- KEYS: guesses. `now` is set above.
local count = tonumber(redis.call('HGET', KEYS[1], 'count') or 0)
if count <= 1 then
  redis.call('DEL', KEYS[1])
else
  redis.call('HSET', KEYS[1], 'count', string.format('%.0f', count - 1), 'next_at', string.format('%.0f', now))
end
return 1
