# lib: helpers of the host programs. A program lists the sets it needs, say
# $(LIB_SRCS) $(LIB_DB_SRCS), and links their libraries.
#   LIB_SRCS       libc only
#   LIB_JSON_SRCS  on top of it, with jansson
#   LIB_DB_SRCS    on top of it, with sqlite3
LIB_SRCS := lib/err.c lib/log.c lib/buf.c lib/io.c lib/sock.c lib/hex.c \
    lib/cfg.c lib/table.c
LIB_JSON_SRCS := lib/json.c
LIB_DB_SRCS := lib/db.c

LIB_JSON_LIBS := -ljansson
LIB_DB_LIBS := -lsqlite3
