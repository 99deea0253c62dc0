#include <stdlib.h>

double root_of(const char *text);

double root_of(const char *text)
{
    return strtod(text, NULL);
}
