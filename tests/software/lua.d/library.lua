-- Lua's libraries, as far as they stand on the C library: text, numbers, files,
-- time, environment.
assert(_VERSION == "Lua 5.4")

-- Numbers, read and written.
assert(string.format("%.17g", 0.1) == "0.10000000000000001")
assert(string.format("%a", 1.0) == "0x1p+0")
assert(string.format("%5.1f|%-6d|%+d|%x|%e", 3.14159, 42, 7, 255, 12345.678) ==
    "  3.1|42    |+7|ff|1.234568e+04")
assert(tonumber("0x1.8p1") == 3.0 and tonumber("1e308") * 10 == math.huge)
assert(tostring(2^53) == "9.007199254741e+15")
assert(math.maxinteger + 1 == math.mininteger and 7 // -2 == -4 and -7 % 3 == 2)
assert(math.type(3) == "integer" and math.type(3.0) == "float")
assert(math.abs(math.sin(1)^2 + math.cos(1)^2 - 1) < 1e-15)
assert(math.floor(math.exp(1) * 1e9) == 2718281828)
assert(2^0.5 == math.sqrt(2) and math.log(8, 2) == 3.0)

-- Text.
assert(("key = value"):match("^(%w+)%s*=%s*(%w+)$") == "key")
assert(("hello world"):gsub("o", "0") == "hell0 w0rld")
assert(utf8.len("žluťoučký kůň") == 13 and utf8.char(0x17e) == "ž")
assert(string.pack("<i4d", -2, 1.5):len() == 12)
assert(string.unpack("<i4", string.pack("<i4", -2)) == -2)
assert(("x"):rep(1000000):len() == 1000000)
assert(("a" < "b") and ("Z" < "a"))

-- Tables and garbage.
local t = {}
for i = 1, 10000 do t[i] = (i * 7919) % 10007 end
table.sort(t)
for i = 2, #t do assert(t[i - 1] <= t[i]) end
assert(select("#", table.unpack(t, 1, 200)) == 200)
local before = collectgarbage("count")
do local junk = {} for i = 1, 100000 do junk[i] = {i} end end
collectgarbage()
assert(collectgarbage("count") < before + 1000)
local weak = setmetatable({}, {__mode = "v"})
weak[1] = {}
collectgarbage()
assert(weak[1] == nil)

-- Coroutines and errors.
local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) error({b}) end)
assert(co(1) == 2)
local ok, e = pcall(co, "x")
assert(not ok and e[1] == "x")
assert(select(2, pcall(error, "m", 0)) == "m")
local function deep(n) return n == 0 and 0 or 1 + deep(n - 1) end
assert(deep(10000) == 10000)
assert(not pcall(function() local function f() return 1 + f() end return f() end))

-- Files: those of the bundle, and new ones.
assert(io.open("queens.lua"):read("l"):match("^%-%- Queens"))
local name = os.tmpname()
local f = assert(io.open(name, "w+"))
assert(f:setvbuf("full", 1024))
for i = 1, 3000 do f:write(i, "\n") end
assert(f:seek("set", 0) == 0)
local sum = 0
for n in f:lines("n") do sum = sum + n end
assert(sum == 3000 * 3001 // 2)
f:close()
assert(#io.open(name):read("a") == 13893)
assert(os.rename(name, "/tmp/renamed") and io.open(name) == nil)
assert(os.remove("/tmp/renamed") and not os.remove("/tmp/renamed"))
local _, why, number = io.open("/no/such/file")
assert(why == "/no/such/file: No such file or directory" and number == 2)
package.loaded.queens = nil
assert(loadfile("queens.lua"))
assert(load("return 1 + ...")(2) == 3)
assert(not load("return ("))

-- What a domain does not have says so.
assert(os.execute() == false)
assert(not os.execute("true"))
local ok, why = pcall(io.popen, "true")
assert(not ok or why == nil)

-- Time.
assert(os.time({year = 2001, month = 9, day = 9, hour = 1, min = 46, sec = 40}) == 1000000000)
assert(os.date("!%Y-%m-%d %H:%M:%S", 1000000000) == "2001-09-09 01:46:40")
assert(os.time() > 1700000000 and os.clock() >= 0)
assert(os.getenv("NO_SUCH_VARIABLE") == nil)
assert(os.setlocale("C"))
