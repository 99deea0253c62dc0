# unikernel-runtime
