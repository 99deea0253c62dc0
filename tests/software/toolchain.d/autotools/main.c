#include "turnip.h"

#include <stdio.h>

int main(void)
{
    printf("%.3f\n", turnip_weight(2.0));
    return 0;
}
