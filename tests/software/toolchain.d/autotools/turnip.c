#include "config.h"
#include "turnip.h"

#include <math.h>
#include <pthread.h>

#if !HAVE_PTHREAD_H || !HAVE_SYS_MMAN_H || !HAVE_CLOCK_GETTIME || !HAVE_MALLOC
#error "something that is there was not found"
#endif
#if HAVE_NO_SUCH_HEADER_H || HAVE_NO_SUCH_FUNCTION || defined(WORDS_BIGENDIAN)
#error "something that is not there was found"
#endif

static void *weigh(void *argument)
{
    double *radius = argument;
    *radius = 4.0 / 3.0 * M_PI * pow(*radius, 3.0);
    return argument;
}

double turnip_weight(double radius)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, weigh, &radius))
        return -1;
    pthread_join(thread, NULL);
    return radius;
}
