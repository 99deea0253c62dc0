// SPDX-License-Identifier: ISC
/*
 * Terminals. The console is one in that isatty says so; bytes pass as they
 * are, whatever is set.
 */
#ifndef _SYS_TERMIOS_H
#define _SYS_TERMIOS_H

#include <sys/types.h>

typedef unsigned tcflag_t;
typedef unsigned char cc_t;
typedef unsigned speed_t;

#define NCCS 20
struct termios {
    tcflag_t c_iflag, c_oflag, c_cflag, c_lflag;
    cc_t c_cc[NCCS];
    speed_t c_ispeed, c_ospeed;
};

#define BRKINT 0x002
#define ICRNL  0x100
#define IGNBRK 0x001
#define IGNCR  0x080
#define IGNPAR 0x004
#define INLCR  0x040
#define INPCK  0x010
#define ISTRIP 0x020
#define IXANY  0x800
#define IXOFF  0x1000
#define IXON   0x400
#define PARMRK 0x008
#define OPOST  0x001
#define ONLCR  0x004
#define CS5    0x00
#define CS6    0x10
#define CS7    0x20
#define CS8    0x30
#define CSIZE  0x30
#define CSTOPB 0x40
#define CREAD  0x80
#define PARENB 0x100
#define PARODD 0x200
#define HUPCL  0x400
#define CLOCAL 0x800
#define ECHO   0x008
#define ECHOE  0x010
#define ECHOK  0x020
#define ECHONL 0x040
#define ICANON 0x002
#define IEXTEN 0x8000
#define ISIG   0x001
#define NOFLSH 0x080
#define TOSTOP 0x100

#define VINTR  0
#define VQUIT  1
#define VERASE 2
#define VKILL  3
#define VEOF   4
#define VTIME  5
#define VMIN   6
#define VSTART 8
#define VSTOP  9
#define VSUSP  10
#define VEOL   11

#define B0      0
#define B9600   9600
#define B19200  19200
#define B38400  38400
#define B115200 115200

#define TCSANOW   0
#define TCSADRAIN 1
#define TCSAFLUSH 2
#define TCOOFF    0
#define TCOON     1
#define TCIOFF    2
#define TCION     3
#define TCIFLUSH  0
#define TCOFLUSH  1
#define TCIOFLUSH 2

int tcgetattr(int fd, struct termios *t);
int tcsetattr(int fd, int when, const struct termios *t);
int tcdrain(int fd);
int tcflush(int fd, int which);
int tcflow(int fd, int action);
pid_t tcgetsid(int fd);
int tcsendbreak(int fd, int duration);
void cfmakeraw(struct termios *t);
speed_t cfgetispeed(const struct termios *t);
speed_t cfgetospeed(const struct termios *t);
int cfsetispeed(struct termios *t, speed_t speed);
int cfsetospeed(struct termios *t, speed_t speed);

#endif
