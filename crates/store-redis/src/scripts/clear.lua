-- Deletes a counter. Returns the number of failures that it had counted; 0 for a budget.
-- KEYS: the counter.
local count = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) %d+ %d+$')
redis.call('DEL', KEYS[1])
return tonumber(count or 0)
