// C11's <threads.h>.
#include "tests/domain/check.h"

#include <threads.h>

static mtx_t mutex;
static cnd_t cond;
static tss_t key;
static once_flag once = ONCE_FLAG_INIT;
static int count, turns, destroyed, initialised;

static void init(void)
{
    initialised++;
}

static void destroy(void *value)
{
    destroyed += *(int *)value;
}

static int work(void *argument)
{
    static int one = 1;
    call_once(&once, init);
    CHECK(tss_set(key, &one) == thrd_success && tss_get(key) == &one);
    for (int i = 0; i < 1000; i++) {
        mtx_lock(&mutex);
        int was = count;
        if (i % 100 == 0)
            thrd_yield();
        count = was + 1;
        mtx_unlock(&mutex);
    }
    mtx_lock(&mutex);
    turns++;
    cnd_signal(&cond);
    mtx_unlock(&mutex);
    return *(int *)argument;
}

static int ends(void *unused)
{
    (void)unused;
    thrd_exit(9);
}

int main(void)
{
    thrd_t t[4];
    int numbers[4] = {10, 20, 30, 40}, result;
    CHECK(mtx_init(&mutex, mtx_timed) == thrd_success);
    CHECK(cnd_init(&cond) == thrd_success);
    CHECK(tss_create(&key, destroy) == thrd_success);
    for (int i = 0; i < 4; i++)
        CHECK(thrd_create(&t[i], work, &numbers[i]) == thrd_success);
    mtx_lock(&mutex);
    while (turns < 4)
        cnd_wait(&cond, &mutex);
    mtx_unlock(&mutex);
    for (int i = 0; i < 4; i++)
        CHECK(thrd_join(t[i], &result) == thrd_success && result == numbers[i]);
    CHECK(count == 4000 && initialised == 1 && destroyed == 4);
    CHECK(thrd_create(t, ends, NULL) == thrd_success);
    CHECK(thrd_join(t[0], &result) == thrd_success && result == 9);

    struct timespec past = {1, 0};
    CHECK(mtx_trylock(&mutex) == thrd_success);
    CHECK(cnd_timedwait(&cond, &mutex, &past) == thrd_timedout);
    CHECK(mtx_trylock(&mutex) == thrd_busy);
    CHECK(mtx_timedlock(&mutex, &past) == thrd_timedout);
    mtx_unlock(&mutex);
    mtx_destroy(&mutex);

    CHECK(mtx_init(&mutex, mtx_plain | mtx_recursive) == thrd_success);
    CHECK(mtx_lock(&mutex) == thrd_success && mtx_lock(&mutex) == thrd_success);
    CHECK(mtx_unlock(&mutex) == thrd_success);
    CHECK(thrd_sleep(&(struct timespec){0, 1000}, NULL) == 0);
    CHECK(thrd_equal(thrd_current(), thrd_current()));
    return 0;
}
