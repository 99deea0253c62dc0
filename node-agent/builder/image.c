// SPDX-License-Identifier: ISC
// The untrusted output of a build; see image.h.

#include "node-agent/builder/image.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"

#define PIECE_BYTES 65536

/* Opens without following a link and without waiting for a pipe's writer. */
static int image_open(int dir_fd, const char *name, uint64_t bytes_max,
                      off_t *size, struct err *e)
{
    cleanup_close int fd =
        openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return errno == ENOENT
                   ? err_set(e, ENOENT, "the build ended without an image")
                   : err_errno(e, "the build's output cannot be opened");
    if (fstat(fd, &st) < 0)
        return err_errno(e, "the build's output cannot be examined");
    if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
        return err_set(e, EINVAL, "the build's output is not a plain file");
    if (st.st_size == 0 || (uint64_t)st.st_size > bytes_max)
        return err_set(e, EFBIG,
                       "the image has %lld bytes; it may have 1 to %llu",
                       (long long)st.st_size, (unsigned long long)bytes_max);
    *size = st.st_size;
    return steal_fd(&fd);
}

static int image_copy(int from, int to, off_t size,
                      uint8_t digest[IMAGE_DIGEST_BYTES], struct err *e)
{
    static uint8_t piece[PIECE_BYTES];
    crypto_generichash_state hash;

    crypto_generichash_init(&hash, NULL, 0, IMAGE_DIGEST_BYTES);
    while (size > 0) {
        size_t want = size < PIECE_BYTES ? (size_t)size : PIECE_BYTES;
        ssize_t n = read_full(from, piece, want);

        if (n != (ssize_t)want || write_full(to, piece, want) < 0)
            return err_set(e, EIO, "the image cannot be copied");
        crypto_generichash_update(&hash, piece, want);
        size -= n;
    }
    crypto_generichash_final(&hash, digest, IMAGE_DIGEST_BYTES);
    return 0;
}

int image_take(int dir_fd, const char *name, uint64_t bytes_max,
               uint8_t digest[IMAGE_DIGEST_BYTES], struct err *e)
{
    off_t size = 0;
    cleanup_close int from = image_open(dir_fd, name, bytes_max, &size, e);
    cleanup_close int to = -1;

    if (from < 0)
        return from;
    to = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (to < 0)
        return err_errno(e, "making room for the image");
    if (image_copy(from, to, size, digest, e) < 0)
        return -e->code;
    if (fcntl(to, F_ADD_SEALS,
              F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return err_errno(e, "sealing the image");
    return steal_fd(&to);
}
