-- The select of GET /locations/{id} with nothing around it: what the database and its C client give with no service
-- in between. Each thread has a connection, and a statement prepared on the server.

sysbench.cmdline.options = {
   ids = {"File with the ids to ask for, one a line", "ids.txt"},
}

local SELECT = "SELECT id, version, name, country, region, latitude, longitude, population, timezone " ..
   "FROM locations WHERE id = ?"

-- Each thread has a Lua state of its own, so that these are not shared.
local ids = {}
local connection, statement, id

function thread_init()
   for line in io.lines(sysbench.opt.ids) do
      ids[#ids + 1] = tonumber(line)
   end
   connection = sysbench.sql.driver():connect()
   statement = connection:prepare(SELECT)
   id = statement:bind_create(sysbench.sql.type.BIGINT)
   statement:bind_param(id)
end

function event()
   id:set(ids[sysbench.rand.uniform(1, #ids)])
   statement:execute():free()
end

function thread_done()
   statement:close()
   connection:disconnect()
end
