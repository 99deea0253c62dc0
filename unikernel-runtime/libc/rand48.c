// SPDX-License-Identifier: ISC
// Those of the rand48 family that give signed numbers: newlib's forget the
// sign where long has 64 bits.
#include <reent.h>
#include <stdint.h>
#include <stdlib.h>

void __dorand48(struct _reent *reent, unsigned short seed[3]);

long jrand48(unsigned short seed[3])
{
    __dorand48(_REENT, seed);
    return (int32_t)((uint32_t)seed[2] << 16 | seed[1]);
}

long mrand48(void)
{
    return jrand48(_REENT_RAND48_SEED(_REENT));
}
