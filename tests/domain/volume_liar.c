// SPDX-License-Identifier: ISC
// Whatever the back end answers, calls end, and the domain is not harmed. What
// they return is of no interest.
#include "tests/domain/volume_files.h"

static char data[100000];

static void pick(char *path, unsigned n)
{
    static const char *const folders[] = {"/data", "/data/d", "/data/d/e",
                                          "/data/l"};
    sprintf(path, "%s/f%u", folders[n % 4], n / 4 % 5);
}

static void look(const char *path)
{
    struct dirent *e;
    DIR *d = opendir(path);
    for (int i = 0; d && i < 50 && (e = readdir(d)); i++)
        CHECK(strnlen(e->d_name, sizeof e->d_name) < sizeof e->d_name);
    if (d)
        closedir(d);
}

static void use(int fd, unsigned n)
{
    struct stat st;
    off_t at = n % 7 * 9000;
    if (fd < 0)
        return;
    if (n % 3)
        pwrite(fd, data, n % sizeof data, at);
    pread(fd, data, sizeof data, at / 2);
    fstat(fd, &st);
    if (n % 11 == 0)
        ftruncate(fd, n * 13 % 100000);
    if (n % 5 == 0)
        fsync(fd);
    lseek(fd, 0, SEEK_END);
    close(fd);
}

int main(void)
{
    char a[64], b[64], to[256];
    struct statvfs v;
    struct stat st;
    for (unsigned n = 0; n < 1500; n++) {
        unsigned seed = n * 2654435761u;
        pick(a, seed >> 8);
        pick(b, seed >> 16);
        use(open(a, O_RDWR | O_CREAT | (n % 13 ? 0 : O_TRUNC), 0644), n);
        mkdir(n % 2 ? "/data/d" : "/data/d/e", 0755);
        symlink("d", "/data/l");
        ssize_t r = readlink("/data/l", to, sizeof to);
        CHECK(r <= (ssize_t)sizeof to);
        rename(a, b);
        stat(b, &st);
        if (n % 4 == 0)
            unlink(b);
        if (n % 9 == 0)
            look(n % 2 ? "/data" : "/data/d");
        if (n % 17 == 0 && chdir("/data/d/e") == 0)
            getcwd(to, sizeof to);
        chdir("/");
        statvfs("/data", &v);
        realpath(b, NULL);
        if (n % 50 == 0)
            rmdir("/data/d/e");
    }
    puts("no harm done");
    return 0;
}
