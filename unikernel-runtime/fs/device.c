// SPDX-License-Identifier: ISC
// The character devices: console, null, zero, random.
#include "unikernel-runtime/fs/device.h"
#include "unikernel-runtime/kernel/console.h"
#include "unikernel-runtime/kernel/random.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

// stdio buffers this much: less than its default, to touch fewer pages.
#define DEVICE_BLOCK 1024

static int device_stat(struct file *f, struct stat *st)
{
    (void)f;
    *st = (struct stat){
        .st_mode = S_IFCHR | 0666, .st_nlink = 1, .st_blksize = DEVICE_BLOCK};
    return 0;
}

static ssize_t write_nowhere(struct file *f, const void *data, size_t len,
    off_t *pos)
{
    (void)f, (void)pos, (void)data;
    return len;
}

static ssize_t console_read_op(struct file *f, void *data, size_t len,
    off_t *pos)
{
    (void)pos;
    if (f->flags & O_NONBLOCK && len && !console_readable())
        return -EAGAIN;
    return console_read(data, len);
}

static ssize_t console_write_op(struct file *f, const void *data, size_t len,
    off_t *pos)
{
    (void)f, (void)pos;
    console_write(data, len);
    return len;
}

static ssize_t null_read(struct file *f, void *data, size_t len,
    off_t *pos)
{
    (void)f, (void)pos, (void)data, (void)len;
    return 0;
}

static ssize_t zero_read(struct file *f, void *data, size_t len,
    off_t *pos)
{
    (void)f, (void)pos;
    memset(data, 0, len);
    return len;
}

static ssize_t random_read(struct file *f, void *data, size_t len,
    off_t *pos)
{
    (void)f, (void)pos;
    random_bytes(data, len);
    return len;
}

static short console_poll(struct file *f)
{
    (void)f;
    return console_readable() ? POLLIN | POLLOUT : POLLOUT;
}

const struct file_ops device_console_ops = {.read = console_read_op,
                                            .write = console_write_op,
                                            .stat = device_stat,
                                            .poll = console_poll};
static const struct file_ops null_ops = {
    .read = null_read, .write = write_nowhere, .stat = device_stat};
static const struct file_ops zero_ops = {
    .read = zero_read, .write = write_nowhere, .stat = device_stat};
static const struct file_ops random_ops = {
    .read = random_read, .write = write_nowhere, .stat = device_stat};

const struct device device_table[] = {
    {"console", &device_console_ops},
    {"tty", &device_console_ops},
    {"stdin", &device_console_ops},
    {"stdout", &device_console_ops},
    {"stderr", &device_console_ops},
    {"null", &null_ops},
    {"zero", &zero_ops},
    {"random", &random_ops},
    {"urandom", &random_ops},
    {0},
};
