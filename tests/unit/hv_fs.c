// SPDX-License-Identifier: ISC
// The back end of volumes against guests that send something else: what is
// malformed, forged, stale, outside the volume or beyond the quota.

#include "tests/unit/fs_message.h"

#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/lib_check.h"

static uint8_t request[FS_DATA_MAX + 65536], answer[FS_DATA_MAX + 4096];
static size_t request_len, answer_room = 4096, piece = 65536;

static struct fuse_out_header *head(void)
{
    return (struct fuse_out_header *)answer;
}

static void *body(void)
{
    return answer + sizeof(struct fuse_out_header);
}

static void begin(uint32_t opcode, uint64_t node)
{
    struct fuse_in_header *h = (struct fuse_in_header *)request;

    *h =
        (struct fuse_in_header){.opcode = opcode, .nodeid = node, .unique = 77};
    request_len = sizeof(*h);
}

static void add(const void *data, size_t len)
{
    if (len)
        memcpy(request + request_len, data, len);
    request_len += len;
}

// Sends what there is; the answer's error, or 1: there is no answer.
static int send_as(uint32_t len)
{
    int64_t n;

    ((struct fuse_in_header *)request)->len = len;
    memset(answer, 0x5a, sizeof(answer));
    fs_pieces(&fs_message.chain, request, request_len, answer, answer_room,
              piece);
    n = message_serve(&fs, &fs_message);
    CHECK(n >= 0 && n <= (int64_t)answer_room);
    for (size_t i = (size_t)n; i < answer_room + 64; i++)
        CHECK(answer[i] == 0x5a); // nothing behind the answer
    if (n == 0)
        return 1;
    CHECK(head()->len == n && head()->unique == 77);
    return head()->error;
}

static int ask(void)
{
    return send_as((uint32_t)request_len);
}

static int ask_with(uint32_t opcode, uint64_t node, const void *args,
                    size_t len, const char *name)
{
    begin(opcode, node);
    add(args, len);
    if (name)
        add(name, strlen(name) + 1);
    return ask();
}

static void init(void)
{
    const struct fuse_init_in in = {.major = 7, .minor = 31};

    CHECK(ask_with(FUSE_INIT, 0, &in, sizeof(in), NULL) == 0);
}

static uint64_t lookup(uint64_t dir, const char *name)
{
    int r = ask_with(FUSE_LOOKUP, dir, NULL, 0, name);

    return r ? 0 : ((struct fuse_entry_out *)body())->nodeid;
}

static int create(uint64_t dir, const char *name, uint32_t flags,
                  uint64_t *node, uint64_t *fh)
{
    const struct fuse_create_in in = {.flags = O_RDWR | flags, .mode = 0644};
    int r = ask_with(FUSE_CREATE, dir, &in, sizeof(in), name);
    const struct fuse_entry_out *e = body();

    if (r == 0) {
        *node = e->nodeid;
        *fh = ((const struct fuse_open_out *)(e + 1))->fh;
    }
    return r;
}

static int make_dir(uint64_t dir, const char *name)
{
    const struct fuse_mkdir_in in = {.mode = 0755};

    return ask_with(FUSE_MKDIR, dir, &in, sizeof(in), name);
}

static int write_at(uint64_t node, uint64_t fh, uint64_t at, size_t len,
                    uint32_t said)
{
    static const uint8_t data[FS_DATA_MAX + 4096];
    const struct fuse_write_in in = {.fh = fh, .offset = at, .size = said};

    begin(FUSE_WRITE, node);
    add(&in, sizeof(in));
    add(data, len);
    return ask();
}

static int read_at(uint64_t node, uint64_t fh, uint64_t at, uint32_t len)
{
    const struct fuse_read_in in = {.fh = fh, .offset = at, .size = len};

    return ask_with(FUSE_READ, node, &in, sizeof(in), NULL);
}

static int set_size(uint64_t node, uint64_t len)
{
    const struct fuse_setattr_in in = {.valid = FATTR_SIZE, .size = len};

    return ask_with(FUSE_SETATTR, node, &in, sizeof(in), NULL);
}

// ------------------------------------------------------------------- tests

static void test_before_init(void)
{
    const struct fuse_init_in old = {.major = 7, .minor = 8};

    CHECK(ask_with(FUSE_LOOKUP, 1, NULL, 0, "x") == -EPROTO);
    CHECK(ask_with(FUSE_INIT, 0, &old, sizeof(old), NULL) == -EPROTO);
    CHECK(ask_with(FUSE_LOOKUP, 1, NULL, 0, "x") == -EPROTO);
    init();
    CHECK(ask_with(FUSE_LOOKUP, 1, NULL, 0, "x") == -ENOENT);
}

// Every operation, cut anywhere, with any length it claims, in any pieces.
static void test_truncated(void)
{
    uint64_t node, fh;

    CHECK(create(1, "f", 0, &node, &fh) == 0);
    for (uint32_t o = 0; o < op_table_len + 3; o++)
        for (size_t len = 0; len < 160; len++) {
            int r;

            begin(o, node);
            memset(request + request_len, 0, 200);
            request_len = len;
            piece = 1 + len % 40;
            r = ask();
            if (len < sizeof(struct fuse_in_header))
                CHECK(r == 1);
            begin(o, 1);
            memset(request + request_len, 'x', 200);
            request_len = sizeof(struct fuse_in_header) + len;
            r = ask();
            if (o && o < op_table_len && op_table[o].serve &&
                !op_table[o].silent && len < op_table[o].fixed)
                CHECK(r == -EINVAL);
            if (o < op_table_len && op_table[o].names)
                CHECK(r < 0); // no NUL anywhere
            begin(o, 1);
            request_len += len;
            if (o < op_table_len && !op_table[o].silent)
                CHECK(send_as((uint32_t)request_len + 1) < 0);
        }
    piece = 65536;
    // No room for the answer.
    answer_room = sizeof(struct fuse_out_header) + 8;
    CHECK(ask_with(FUSE_LOOKUP, 1, NULL, 0, "f") == -EINVAL);
    answer_room = sizeof(struct fuse_out_header) - 1;
    CHECK(ask_with(FUSE_LOOKUP, 1, NULL, 0, "f") == 1);
    answer_room = 4096;
    // Arguments that are longer than any.
    begin(FUSE_LOOKUP, 1);
    memset(request + request_len, 'n', 20000);
    request_len += 20000;
    CHECK(ask() == -ENAMETOOLONG);
    init(); // all of it is dropped
    CHECK(read_at(node, fh, 0, 1) == -EBADF);
}

static void test_names(void)
{
    static const char *const bad[] = {"", ".", "..", "a/b", "/", "../x"};
    char name[300];
    uint64_t node, fh, dir;
    struct stat st;

    CHECK(make_dir(1, "d") == 0);
    dir = ((struct fuse_entry_out *)body())->nodeid;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct fuse_rename2_in to = {.newdir = 1};

        CHECK(ask_with(FUSE_LOOKUP, dir, NULL, 0, bad[i]) == -EINVAL);
        CHECK(create(dir, bad[i], 0, &node, &fh) == -EINVAL);
        CHECK(make_dir(dir, bad[i]) == -EINVAL);
        CHECK(ask_with(FUSE_UNLINK, dir, NULL, 0, bad[i]) == -EINVAL);
        CHECK(ask_with(FUSE_RMDIR, dir, NULL, 0, bad[i]) == -EINVAL);
        begin(FUSE_RENAME2, 1);
        add(&to, sizeof(to));
        add("d", 2);
        add(bad[i], strlen(bad[i]) + 1);
        CHECK(ask() == -EINVAL);
        begin(FUSE_SYMLINK, dir);
        add(bad[i], strlen(bad[i]) + 1);
        add("t", 2);
        CHECK(ask() == -EINVAL);
    }
    memset(name, 'n', 256);
    name[256] = 0;
    CHECK(ask_with(FUSE_LOOKUP, 1, NULL, 0, name) == -ENAMETOOLONG);
    CHECK(create(1, name, 0, &node, &fh) == -ENAMETOOLONG);
    // A file is no folder, nor the other way round.
    CHECK(create(dir, "f", 0, &node, &fh) == 0);
    CHECK(lookup(node, "x") == 0 && head()->error == -ENOTDIR);
    CHECK(ask_with(FUSE_OPEN, dir, &(struct fuse_open_in){0},
                   sizeof(struct fuse_open_in), NULL) == -EISDIR);
    CHECK(fstatat(fs_folder_fd, "d/f", &st, 0) == 0 &&
          (st.st_mode & 07777) == 0644);
    // Set-id bits are nobody's to set.
    CHECK(
        ask_with(FUSE_SETATTR, node,
                 &(struct fuse_setattr_in){.valid = FATTR_MODE, .mode = 06755},
                 sizeof(struct fuse_setattr_in), NULL) == 0);
    CHECK(fstatat(fs_folder_fd, "d/f", &st, 0) == 0 &&
          (st.st_mode & 07777) == 0755);
    fs_clean();
}

static void test_numbers(void)
{
    uint64_t node, fh, other, fh2;

    CHECK(create(1, "a", 0, &node, &fh) == 0);
    CHECK(create(1, "b", 0, &other, &fh2) == 0);
    for (unsigned i = 0; i < 64; i++) {
        CHECK(read_at(node ^ 1ull << i, fh, 0, 1) == -EBADF);
        CHECK(read_at(node, fh ^ 1ull << i, 0, 1) == -EBADF);
    }
    CHECK(read_at(node, fh2, 0, 1) == -EBADF); // another file's
    CHECK(read_at(node, fh, 0, 1) == 0);
    CHECK(read_at(node, fh, UINT64_MAX, 1) == -EINVAL);
    CHECK(ask_with(FUSE_RELEASE, node, &(struct fuse_release_in){.fh = fh},
                   sizeof(struct fuse_release_in), NULL) == 0);
    CHECK(read_at(node, fh, 0, 1) == -EBADF);
    CHECK(ask_with(FUSE_RELEASE, node, &(struct fuse_release_in){.fh = fh},
                   sizeof(struct fuse_release_in), NULL) == -EBADF);
    // Forgotten more often than it was looked up; the root never goes.
    CHECK(ask_with(FUSE_FORGET, node, &(struct fuse_forget_in){9999},
                   sizeof(struct fuse_forget_in), NULL) == 1);
    CHECK(ask_with(FUSE_GETATTR, node, &(struct fuse_getattr_in){0},
                   sizeof(struct fuse_getattr_in), NULL) == -ENOENT);
    ask_with(FUSE_FORGET, 1, &(struct fuse_forget_in){UINT64_MAX},
             sizeof(struct fuse_forget_in), NULL);
    CHECK(lookup(1, "a") && lookup(1, "a") != node);
    CHECK(write_at(other, fh2, 0, 10, 11) == -EINVAL);
    CHECK(write_at(other, fh2, 0, FS_DATA_MAX + 1, FS_DATA_MAX + 1) == -EINVAL);
    CHECK(write_at(other, fh2, UINT64_MAX - 4, 10, 10) == -EFBIG);
    CHECK(set_size(other, UINT64_MAX) == -EFBIG);
    fs_clean();
}

// What somebody else puts in the place of a file is not what was looked up.
static void test_replaced(void)
{
    const struct fuse_open_in open_it = {.flags = O_RDWR};
    const struct fuse_setattr_in mode = {.valid = FATTR_MODE, .mode = 0777};
    uint64_t node, fh, dir, inner;

    CHECK(create(1, "f", 0, &node, &fh) == 0);
    CHECK(unlinkat(fs_folder_fd, "f", 0) == 0);
    CHECK(symlinkat("/etc/passwd", fs_folder_fd, "f") == 0);
    CHECK(ask_with(FUSE_OPEN, node, &open_it, sizeof(open_it), NULL) ==
          -ESTALE);
    CHECK(ask_with(FUSE_SETATTR, node, &mode, sizeof(mode), NULL) == -ESTALE);
    CHECK(set_size(node, 0) == -ESTALE);
    // As a link it can be looked up and read, never opened.
    node = lookup(1, "f");
    CHECK(node);
    CHECK(ask_with(FUSE_OPEN, node, &open_it, sizeof(open_it), NULL) == -ELOOP);
    CHECK(create(1, "f", 0, &inner, &fh) == -ELOOP);
    CHECK(ask_with(FUSE_READLINK, node, NULL, 0, NULL) == 0);
    CHECK(!memcmp(body(), "/etc/passwd", 11));
    // A folder stays the one it was, wherever it is moved.
    CHECK(make_dir(1, "d") == 0);
    dir = ((struct fuse_entry_out *)body())->nodeid;
    CHECK(renameat(fs_folder_fd, "d", fs_folder_fd, "moved") == 0);
    CHECK(symlinkat("/", fs_folder_fd, "d") == 0);
    CHECK(create(dir, "in", 0, &inner, &fh) == 0);
    CHECK(faccessat(fs_folder_fd, "moved/in", F_OK, 0) == 0);
    CHECK(lookup(lookup(1, "d"), "etc") == 0 && head()->error == -ENOTDIR);
    // A FIFO holds nobody up.
    CHECK(mkfifoat(fs_folder_fd, "fifo", 0644) == 0);
    CHECK(ask_with(FUSE_OPEN, lookup(1, "fifo"), &open_it, sizeof(open_it),
                   NULL) == -ENXIO);
    fs_clean();
}

static void test_depth(void)
{
    uint64_t dir = 1;
    unsigned n = 0;

    while (make_dir(dir, "d") == 0) {
        dir = ((struct fuse_entry_out *)body())->nodeid;
        n++;
    }
    CHECK(n == FS_DEPTH_MAX && head()->error == -ENAMETOOLONG);
    // Counted again, however deep it is.
    fs_page.used_bytes = fs_page.used_files = 0;
    CHECK(quota_count(&fs, fs_folder_fd) == 0);
    CHECK(fs_page.counted && fs_page.used_files == FS_DEPTH_MAX &&
          fs_page.used_bytes == FS_DEPTH_MAX * (int64_t)FS_UNIT);
    fs_clean();
}

// What is counted as it goes is what is there.
static void check_count(void)
{
    struct fs_page before = fs_page;

    fs_page.counted = 0;
    CHECK(quota_count(&fs, fs_folder_fd) == 0);
    CHECK(fs_page.used_bytes == before.used_bytes &&
          fs_page.used_files == before.used_files);
}

static void test_quota(void)
{
    const struct fuse_rename2_in to = {.newdir = 1};
    uint64_t node, fh, other, fh2;

    fs.quota_bytes = 16 * FS_UNIT;
    fs.quota_files = 4;
    check_count();
    CHECK(create(1, "a", 0, &node, &fh) == 0);
    CHECK(write_at(node, fh, 16 * FS_UNIT - 1, 1, 1) == 0);
    CHECK(write_at(node, fh, 16 * FS_UNIT, 1, 1) == -ENOSPC);
    CHECK(set_size(node, 16 * FS_UNIT + 1) == -ENOSPC);
    CHECK(make_dir(1, "d") == -ENOSPC);
    check_count();
    CHECK(set_size(node, 1) == 0 && make_dir(1, "d") == 0);
    CHECK(create(1, "b", 0, &other, &fh2) == 0);
    CHECK(write_at(other, fh2, 0, 3 * FS_UNIT, 3 * FS_UNIT) == 0);
    check_count();
    // A file that another replaces takes up room until it is closed.
    begin(FUSE_RENAME2, 1);
    add(&to, sizeof(to));
    add("a", 2);
    add("b", 2);
    CHECK(ask() == 0 && fs_page.used_files == 3 &&
          fs_page.used_bytes == 5 * FS_UNIT);
    CHECK(write_at(other, fh2, 3 * FS_UNIT, 1, 1) == 0);
    CHECK(fs_page.used_bytes == 6 * FS_UNIT);
    CHECK(ask_with(FUSE_RELEASE, other, &(struct fuse_release_in){.fh = fh2},
                   sizeof(struct fuse_release_in), NULL) == 0);
    CHECK(fs_page.used_files == 2 && fs_page.used_bytes == 2 * FS_UNIT);
    check_count();
    CHECK(create(1, "c", 0, &other, &fh2) == 0);
    CHECK(create(1, "e", 0, &other, &fh2) == 0);
    CHECK(create(1, "f", 0, &other, &fh2) == -ENOSPC);
    CHECK(fs_meter.refused > 0);
    CHECK(ask_with(FUSE_UNLINK, 1, NULL, 0, "c") == 0);
    CHECK(ask_with(FUSE_RMDIR, 1, NULL, 0, "d") == 0);
    handles_drop(&fs);
    check_count();
    fs.quota_bytes = fs.quota_files = 0;
    fs_clean();
}

static void test_read_only(void)
{
    uint64_t node, fh;

    CHECK(create(1, "a", 0, &node, &fh) == 0);
    fs.read_only = true;
    CHECK(create(1, "b", 0, &node, &fh) == -EROFS);
    for (uint32_t o = 0; o < op_table_len; o++) {
        begin(o, 1);
        memset(request + request_len, 0, 200);
        if (op_table[o].changes && !op_table[o].names) {
            request_len += op_table[o].fixed;
            CHECK(ask() == -EROFS);
        }
    }
    CHECK(ask_with(FUSE_OPEN, lookup(1, "a"),
                   &(struct fuse_open_in){.flags = O_WRONLY},
                   sizeof(struct fuse_open_in), NULL) == -EROFS);
    CHECK(ask_with(FUSE_OPEN, lookup(1, "a"),
                   &(struct fuse_open_in){.flags = O_TRUNC},
                   sizeof(struct fuse_open_in), NULL) == -EROFS);
    fs.read_only = false;
    fs_clean();
}

// More than a back end remembers.
static void test_many(void)
{
    uint64_t node, fh;
    unsigned n = 0;
    char name[16];

    while (snprintf(name, sizeof(name), "f%u", n),
           create(1, name, 0, &node, &fh) == 0)
        n++;
    CHECK(head()->error == -ENFILE && n > 100);
    handles_drop(&fs);
    CHECK(create(1, "more", 0, &node, &fh) == 0);
    fs_clean();
}

// ------------------------------------------------- several that share a volume

#define SHARERS 3
#define TURNS   400

static void release(uint64_t node, uint64_t fh)
{
    CHECK(ask_with(FUSE_RELEASE, node, &(struct fuse_release_in){.fh = fh},
                   sizeof(struct fuse_release_in), NULL) == 0);
}

// Everybody's file grows and shrinks under everybody; one's own comes and goes.
static void sharer(unsigned me)
{
    unsigned seed = me;
    uint64_t node, fh, own, own_fh;
    char name[16];

    handles_drop(&fs);
    nodes_drop();
    snprintf(name, sizeof(name), "own-%u", me);
    for (unsigned i = 0; i < TURNS; i++) {
        unsigned units = (unsigned)rand_r(&seed) % 16;

        CHECK(create(1, "all", 0, &node, &fh) == 0);
        if (rand_r(&seed) % 2)
            CHECK(set_size(node, units * FS_UNIT) <= 0);
        else
            CHECK(write_at(node, fh, units * FS_UNIT, 100, 100) <= 0);
        CHECK(head()->error == 0 || head()->error == -ENOSPC);
        release(node, fh);
        if (create(1, name, O_TRUNC, &own, &own_fh) == 0) {
            write_at(own, own_fh, 0, 1 + units * 1000, 1 + units * 1000);
            if (i % 2)
                release(own, own_fh);
            CHECK(ask_with(FUSE_UNLINK, 1, NULL, 0, name) == 0);
            if (i % 2 == 0)
                release(own, own_fh);
        }
    }
    exit(0);
}

static void test_shared(void)
{
    struct fs before = fs;
    pid_t pid[SHARERS];
    int status;

    fs.page_fd = memfd_create("page", MFD_CLOEXEC);
    CHECK(fs.page_fd >= 0 && ftruncate(fs.page_fd, 4096) == 0);
    fs.page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fs.page_fd, 0);
    CHECK(fs.page != MAP_FAILED);
    fs.shared = true;
    fs.quota_bytes = 24 * FS_UNIT;
    fs.quota_files = SHARERS + 1;
    CHECK(quota_count(&fs, fs_folder_fd) == 0);
    for (unsigned i = 0; i < SHARERS; i++) {
        pid[i] = fork();
        CHECK(pid[i] >= 0);
        if (pid[i] == 0)
            sharer(i);
    }
    for (unsigned i = 0; i < SHARERS; i++)
        CHECK(waitpid(pid[i], &status, 0) == pid[i] && status == 0);
    // Nothing was counted twice or forgotten.
    fs_page = *fs.page;
    CHECK(fs_page.used_files == 1 &&
          fs_page.used_bytes <= (int64_t)fs.quota_bytes);
    fs.page->counted = 0;
    CHECK(quota_count(&fs, fs_folder_fd) == 0);
    CHECK(fs.page->used_bytes == fs_page.used_bytes &&
          fs.page->used_files == fs_page.used_files);
    close(fs.page_fd);
    fs = before;
    fs_clean();
}

int main(void)
{
    signal(SIGIO, SIG_IGN);
    fs_setup();
    test_before_init();
    test_truncated();
    fs_clean();
    test_names();
    test_numbers();
    test_replaced();
    test_depth();
    test_quota();
    test_read_only();
    test_many();
    test_shared();
    rmdir(fs_folder);
    return 0;
}
