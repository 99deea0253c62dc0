// SPDX-License-Identifier: ISC
// stdio's functions, on files in memory.
#include "tests/domain/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void characters(void)
{
    FILE *f = fopen("/tmp/c", "w+");
    CHECK(f);
    CHECK(fputc('a', f) == 'a' && putc('b', f) == 'b');
    CHECK(putc_unlocked('c', f) == 'c');
    rewind(f);
    CHECK(fgetc(f) == 'a' && getc(f) == 'b' && getc_unlocked(f) == 'c');
    CHECK(fgetc(f) == EOF && feof(f));
    clearerr(f);
    CHECK(!feof(f) && !ferror(f));
    CHECK(ungetc('z', f) == 'z' && fgetc(f) == 'z');
    CHECK(ungetc(EOF, f) == EOF);
    CHECK(!fclose(f));

    f = fopen("/tmp/c", "r");
    CHECK(fputc('x', f) == EOF && ferror(f) && errno == EBADF);
    clearerr(f);
    CHECK(!ferror(f));
    CHECK(!fclose(f));
}

static void places(void)
{
    FILE *f = fopen("/tmp/p", "w+");
    CHECK(fputs("0123456789", f) >= 0);
    CHECK(ftell(f) == 10 && ftello(f) == 10);
    fpos_t at;
    CHECK(!fseek(f, 3, SEEK_SET) && !fgetpos(f, &at) && fgetc(f) == '3');
    CHECK(!fseek(f, 2, SEEK_CUR) && fgetc(f) == '6');
    CHECK(!fseeko(f, -1, SEEK_END) && fgetc(f) == '9');
    CHECK(!fsetpos(f, &at) && fgetc(f) == '3');
    CHECK(fseek(f, -1, SEEK_SET) == -1 && errno == EINVAL);
    // A character given back does not outlive a move.
    CHECK(ungetc('x', f) == 'x' && !fseek(f, 0, SEEK_SET) && fgetc(f) == '0');
    CHECK(!fclose(f));
}

static void streams(void)
{
    int fd = open("/tmp/s", O_RDWR | O_CREAT | O_TRUNC, 0600);
    FILE *f = fdopen(fd, "w+");
    CHECK(f && fileno(f) == fd);
    static char buffer[BUFSIZ];
    setbuf(f, buffer);
    CHECK(fprintf(f, "%d-%s", 42, "text") == 7);
    struct stat st;
    CHECK(!fstat(fd, &st) && st.st_size == 0); // in our buffer
    CHECK(!fflush(f) && !fstat(fd, &st) && st.st_size == 7);
    CHECK(!memcmp(buffer, "42-text", 7));
    setbuf(f, NULL);
    CHECK(fputc('!', f) == '!' && !fstat(fd, &st) && st.st_size == 8);
    CHECK(!fclose(f) && close(fd) == -1 && errno == EBADF);
    CHECK(!fdopen(fd, "r") && errno == EBADF);

    f = fopen("/tmp/s", "r");
    CHECK(f && (f = freopen("/tmp/p", "r", f)));
    CHECK(fgetc(f) == '0' && !fclose(f));

    CHECK(dprintf(1, "%s", "") == 0);
    fd = open("/tmp/d", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(dprintf(fd, "%03d", 7) == 3);
    char got[8] = "";
    CHECK(pread(fd, got, 8, 0) == 3 && !strcmp(got, "007"));
    close(fd);
    CHECK(dprintf(fd, "x") < 0);
}

static void memory(void)
{
    char text[16] = "hello";
    FILE *f = fmemopen(text, sizeof text, "r+");
    CHECK(f && fgetc(f) == 'h');
    CHECK(!fseek(f, 0, SEEK_SET) && fputs("J", f) >= 0 && !fclose(f));
    CHECK(!strcmp(text, "Jello"));

    char *made = NULL;
    size_t len = 0;
    f = open_memstream(&made, &len);
    for (int i = 0; i < 1000; i++)
        CHECK(fprintf(f, "%04d", i) == 4);
    CHECK(!fclose(f) && len == 4000 && strlen(made) == 4000);
    CHECK(!memcmp(made + 4 * 999, "0999", 4));
    free(made);
}

static void locks(void)
{
    flockfile(stdout);
    flockfile(stdout); // they nest
    CHECK(ftrylockfile(stdout) == 0);
    funlockfile(stdout);
    funlockfile(stdout);
    funlockfile(stdout);
    CHECK(putchar('o') == 'o' && putchar_unlocked('k') == 'k');
    CHECK(putchar('\n') == '\n');
    CHECK(getchar() == 'i' && getchar_unlocked() == 'n');
}

static int v(int kind, const char *format, ...)
{
    static char text[32];
    static FILE *f;
    va_list ap;
    va_start(ap, format);
    int r = -2;
    switch (kind) {
    case 0:
        r = vsprintf(text, format, ap);
        CHECK(!strcmp(text, "1 two"));
        break;
    case 1:
        f = fopen("/tmp/v", "w+");
        r = vfprintf(f, format, ap);
        rewind(f);
        break;
    case 2:
        r = vfscanf(f, format, ap);
        fclose(f);
        break;
    case 3:
        r = vsscanf(text, format, ap);
        break;
    case 4: {
        int fd = open("/tmp/v", O_RDWR | O_TRUNC);
        r = vdprintf(fd, format, ap);
        close(fd);
        break;
    }
    case 5: // the rest of standard input
        r = vscanf(format, ap);
        break;
    }
    va_end(ap);
    return r;
}

static void variable(void)
{
    int n;
    char word[16];
    CHECK(v(0, "%d %s", 1, "two") == 5);
    CHECK(v(1, "%d %s", 1, "two") == 5);
    CHECK(v(2, "%d %15s", &n, word) == 2 && n == 1 && !strcmp(word, "two"));
    CHECK(v(3, "%d %15s", &n, word) == 2 && n == 1 && !strcmp(word, "two"));
    CHECK(v(4, "%d %s", 1, "two") == 5);
    CHECK(v(5, "%15s %d", word, &n) == 2 && n == 77 && !strcmp(word, "put"));
}

static void names(void)
{
    char name[L_tmpnam], *other;
    CHECK(tmpnam(name) == name && access(name, F_OK) == -1);
    CHECK((other = tempnam("/tmp", "pre")) && strstr(other, "pre"));
    CHECK(access(other, F_OK) == -1);
    free(other);
    char made[] = "/tmp/madeXXXXXX", bad[] = "/tmp/XXX";
    int fd = mkstemp(made);
    CHECK(fd >= 0 && !access(made, R_OK | W_OK) && strlen(made) == 15);
    close(fd);
    CHECK(mkstemp(bad) == -1 && errno == EINVAL);
}

int main(void)
{
    characters();
    places();
    streams();
    memory();
    locks();
    variable();
    names();
    return 0;
}
