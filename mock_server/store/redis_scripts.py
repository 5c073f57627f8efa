"""What a server that speaks Redis's protocol does in one step: Lua scripts, one for each method that changes something.

Every script is given the set of the session's keys first, and how long they live; what it writes is noted in the set
and lives that long from then on. So a session ends as a whole, and nothing outlives mocks that were killed. A server
that is told to evict keys takes parts of a piece away: what is kept of it begins anew.
"""

from __future__ import annotations

from typing import Final

_PRELUDE: Final = """
local all, life = KEYS[1], ARGV[1]
local function written(key)
  redis.call('SADD', all, key)
  redis.call('PEXPIRE', key, life)
  redis.call('PEXPIRE', all, life)
end
local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1000000
end
"""

KEEP: Final = (
    _PRELUDE
    + """
-- values, order, weights, groups, state; name, value, group, weight, most, most bytes
local name, value, group, weight = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local there = redis.call('HGET', KEYS[2], name)
if there then return there end
if redis.call('EXISTS', unpack(KEYS, 2)) < 5 then redis.call('DEL', unpack(KEYS, 2)) end
redis.call('HSET', KEYS[2], name, value)
redis.call('RPUSH', KEYS[3], name)
redis.call('HSET', KEYS[4], name, weight)
redis.call('HSET', KEYS[5], name, group)
local bytes = redis.call('HINCRBY', KEYS[6], 'bytes', weight)
while redis.call('LLEN', KEYS[3]) > tonumber(ARGV[6]) or bytes > tonumber(ARGV[7]) do
  local oldest = redis.call('LPOP', KEYS[3])
  bytes = redis.call('HINCRBY', KEYS[6], 'bytes', 0 - tonumber(redis.call('HGET', KEYS[4], oldest) or 0))
  for key = 2, 5 do if key ~= 3 then redis.call('HDEL', KEYS[key], oldest) end end
end
for key = 2, 6 do written(KEYS[key]) end
return value
"""
)
GROUP: Final = """
-- values, groups; group
local found = {}
local groups = redis.call('HGETALL', KEYS[2])
for index = 1, #groups, 2 do
  local value = groups[index + 1] == ARGV[1] and redis.call('HGET', KEYS[1], groups[index])
  if value then table.insert(found, value) end
end
return found
"""
APPEND: Final = (
    _PRELUDE
    + """
-- state, values by number, weights; value, weight, most, most bytes
if redis.call('EXISTS', unpack(KEYS, 2)) < 3 then
  -- what goes here still counts as dropped: numbers go on where they were
  local last = redis.call('HGET', KEYS[2], 'number') or redis.call('ZRANGE', KEYS[3], -1, -1, 'WITHSCORES')[2] or 0
  redis.call('DEL', KEYS[3], KEYS[4])
  redis.call('HSET', KEYS[2], 'bytes', 0, 'number', last)
end
local number, weight = redis.call('HINCRBY', KEYS[2], 'number', 1), tonumber(ARGV[3])
redis.call('ZADD', KEYS[3], number, number .. ':' .. ARGV[2])
redis.call('HSET', KEYS[4], number, weight)
local bytes = redis.call('HINCRBY', KEYS[2], 'bytes', weight)
while redis.call('ZCARD', KEYS[3]) > tonumber(ARGV[4]) or bytes > tonumber(ARGV[5]) do
  local oldest = redis.call('ZPOPMIN', KEYS[3])[2]
  bytes = redis.call('HINCRBY', KEYS[2], 'bytes', 0 - tonumber(redis.call('HGET', KEYS[4], oldest) or 0))
  redis.call('HDEL', KEYS[4], oldest)
end
for key = 2, 4 do written(KEYS[key]) end
return number
"""
)
COUNT: Final = (
    _PRELUDE
    + """
-- counts, when each was counted; name, below (or nothing), most, where what passed begins
local name, below = ARGV[2], tonumber(ARGV[3])
if below and tonumber(redis.call('HGET', KEYS[2], name) or 0) >= below then return false end
local count = redis.call('HINCRBY', KEYS[2], name, 1)
redis.call('ZADD', KEYS[3], string.format('%.6f', now()), name)
while redis.call('ZCARD', KEYS[3]) > tonumber(ARGV[4]) do
  local oldest = redis.call('ZPOPMIN', KEYS[3])[1]
  redis.call('HDEL', KEYS[2], oldest)
  redis.call('DEL', ARGV[5] .. oldest)
end
written(KEYS[2])
written(KEYS[3])
return count
"""
)
ADMIT: Final = (
    _PRELUDE
    + """
-- when things passed, when each name was used; most, seconds, now (or nothing), name
local most, seconds, at = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]) or now()
local first = tonumber(redis.call('LINDEX', KEYS[2], 0) or nil)
while first and first <= at - seconds do
  redis.call('LPOP', KEYS[2])
  first = tonumber(redis.call('LINDEX', KEYS[2], 0) or nil)
end
if redis.call('LLEN', KEYS[2]) < most then
  redis.call('RPUSH', KEYS[2], string.format('%.6f', at))
  redis.call('ZADD', KEYS[3], string.format('%.6f', now()), ARGV[5])
  written(KEYS[2])
  written(KEYS[3])
  return false
end
return string.format('%.6f', first and first + seconds - at or seconds)
"""
)
SWAP: Final = (
    _PRELUDE
    + """
-- value with its version; the version that it has (or nothing), the new one, the new value
if (redis.call('HGET', KEYS[2], 'version') or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], 'version', ARGV[3], 'value', ARGV[4])
written(KEYS[2])
return 1
"""
)
TOUCH: Final = (
    _PRELUDE
    + """
-- sessions by when they were used; session, most, seconds of idleness, where keys of sessions begin and end
for _, key in ipairs(redis.call('SMEMBERS', all)) do
  if redis.call('PEXPIRE', key, life) == 0 then redis.call('SREM', all, key) end
end
redis.call('PEXPIRE', all, life)
if ARGV[2] == '' then return 0 end
local at, sessions = now(), KEYS[2]
redis.call('ZADD', sessions, string.format('%.6f', at), ARGV[2])
redis.call('PEXPIRE', sessions, life)
local over = redis.call('ZCARD', sessions) - tonumber(ARGV[3])
local unused = string.format('%.6f', at - tonumber(ARGV[4]))
local gone = redis.call('ZRANGEBYSCORE', sessions, '-inf', unused, 'LIMIT', 0, 100)
if over > 0 then
  for _, session in ipairs(redis.call('ZRANGE', sessions, 0, over - 1)) do table.insert(gone, session) end
end
for _, session in ipairs(gone) do
  local keys = ARGV[5] .. session .. ARGV[6]
  for _, key in ipairs(redis.call('SMEMBERS', keys)) do redis.call('DEL', key) end
  redis.call('DEL', keys)
  redis.call('ZREM', sessions, session)
end
return #gone
"""
)
END: Final = """
-- the keys of a session, sessions; session
for _, key in ipairs(redis.call('SMEMBERS', KEYS[1])) do redis.call('DEL', key) end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 0
"""
