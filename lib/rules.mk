# lib: helpers of the host programs. A program lists the sets it needs, say
# $(LIB_SRCS) $(LIB_DB_SRCS), and links their libraries.
#   LIB_SRCS       libc only
#   LIB_JSON_SRCS  on top of it, with jansson
#   LIB_DB_SRCS    on top of it, with sqlite3
LIB_SRCS := lib/err.c lib/log.c lib/buf.c lib/io.c lib/sock.c lib/hex.c \
    lib/cfg.c lib/table.c lib/clock_watch.c
LIB_JSON_SRCS := lib/json.c
LIB_DB_SRCS := lib/db.c

LIB_JSON_LIBS := -ljansson
LIB_DB_LIBS := -lsqlite3

$(call unit-test,lib_basics_test,tests/unit/lib_basics_test.c $(LIB_SRCS),)
# The clock is set by tests/unit/clock_shift.h, which stands in for libc's.
$(call unit-test,lib_clock_test,tests/unit/lib_clock_test.c $(LIB_SRCS),)
$(call unit-test,lib_sock_test,tests/unit/lib_sock_test.c $(LIB_SRCS),)
$(call unit-test,lib_cfg_test,tests/unit/lib_cfg_test.c $(LIB_SRCS),)
$(call unit-test,lib_json_test,tests/unit/lib_json_test.c $(LIB_SRCS) \
    $(LIB_JSON_SRCS),$(LIB_JSON_LIBS))
$(call unit-test,lib_db_test,tests/unit/lib_db_test.c $(LIB_SRCS) \
    $(LIB_DB_SRCS),$(LIB_DB_LIBS))
