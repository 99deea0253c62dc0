// SPDX-License-Identifier: ISC
// Division by zero is reported.
static volatile int zero;

int main(void)
{
    return 100 / zero;
}
