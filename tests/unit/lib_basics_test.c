// SPDX-License-Identifier: ISC
// err, buf, io, hex, table and log.

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/log.h"
#include "lib/table.h"
#include "tests/unit/lib_check.h"

static void test_err(void)
{
    char longer[1000];
    struct err e;

    CHECK(err_set(&e, EINVAL, "file %d", 7) == -EINVAL);
    CHECK(e.code == EINVAL && strcmp(e.text, "file 7") == 0);
    CHECK(err_prefix(&e, "reading %s", "x") == -EINVAL);
    CHECK(strcmp(e.text, "reading x: file 7") == 0);
    errno = ENOENT;
    CHECK(err_errno(&e, "%s", "a") == -ENOENT);
    CHECK(strcmp(e.text, "a: No such file or directory") == 0);
    CHECK(err_set(NULL, EIO, "x") == -EIO && err_prefix(NULL, "x") == -EIO);

    memset(longer, 'x', sizeof(longer));
    longer[999] = 0;
    err_set(&e, EIO, "%s", longer);
    CHECK(strlen(e.text) == sizeof(e.text) - 1);
    err_prefix(&e, "%s", longer);
    err_errno(&e, "%s", longer);
    CHECK(strlen(e.text) == sizeof(e.text) - 1);
}

static void test_buf(void)
{
    struct buf b = BUF_INIT(10);

    CHECK(strcmp(buf_str(&b), "") == 0);
    CHECK(buf_add(&b, "abc", 3) == 0 && buf_printf(&b, "%d", 1234567) == 0);
    CHECK(b.len == 10 && strcmp(buf_str(&b), "abc1234567") == 0);
    CHECK(buf_add(&b, "x", 1) == -E2BIG && buf_printf(&b, "y") == -E2BIG);
    CHECK(buf_add(&b, "x", SIZE_MAX) == -E2BIG && !buf_room(&b, 1));
    CHECK(b.len == 10 && buf_add(&b, NULL, 0) == 0);
    buf_drop(&b, 4);
    CHECK(strcmp(buf_str(&b), "234567") == 0);
    buf_drop(&b, 100);
    CHECK(b.len == 0 && buf_add(&b, "zz", 2) == 0);
    buf_free(&b);
    CHECK(b.max == 10 && buf_add(&b, "0123456789", 10) == 0);
    buf_free(&b);
}

static void test_io(const char *dir)
{
    struct buf b = BUF_INIT(5);
    char path[PATH_MAX], deep[PATH_MAX];
    struct stat st;
    char c[8];

    snprintf(path, sizeof(path), "%s/a", dir);
    CHECK_WORKS(file_write_durable(path, "hello", 5, 0600, e));
    CHECK_WORKS(file_write_durable(path, "HELLO", 5, 0640, e));
    CHECK_WORKS(file_read(path, &b, e));
    CHECK(b.len == 5 && memcmp(b.data, "HELLO", 5) == 0);
    CHECK_FAILS(file_read(path, &b, e), "larger than the 5 bytes");
    buf_free(&b);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 07137) == 0);
    CHECK_FAILS(file_read("/nonexistent/x", &b, e), "No such file");
    CHECK_FAILS(file_write_durable("/nonexistent/x", "", 0, 0600, e),
                "No such file");

    snprintf(deep, sizeof(deep), "%s/x/y/z", dir);
    CHECK_WORKS(dir_make(deep, 0700, e));
    CHECK_WORKS(dir_make(deep, 0700, e));
    CHECK(rmdir(deep) == 0);
    snprintf(deep, sizeof(deep), "%s/a/b", dir);
    CHECK_FAILS(dir_make(deep, 0700, e), "Not a directory");
    {
        cleanup_close int fd = open(path, O_RDWR | O_CLOEXEC);

        CHECK(read_full(fd, c, 8) == 5 && pread_full(fd, c, 3, 4) == 1);
        CHECK(pwrite_full(fd, "xy", 2, 3) == 0 && c[0] == 'O');
        CHECK(pread_full(fd, c, 8, 0) == 5 && memcmp(c, "HELxy", 5) == 0);
        CHECK(read_full(-1, c, 1) == -EBADF && write_full(-1, c, 1) == -EBADF);
    }
}

// No *.tmp file is left beside.
static void test_io_leaves_nothing(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *f;

    while ((f = readdir(d)))
        CHECK(!strstr(f->d_name, ".tmp"));
    closedir(d);
}

static void test_hex(void)
{
    uint8_t b[3];
    char t[7];

    CHECK(strcmp(hex_encode(t, "\x00\xff\x1a", 3), "00ff1a") == 0);
    CHECK(hex_decode(b, 3, "00Ff1A") == 0 && memcmp(b, "\0\xff\x1a", 3) == 0);
    CHECK(hex_decode(b, 3, "00ff1") < 0 && hex_decode(b, 3, "00ff1a0") < 0);
    CHECK(hex_decode(b, 3, "00fg1a") < 0 && hex_decode(b, 3, "") < 0);
}

static void test_table(void)
{
    char *text;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    struct table *t = table_new("NAME,>CPU,STATE");

    table_row(t, "a", "1.5", "up");
    table_row(t, "\xc3\xa4\xc3\xb6", "100", "\033[31m");
    table_print(t, f);
    table_free(t);
    fclose(f);
    CHECK(strcmp(text, "NAME  CPU  STATE\n"
                       "a     1.5  up\n"
                       "\xc3\xa4\xc3\xb6    100  ?[31m\n") == 0);
    free(text);
}

static void test_log(void)
{
    char got[4096] = "";
    int p[2], saved = dup(2);
    ssize_t n;

    CHECK(pipe(p) == 0 && dup2(p[1], 2) == 2);
    log_open("tester");
    log_warn("two\nlines \033[2J %s", "\xff");
    for (int i = 0; i < 1500; i++)
        got[i] = '\n';
    log_error("%s", got);
    log_debug("silent");
    dup2(saved, 2);
    close(p[1]);
    close(saved);
    memset(got, 0, sizeof(got));
    n = read_full(p[0], got, sizeof(got) - 1);
    close(p[0]);
    CHECK(strncmp(got, "warning tester: two\\x0alines \\x1b[2J \\xff\nerror",
                  47) == 0);
    CHECK(n > 1000 && got[n - 1] == '\n');
    CHECK(strchr(got, '\n') != strrchr(got, '\n'));
}

int main(void)
{
    char dir[] = "/tmp/hostel-lib-XXXXXX", command[64];
    uint64_t before = clock_mono_ns();

    CHECK(mkdtemp(dir));
    unsetenv("HOSTEL_DEBUG");
    test_err();
    test_buf();
    test_io(dir);
    test_io_leaves_nothing(dir);
    test_hex();
    test_table();
    test_log();
    CHECK(clock_mono_ns() >= before && clock_real_ns() > 1600000000000000000);
    snprintf(command, sizeof(command), "rm -r %s", dir);
    return system(command);
}
