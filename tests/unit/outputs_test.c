// SPDX-License-Identifier: ISC
// What a program hands out as its files is read as a stranger's: names that
// lead elsewhere, kinds that are no files, lengths that lie, archives that are
// cut anywhere; and nothing of a bad one is written.

#include "node-agent/cli/outputs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/lib_check.h"

#define BLOCK 512

struct archive {
    char at[16 * BLOCK];
    size_t len;
};

static void sum_set(char *head)
{
    unsigned sum = 0;

    memset(head + 148, ' ', 8);
    for (int i = 0; i < BLOCK; i++)
        sum += (unsigned char)head[i];
    snprintf(head + 148, 7, "%06o", sum);
}

// Appends a member; returns its header, to be made worse.
static char *member(struct archive *a, const char *name, char type,
                    const char *data)
{
    char *head = a->at + a->len;

    CHECK(a->len + 2 * BLOCK <= sizeof(a->at) && strlen(data) <= BLOCK);
    memset(head, 0, BLOCK);
    memcpy(head, name, strlen(name) < 100 ? strlen(name) : 100);
    memcpy(head + 100, "0000644", 7);
    snprintf(head + 124, 12, "%011o", (unsigned)strlen(data) & 0xffff);
    memcpy(head + 257, "ustar\00000", 8);
    head[156] = type;
    sum_set(head);
    a->len += BLOCK;
    if (*data) {
        memset(a->at + a->len, 0, BLOCK);
        memcpy(a->at + a->len, data, strlen(data));
        a->len += BLOCK;
    }
    return head;
}

static void archive_end(struct archive *a)
{
    memset(a->at + a->len, 0, 2 * BLOCK);
    a->len += 2 * BLOCK;
}

static int unpack(const struct archive *a, struct err *e)
{
    uint8_t *copy = malloc(a->len ? a->len : 1); // ASan sees its end
    int r;

    memcpy(copy, a->at, a->len);
    r = outputs_unpack(copy, a->len, "got", e);
    free(copy);
    return r;
}

static void refused(struct archive *a, const char *why)
{
    CHECK_FAILS(unpack(a, e), why);
    CHECK(access("got", F_OK) < 0);
}

static void test_good(void)
{
    struct archive a = {0};
    struct stat st;
    char text[16];
    int fd;

    member(&a, "one", '0', "first");
    member(&a, "sub/deep", '5', "");
    member(&a, "sub/two", '0', "second");
    member(&a, "empty", '0', "");
    archive_end(&a);
    CHECK_WORKS(unpack(&a, e));
    fd = open("got/sub/two", O_RDONLY);
    CHECK(fd >= 0 && read(fd, text, sizeof(text)) == 6);
    CHECK(!memcmp(text, "second", 6));
    close(fd);
    CHECK(stat("got/sub/deep", &st) == 0 && S_ISDIR(st.st_mode));
    CHECK(stat("got/empty", &st) == 0 && st.st_size == 0);
    CHECK(system("rm -r got") == 0);

    a.len = 0; // a program that left none
    CHECK_WORKS(outputs_unpack("", 0, "got", e));
    CHECK(rmdir("got") == 0);
}

static void test_names(void)
{
    static const char *const names[] = {"../up",
                                        "/etc/passwd",
                                        "a/../../b",
                                        "a//b",
                                        "./a",
                                        "",
                                        "a\x1b"
                                        "b",
                                        "a\\b",
                                        "\xff\xfe"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct archive a = {0};

        member(&a, "good", '0', "x");
        member(&a, names[i], '0', "y");
        archive_end(&a);
        refused(&a, "");
    }
}

static void test_kinds(void)
{
    // Links, devices, pipes, extensions of GNU and POSIX.
    for (const char *type = "12346789xgLKS"; *type; type++) {
        struct archive a = {0};

        member(&a, "thing", *type, "");
        archive_end(&a);
        refused(&a, "neither a file nor a folder");
    }
}

static void test_lengths(void)
{
    struct archive a = {0};
    char *head = member(&a, "long", '0', "x");

    archive_end(&a);
    memcpy(head + 124, "77777777777", 11);
    sum_set(head);
    refused(&a, "longer than the archive");
    memcpy(head + 124, "-0000000001", 11);
    sum_set(head);
    refused(&a, "no header");
    memcpy(head + 124, "00000000001", 11);
    head[0] = 'L'; // and the sum is no longer good
    refused(&a, "no header");
}

static void test_cuts(void)
{
    struct archive a = {0};

    member(&a, "one", '0', "first");
    member(&a, "two", '0', "second");
    for (size_t len = 1; len < 4 * BLOCK; len++) {
        struct archive cut = a;

        cut.len = len;
        refused(&cut, "");
    }
}

// A link that lies there already is not followed.
static void test_links(void)
{
    struct archive a = {0};

    member(&a, "sub/one", '0', "first");
    archive_end(&a);
    CHECK(mkdir("got", 0700) == 0 && mkdir("elsewhere", 0700) == 0);
    CHECK(symlink("../elsewhere", "got/sub") == 0);
    CHECK_FAILS(unpack(&a, e), "sub");
    CHECK(rmdir("elsewhere") == 0); // empty
    CHECK(unlink("got/sub") == 0 && mkdir("got/sub", 0700) == 0);
    CHECK(symlink("../../outside", "got/sub/one") == 0);
    CHECK_FAILS(unpack(&a, e), "one");
    CHECK(access("outside", F_OK) < 0);
    CHECK(system("rm -r got") == 0);
}

int main(void)
{
    char folder[] = "/tmp/hostel-outputs.XXXXXX";

    CHECK(mkdtemp(folder) && chdir(folder) == 0);
    test_good();
    test_names();
    test_kinds();
    test_lengths();
    test_cuts();
    test_links();
    CHECK(chdir("/") == 0 && rmdir(folder) == 0);
    return 0;
}
