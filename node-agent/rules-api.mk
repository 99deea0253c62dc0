# The api role (HTTP), and hostel, the command line.
#   API_SRCS  the role; needs $(BUNDLE_SRCS), $(RECEIPT_SRCS), $(AGENT_IPC_SRCS)
#             and lib's sets besides, and $(API_LIBS)
API_SIG_SRCS := node-agent/api/httpsig.c
API_SRCS := node-agent/api/api.c node-agent/api/mux.c node-agent/api/server.c \
    node-agent/api/conn.c node-agent/api/route.c node-agent/api/request.c \
    node-agent/api/reply.c node-agent/api/auth.c node-agent/api/nonces.c \
    node-agent/api/upload.c node-agent/api/render.c node-agent/api/document.c \
    node-agent/api/node.c node-agent/api/submission.c \
    node-agent/api/console.c node-agent/api/account.c $(API_SIG_SRCS)
API_LIBS := -lmicrohttpd -lsodium -lpthread

$(call unit-test,httpsig,tests/unit/httpsig_test.c $(API_SIG_SRCS) $(LIB_SRCS),-lsodium)
