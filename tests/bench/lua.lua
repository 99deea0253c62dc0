-- What an interpreter does all day: calls, tables, strings, closures, floats,
-- garbage. The same work everywhere; it says nothing of time.
local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end

local function sieve(n)
    local is, count = {}, 0
    for i = 2, n do is[i] = true end
    for i = 2, n do
        if is[i] then
            count = count + 1
            for k = i * i, n, i do is[k] = false end
        end
    end
    return count
end

local function words(n)
    local count, out = {}, {}
    for i = 1, n do
        local w = ("w%d"):format(i * 7919 % 997)
        count[w] = (count[w] or 0) + 1
    end
    for w, c in pairs(count) do out[#out + 1] = w .. "=" .. c end
    table.sort(out)
    return #table.concat(out, ","):gsub("=", ":")
end

local function trees(depth)
    local function make(d) return d == 0 and {} or {make(d - 1), make(d - 1)} end
    local function count(t) return t[1] and 1 + count(t[1]) + count(t[2]) or 1 end
    return count(make(depth))
end

local function bodies(steps)
    local x, y, vx, vy = 1.0, 0.0, 0.0, 1.0
    for _ = 1, steps do
        local r = (x * x + y * y) ^ 1.5
        vx, vy = vx - x / r * 1e-3, vy - y / r * 1e-3
        x, y = x + vx * 1e-3, y + vy * 1e-3
    end
    return string.format("%.6f", x * x + y * y)
end

local function closures(n)
    local list = {}
    for i = 1, n do list[i] = function(x) return x + i end end
    local sum = 0
    for i = 1, n do sum = list[i](sum) % 1000003 end
    return sum
end

for _ = 1, tonumber(arg and arg[1]) or 1 do
    print(fib(27), sieve(300000), words(200000), trees(16), bodies(1000000),
        closures(200000))
end
