# The api role (HTTP), and hostel, the command line.
API_SIG_SRCS := node-agent/api/httpsig.c

$(call unit-test,httpsig,tests/unit/httpsig_test.c $(API_SIG_SRCS) $(LIB_SRCS),-lsodium)
