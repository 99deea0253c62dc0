#include <math.h>
#include <turnip.h>

#ifndef TURNIP_BY_PKG_CONFIG
#error "pkg-config's flags are missing"
#endif

double root_of(const char *text);

int main(int argc, char **argv)
{
    return argc == 2 && fabs(turnip_weight(2.0) - root_of(argv[1])) < 5e-4 ? 0
                                                                            : 1;
}
