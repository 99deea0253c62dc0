// SPDX-License-Identifier: ISC
// Files: those that came with the domain, and new ones.
#include "tests/domain/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void shipped(void)
{
    char line[100];
    FILE *f = fopen("data/hello.txt", "r");
    CHECK(f);
    CHECK(fgets(line, sizeof line, f) && !strcmp(line, "first line\n"));
    CHECK(fgets(line, sizeof line, f) && !strcmp(line, "second line\n"));
    CHECK(!fgets(line, sizeof line, f) && feof(f));
    fclose(f);

    struct stat st;
    CHECK(stat("/data/hello.txt", &st) == 0);
    CHECK(S_ISREG(st.st_mode) && st.st_size == 23);
    CHECK(stat("/data", &st) == 0 && S_ISDIR(st.st_mode));
    CHECK(stat("/data/hello.txt/", &st) < 0 && errno == ENOTDIR);
    CHECK(stat("/data/../data/./hello.txt", &st) == 0);
    CHECK(open("missing", O_RDONLY) < 0 && errno == ENOENT);
    CHECK(open("data", O_WRONLY) < 0 && errno == EISDIR);
}

// A file that came with the domain is changed in memory.
static void changed(void)
{
    FILE *f = fopen("data/hello.txt", "r+");
    CHECK(f && fputs("FIRST", f) >= 0 && fclose(f) == 0);
    f = fopen("data/hello.txt", "a");
    CHECK(f && fputs("third line\n", f) >= 0 && fclose(f) == 0);
    char all[100] = "";
    f = fopen("data/hello.txt", "r");
    CHECK(fread(all, 1, sizeof all, f) == 34);
    CHECK(!strcmp(all, "FIRST line\nsecond line\nthird line\n"));
    fclose(f);
}

static void made(void)
{
    int fd = open("new", O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK(fd > 2);
    CHECK(open("new", O_RDWR | O_CREAT | O_EXCL, 0600) < 0 && errno == EEXIST);
    CHECK(lseek(fd, 100000, SEEK_SET) == 100000);
    CHECK(write(fd, "end", 3) == 3);
    char zeros[10], end[4] = "";
    CHECK(pread(fd, zeros, 10, 50000) == 10);
    for (int i = 0; i < 10; i++)
        CHECK(!zeros[i]);
    CHECK(pread(fd, end, 3, 100000) == 3 && !strcmp(end, "end"));
    CHECK(lseek(fd, 0, SEEK_CUR) == 100003);
    CHECK(ftruncate(fd, 4) == 0 && lseek(fd, 0, SEEK_END) == 4);
    CHECK(ftruncate(fd, 100003) == 0 && pread(fd, end, 3, 100000) == 3);
    CHECK(!end[0] && !end[1] && !end[2]);
    CHECK(write(open("new", O_RDONLY), "x", 1) < 0 && errno == EBADF);

    // The name goes, the file stays until it is closed.
    CHECK(unlink("new") == 0 && access("new", F_OK) < 0);
    CHECK(write(fd, "more", 4) == 4);
    CHECK(dup2(fd, 9) == 9 && close(fd) == 0 && write(9, "x", 1) == 1);
    CHECK(close(9) == 0 && write(9, "x", 1) < 0 && errno == EBADF);
}

static int entries(const char *path)
{
    int n = 0;
    DIR *dir = opendir(path);
    CHECK(dir);
    while (readdir(dir))
        n++;
    CHECK(closedir(dir) == 0);
    return n;
}

static void folders(void)
{
    char path[PATH_MAX];
    CHECK(mkdir("a", 0755) == 0 && mkdir("a/b", 0755) == 0);
    CHECK(mkdir("a/b", 0755) < 0 && errno == EEXIST);
    CHECK(mkdir("no/where", 0755) < 0 && errno == ENOENT);
    CHECK(chdir("a/b") == 0 && getcwd(path, sizeof path));
    CHECK(!strcmp(path, "/a/b"));
    CHECK(!getcwd(path, 3) && errno == ERANGE);
    fclose(fopen("f", "w"));
    CHECK(access("../../a/b/f", F_OK) == 0);
    CHECK(chdir("/") == 0);
    CHECK(rmdir("a/b") < 0 && errno == ENOTEMPTY);
    CHECK(entries("a/b") == 3);
    CHECK(rename("a", "a/b/c") < 0 && errno == EINVAL);
    CHECK(rename("a/b", "z") == 0 && access("z/f", F_OK) == 0);
    CHECK(entries("a") == 2);
    CHECK(unlink("z") < 0 && errno == EISDIR);
    CHECK(remove("z/f") == 0);
    CHECK(remove("z") == 0);
    CHECK(rmdir("a") == 0);
}

static void temporary(void)
{
    FILE *f = tmpfile();
    CHECK(f && fprintf(f, "%d", 12345) == 5);
    rewind(f);
    int n;
    CHECK(fscanf(f, "%d", &n) == 1 && n == 12345);
    fclose(f);
}

static void devices(void)
{
    char data[8] = "xxxxxxx";
    int fd = open("/dev/zero", O_RDWR);
    CHECK(read(fd, data, 4) == 4 && !data[0] && !data[3] && data[4] == 'x');
    CHECK(close(fd) == 0);
    fd = open("/dev/null", O_RDWR);
    CHECK(write(fd, data, 8) == 8 && read(fd, data, 8) == 0);
    CHECK(lseek(fd, 0, SEEK_SET) < 0 && errno == ESPIPE);
    CHECK(close(fd) == 0 && isatty(1) && !isatty(open("data", O_RDONLY)));
}

// More descriptors than the first table has room for.
static void many(void)
{
    int last = -1, fd;
    while ((fd = open("/dev/null", O_RDONLY)) >= 0)
        last = fd;
    CHECK(errno == EMFILE && last == sysconf(_SC_OPEN_MAX) - 1);
    for (fd = 3; fd <= last; fd++)
        close(fd);
    CHECK(open("/dev/null", O_RDONLY) == 3);
}

int main(void)
{
    shipped();
    changed();
    made();
    folders();
    temporary();
    devices();
    many();
    return 0;
}
