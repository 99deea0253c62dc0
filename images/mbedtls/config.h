// What of mbedTLS's own configuration is left out here: the module with
// sockets, since its test program makes no connection.
#undef MBEDTLS_NET_C
