// SPDX-License-Identifier: ISC
// The console as a terminal, and ioctl.
#include "unikernel-runtime/libc/cancel.h"
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/libc/result.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

// What was set is what is read back; nothing acts on it.
static struct termios settings = {.c_iflag = ICRNL,
                                  .c_oflag = OPOST | ONLCR,
                                  .c_cflag = CS8 | CREAD | CLOCAL,
                                  .c_lflag = ISIG | ICANON | ECHO,
                                  .c_ispeed = B115200,
                                  .c_ospeed = B115200};

static int check(int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -1;
    return isatty(fd) ? 0 : result(-ENOTTY);
}

int tcgetattr(int fd, struct termios *t)
{
    if (check(fd) < 0)
        return -1;
    *t = settings;
    return 0;
}

int tcsetattr(int fd, int when, const struct termios *t)
{
    if (when < TCSANOW || when > TCSAFLUSH)
        return result(-EINVAL);
    if (check(fd) < 0)
        return -1;
    settings = *t;
    return 0;
}

int tcdrain(int fd)
{
    cancel_test();
    return check(fd);
}

int tcflush(int fd, int which)
{
    (void)which;
    return check(fd);
}

// Output is never held back.
int tcflow(int fd, int action)
{
    if (action < TCOOFF || action > TCION)
        return result(-EINVAL);
    return check(fd);
}

pid_t tcgetsid(int fd)
{
    return check(fd) < 0 ? -1 : getpid();
}

int tcsendbreak(int fd, int duration)
{
    (void)duration;
    return check(fd);
}

void cfmakeraw(struct termios *t)
{
    t->c_iflag &=
        ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    t->c_oflag &= ~OPOST;
    t->c_lflag &= ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    t->c_cflag = (t->c_cflag & ~(CSIZE | PARENB)) | CS8;
}

speed_t cfgetispeed(const struct termios *t)
{
    return t->c_ispeed;
}

speed_t cfgetospeed(const struct termios *t)
{
    return t->c_ospeed;
}

int cfsetispeed(struct termios *t, speed_t speed)
{
    t->c_ispeed = speed;
    return 0;
}

int cfsetospeed(struct termios *t, speed_t speed)
{
    t->c_ospeed = speed;
    return 0;
}

static int nonblocking_set(int fd, int on)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -1;
    return fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

static int device_control(int fd, unsigned long request, void *argument)
{
    struct file *f = fd_get(fd);
    if (!f)
        return result(-EBADF);
    int r = file_control(f, request, argument);
    fd_put(f);
    return result(r);
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    va_start(ap, request);
    void *argument = va_arg(ap, void *);
    va_end(ap);
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -1;
    switch (request) {
    case FIONBIO:
        return nonblocking_set(fd, *(int *)argument);
    case FIOCLEX:
    case FIONCLEX:
        return 0;
    case FIONREAD:
        if (!S_ISFIFO(st.st_mode))
            return device_control(fd, request, argument);
        *(int *)argument = st.st_size;
        return 0;
    default: // TIOCGWINSZ: the console has no size
        return device_control(fd, request, argument);
    }
}
