// SPDX-License-Identifier: ISC
// A jump to null is reported.
static void (*volatile nowhere)(void);

int main(void)
{
    nowhere();
    return 0;
}
