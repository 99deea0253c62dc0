// What is added to mbedTLS's own configuration: threads, for the server that
// gives each connection one.
#define MBEDTLS_THREADING_C
#define MBEDTLS_THREADING_PTHREAD
