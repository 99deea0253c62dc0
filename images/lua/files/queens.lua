-- Queens on a board of N rows that do not threaten each other: every solution,
-- a line each. lua queens.lua [N]
local n = tonumber(arg[1]) or 8

local function safe(rows, row, column)
    for r = 1, row - 1 do
        local c = rows[r]
        if c == column or math.abs(c - column) == row - r then return false end
    end
    return true
end

local function place(rows, row)
    if row > n then
        coroutine.yield(table.concat(rows, " "))
        return
    end
    for column = 1, n do
        if safe(rows, row, column) then
            rows[row] = column
            place(rows, row + 1)
            rows[row] = nil
        end
    end
end

for solution in coroutine.wrap(function() place({}, 1) end) do
    print(solution)
end
