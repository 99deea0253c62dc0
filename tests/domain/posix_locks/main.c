// Advisory locks: fcntl's and lockf's never stand in a process's own way,
// flock's belong to open files.
#include "tests/domain/check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <unistd.h>

static int other;

static void *release(void *file)
{
    usleep(20000);
    other = 1;
    close(*(int *)file); // the last descriptor: the lock goes with it
    return NULL;
}

int main(void)
{
    int a = open("/f", O_RDWR | O_CREAT, 0600), b = open("/f", O_RDWR),
        c = open("/g", O_RDWR | O_CREAT, 0600), r = open("/f", O_RDONLY);
    CHECK(flock(a, LOCK_EX) == 0 && flock(a, LOCK_EX | LOCK_NB) == 0);
    CHECK(flock(b, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK);
    CHECK(flock(c, LOCK_EX | LOCK_NB) == 0); // another file
    CHECK(flock(a, LOCK_SH) == 0 && flock(b, LOCK_SH | LOCK_NB) == 0);
    CHECK(flock(b, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK);
    CHECK(flock(a, LOCK_UN) == 0 && flock(b, LOCK_EX | LOCK_NB) == 0);
    CHECK(flock(b, 0) == -1 && errno == EINVAL);
    CHECK(flock(-1, LOCK_SH) == -1 && errno == EBADF);

    // dup shares the lock: it is held until both are closed.
    int d = dup(b);
    CHECK(close(b) == 0 && flock(a, LOCK_SH | LOCK_NB) == -1);
    pthread_t t;
    CHECK(pthread_create(&t, NULL, release, &d) == 0);
    CHECK(flock(a, LOCK_EX) == 0 && other == 1);
    CHECK(pthread_join(t, NULL) == 0);

    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10};
    CHECK(fcntl(a, F_SETLK, &lock) == 0 && fcntl(a, F_SETLKW, &lock) == 0);
    CHECK(fcntl(a, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK);
    lock.l_type = F_WRLCK;
    CHECK(fcntl(r, F_SETLK, &lock) == -1 && errno == EBADF);
    lock.l_whence = 9;
    CHECK(fcntl(a, F_SETLK, &lock) == -1 && errno == EINVAL);
    CHECK(lockf(a, F_TLOCK, 5) == 0 && lockf(a, F_TEST, 5) == 0);
    CHECK(lockf(a, F_ULOCK, 5) == 0 && lockf(a, 99, 5) == -1);
    return 0;
}
