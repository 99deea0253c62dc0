// SPDX-License-Identifier: ISC
/*
 * open_wmemstream. newlib's divides by four the bytes that its stdio has made
 * of wide characters, in the locale's encoding; here they are made wide again.
 * Offsets count wide characters.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

struct wide {
    wchar_t **out;
    size_t *out_len;
    wchar_t *data;
    size_t len, room, pos; // data[len] is a zero
    mbstate_t state;
};

static int room_make(struct wide *w, size_t room)
{
    if (room <= w->room)
        return 0;
    if (room < 2 * w->room)
        room = 2 * w->room;
    if (room > SIZE_MAX / sizeof(wchar_t)) {
        errno = ENOMEM;
        return -1;
    }
    wchar_t *data = realloc(w->data, room * sizeof(wchar_t));
    if (!data)
        return -1;
    w->data = data;
    w->room = room;
    return 0;
}

// What POSIX says the program sees after fflush and fclose.
static void publish(struct wide *w)
{
    *w->out = w->data;
    *w->out_len = w->pos < w->len ? w->pos : w->len;
}

static ssize_t wide_write(void *cookie, const char *bytes, size_t n)
{
    struct wide *w = cookie;
    size_t done = 0;
    if (room_make(w, w->pos + n + 1) < 0)
        return -1;
    if (w->pos > w->len)
        wmemset(w->data + w->len, 0, w->pos - w->len);
    while (done < n) {
        wchar_t c;
        size_t r = mbrtowc(&c, bytes + done, n - done, &w->state);
        if (r == (size_t)-1)
            return done ? (ssize_t)done : -1;
        if (r == (size_t)-2)
            break; // the rest comes with the next call
        done += r ? r : 1;
        w->data[w->pos++] = c;
    }
    if (w->pos > w->len) {
        w->len = w->pos;
        w->data[w->len] = 0;
    }
    publish(w);
    return n;
}

static int wide_seek(void *cookie, off_t *offset, int whence)
{
    struct wide *w = cookie;
    off_t from = whence == SEEK_SET   ? 0
                 : whence == SEEK_CUR ? (off_t)w->pos
                                      : (off_t)w->len;
    off_t to;
    if (__builtin_add_overflow(from, *offset, &to) || to < 0 ||
        (uint64_t)to > SIZE_MAX / sizeof(wchar_t) - 1) {
        errno = EINVAL;
        return -1;
    }
    *offset = w->pos = to;
    memset(&w->state, 0, sizeof w->state);
    publish(w);
    return 0;
}

static int wide_close(void *cookie)
{
    struct wide *w = cookie;
    publish(w);
    free(w);
    return 0;
}

FILE *open_wmemstream(wchar_t **out, size_t *out_len)
{
    if (!out || !out_len) {
        errno = EINVAL;
        return NULL;
    }
    struct wide *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->out = out;
    w->out_len = out_len;
    FILE *f = NULL;
    if (room_make(w, 32) == 0)
        f = fopencookie(w, "w",
                        (cookie_io_functions_t){.write = wide_write,
                                                .seek = wide_seek,
                                                .close = wide_close});
    if (!f) {
        free(w->data);
        free(w);
        return NULL;
    }
    w->data[0] = 0;
    publish(w);
    fwide(f, 1);
    return f;
}
