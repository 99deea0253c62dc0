// SPDX-License-Identifier: ISC
// What a build leaves as its output is taken only if it is a plain file.

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node-agent/builder/image.h"

static char folder[] = "/tmp/builder-image-XXXXXX";
static int dir;
static uint8_t digest[IMAGE_DIGEST_BYTES];

static void refuses(const char *sentence)
{
    struct err e = {0};
    int fd = image_take(dir, "image", 1000, digest, &e);

    if (fd >= 0 || !strstr(e.text, sentence)) {
        fprintf(stderr, "expected \"%s\", got %d \"%s\"\n", sentence, fd,
                e.text);
        exit(1);
    }
    unlinkat(dir, "image", 0);
    unlinkat(dir, "image", AT_REMOVEDIR);
}

static void put(const char *name, size_t len)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    for (size_t i = 0; i < len; i++)
        if (write(fd, "x", 1) != 1)
            abort();
    close(fd);
}

static void takes_a_file(void)
{
    struct err e = {0};
    uint8_t expected[IMAGE_DIGEST_BYTES];
    char text[1000];
    int fd;

    put("image", sizeof(text));
    memset(text, 'x', sizeof(text));
    crypto_generichash(expected, sizeof(expected), (uint8_t *)text,
                       sizeof(text), NULL, 0);
    fd = image_take(dir, "image", 1000, digest, &e);
    if (fd < 0 || memcmp(digest, expected, sizeof(digest)) != 0)
        abort();
    if (write(fd, "y", 1) >= 0 || ftruncate(fd, 1) == 0)
        abort(); /* sealed */
    if (lseek(fd, 0, SEEK_END) != 1000)
        abort();
    close(fd);
}

int main(void)
{
    if (sodium_init() < 0 || !mkdtemp(folder))
        return 1;
    dir = open(folder, O_RDONLY | O_DIRECTORY);

    refuses("without an image");
    if (symlinkat("/etc/hostname", dir, "image") < 0)
        abort();
    refuses("cannot be opened");
    if (mkfifoat(dir, "image", 0600) < 0) /* would block a simple open */
        abort();
    refuses("not a plain file");
    if (mkdirat(dir, "image", 0700) < 0)
        abort();
    refuses("not a plain file");
    put("image", 10);
    if (linkat(dir, "image", dir, "second", 0) < 0)
        abort();
    refuses("not a plain file");
    unlinkat(dir, "second", 0);
    put("image", 0);
    refuses("has 0 bytes");
    put("image", 1001);
    refuses("may have 1 to 1000");
    takes_a_file();

    unlinkat(dir, "image", 0);
    rmdir(folder);
    return 0;
}
