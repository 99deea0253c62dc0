// What programs expect besides: lines, searches, named semaphores, users,
// sessions, old signals.
#define _GNU_SOURCE
#include "tests/domain/check.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <iconv.h>
#include <pthread.h>
#include <pwd.h>
#include <search.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static void lines(void)
{
    char *line = NULL;
    size_t size = 0;
    FILE *f = fopen("/lines", "w+");
    CHECK(f && fprintf(f, "one\n%0500d\nlast:rest", 7) > 500);
    rewind(f);
    CHECK(getline(&line, &size, f) == 4 && !strcmp(line, "one\n"));
    CHECK(getline(&line, &size, f) == 501 && line[499] == '7');
    CHECK(getdelim(&line, &size, ':', f) == 5 && !strcmp(line, "last:"));
    CHECK(getline(&line, &size, f) == 4 && !strcmp(line, "rest"));
    CHECK(getline(&line, &size, f) == -1 && feof(f));
    free(line);
    fclose(f);
}

static int by_value(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void searches(void)
{
    int list[5] = {5, 3, 9}, key = 3, new = 7;
    size_t n = 3;
    CHECK(lfind(&key, list, &n, sizeof *list, by_value) == &list[1]);
    CHECK(!lfind(&new, list, &n, sizeof *list, by_value) && n == 3);
    CHECK(lsearch(&new, list, &n, sizeof *list, by_value) == &list[3]);
    CHECK(n == 4 && list[3] == 7);
    struct element {
        struct element *next, *previous;
    } a, b, c;
    insque(&a, NULL), insque(&c, &a), insque(&b, &a);
    CHECK(a.next == &b && b.next == &c && c.previous == &b && !c.next);
    remque(&b);
    CHECK(a.next == &c && c.previous == &a);
}

static void *poster(void *name)
{
    sem_t *s = sem_open(name, 0);
    CHECK(s != SEM_FAILED);
    sem_post(s);
    sem_close(s);
    return NULL;
}

static void semaphores(void)
{
    pthread_t t;
    CHECK(sem_open("/s", 0) == SEM_FAILED && errno == ENOENT);
    sem_t *s = sem_open("/s", O_CREAT | O_EXCL, 0600, 1);
    CHECK(s != SEM_FAILED && sem_open("/s", O_CREAT, 0600, 5) == s);
    CHECK(sem_open("/s", O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED &&
          errno == EEXIST);
    CHECK(sem_wait(s) == 0 && sem_trywait(s) == -1 && errno == EAGAIN);
    CHECK(pthread_create(&t, NULL, poster, (void *)"/s") == 0);
    CHECK(sem_wait(s) == 0 && pthread_join(t, NULL) == 0);
    CHECK(sem_unlink("/s") == 0 && sem_unlink("/s") == -1);
    CHECK(sem_open("/s", 0) == SEM_FAILED); // though it is open still
    CHECK(sem_post(s) == 0 && sem_close(s) == 0 && sem_close(s) == 0);
    CHECK(sem_close(s) == -1 && errno == EINVAL);
}

static void users(void)
{
    struct passwd user, *found;
    struct group group, *its;
    char text[64];
    CHECK(getpwuid_r(getuid(), &user, text, sizeof text, &found) == 0);
    CHECK(found == &user && !strcmp(user.pw_name, "root"));
    CHECK(getpwnam_r("nobody", &user, text, sizeof text, &found) == 0);
    CHECK(!found);
    CHECK(getgrnam_r("root", &group, text, sizeof text, &its) == 0 && its);
    CHECK(getgrgid_r(5, &group, text, sizeof text, &its) == 0 && !its);
    setpwent();
    CHECK(getpwent() && !getpwent());
    endpwent();
    CHECK(getgroups(0, NULL) == 0 && setgroups(0, NULL) == 0);
    CHECK(getlogin_r(text, sizeof text) == 0 && !strcmp(text, "root"));
    CHECK(getlogin_r(text, 2) == ERANGE);
}

static void session(void)
{
    char text[L_ctermid];
    CHECK(getpgrp() == getpid() && getsid(0) == getpid());
    CHECK(getpgid(77) == -1 && errno == ESRCH);
    CHECK(setpgid(0, 0) == 0 && setpgid(0, 5) == -1 && errno == EPERM);
    CHECK(tcgetpgrp(0) == getpid() && tcgetsid(1) == getpid());
    CHECK(ttyname_r(1, text, sizeof text) == 0 && !strcmp(text, ctermid(NULL)));
    CHECK(ttyname_r(1, text, 3) == ERANGE && ttyname_r(55, text, 9) == EBADF);
    CHECK(open(ttyname(0), O_RDWR) >= 0 && tcflow(1, TCOON) == 0);
    CHECK(nice(0) == 0 && nice(-5) == -1 && errno == EPERM);
    CHECK(getpriority(PRIO_PROCESS, 0) == 0);
    CHECK(setpriority(PRIO_PROCESS, 0, 3) == 0);
    CHECK(getpriority(9, 0) == -1 && errno == EINVAL);
    CHECK(getdtablesize() == sysconf(_SC_OPEN_MAX) && gethostid() == 0);
}

static volatile int caught;

static void on_signal(int sig)
{
    caught = sig;
}

static void old_signals(void)
{
    CHECK(sigset(SIGUSR1, on_signal) == SIG_DFL);
    CHECK(sighold(SIGUSR1) == 0 && raise(SIGUSR1) == 0 && !caught);
    CHECK(sigpause(SIGUSR1) == -1 && errno == EINTR && caught == SIGUSR1);
    CHECK(sigrelse(SIGUSR1) == 0 && sigignore(SIGUSR1) == 0);
    caught = 0;
    CHECK(raise(SIGUSR1) == 0 && !caught);
    CHECK(sigset(SIGUSR1, SIG_HOLD) == SIG_IGN);
    CHECK(sigset(SIGUSR1, SIG_DFL) == SIG_HOLD);
    CHECK(sighold(999) == -1 && errno == EINVAL);
}

static void encodings(void)
{
    iconv_t c = iconv_open("UTF-8", "ISO-8859-1");
    char in[] = "caf\xe9", out[16], *from = in, *to = out;
    size_t left = 4, room = sizeof out;
    CHECK(c != (iconv_t)-1 && iconv(c, &from, &left, &to, &room) == 0);
    CHECK(to - out == 5 && !memcmp(out, "caf\xc3\xa9", 5));
    CHECK(iconv_close(c) == 0);
    CHECK(iconv_open("UTF-8", "KLINGON") == (iconv_t)-1 && errno == EINVAL);
}

int main(void)
{
    lines();
    searches();
    semaphores();
    users();
    session();
    old_signals();
    encodings();
    return 0;
}
