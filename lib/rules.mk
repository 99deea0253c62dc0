# lib: helpers of the host programs. A program lists the set it needs:
#   LIB_SRCS       libc only
#   LIB_JSON_SRCS  LIB_SRCS and jansson   (link $(LIB_JSON_LIBS))
#   LIB_DB_SRCS    LIB_SRCS and sqlite3   (link $(LIB_DB_LIBS))
# A program that needs several sorts them: $(sort $(LIB_SRCS) $(LIB_DB_SRCS)).
LIB_SRCS := lib/err.c lib/log.c lib/buf.c lib/io.c lib/sock.c lib/hex.c \
    lib/cfg.c lib/table.c
LIB_JSON_SRCS := lib/json.c
LIB_DB_SRCS := lib/db.c

LIB_JSON_LIBS := -ljansson
LIB_DB_LIBS := -lsqlite3
