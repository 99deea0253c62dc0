// SPDX-License-Identifier: ISC
/*
 * A guest's requests to the back end of volumes. The input is options, then
 * requests: a byte of length in 16ths, the room for an answer, the node, the
 * opcode, and what follows. Nothing may be reached outside the volume's folder,
 * no answer may be longer than its room, and the count has to be what there is.
 */
#include "tests/unit/fs_message.h"

#define REQUESTS_MAX 64u
#define ROOM_MAX     4096u

static char outside[sizeof(fs_folder) + 16];

static void setup(void)
{
    int fd;

    fs_setup();
    // Beside it, where ".." would lead.
    snprintf(outside, sizeof(outside), "%s.outside", fs_folder);
    fd = open(outside, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        abort();
    close(fd);
}

static void check_outside(void)
{
    struct stat st;

    if (stat(outside, &st) < 0 || st.st_size != 0 ||
        (st.st_mode & 07777) != 0600)
        abort();
}

static void check_count(void)
{
    struct fs_page before = fs_page;

    fs_page.counted = 0;
    if (quota_count(&fs, fs_folder_fd) < 0 ||
        before.used_bytes != fs_page.used_bytes ||
        before.used_files != fs_page.used_files)
        abort();
}

// A request of its own memory, so that a look behind its end is found.
static void request(const uint8_t *args, size_t len, uint32_t opcode,
                    uint64_t node, size_t room)
{
    struct fuse_in_header h = {
        .len = sizeof(h) + len, .opcode = opcode, .nodeid = node, .unique = 1};
    uint8_t *out = malloc(sizeof(h) + len), *in = malloc(room + 1);
    int64_t n;

    if (!out || !in)
        abort();
    memcpy(out, &h, sizeof(h));
    memcpy(out + sizeof(h), args, len);
    fs_pieces(&fs_message.chain, out, sizeof(h) + len, in, room,
              1 + (opcode * 7 + len) % 64);
    n = message_serve(&fs, &fs_message);
    if (n < 0 || n > (int64_t)room)
        abort();
    free(out);
    free(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint32_t version[4] = {7, 31};
    static bool ready;

    if (!ready)
        setup();
    ready = true;
    if (len < 1)
        return 0;
    fs.read_only = data[0] & 1;
    fs.shared = data[0] & 2;
    fs.quota_bytes = data[0] & 4 ? 64 * FS_UNIT : 0;
    fs.quota_files = data[0] & 8 ? 16 : 0;
    fs.counts = true;
    fs.initialised = false;
    request((const uint8_t *)version, sizeof(version), FUSE_INIT, 0, ROOM_MAX);
    data++;
    len--;
    for (unsigned i = 0; i < REQUESTS_MAX && len >= 4; i++) {
        size_t some = data[0] * 4, room = data[1] * 16u;
        const uint32_t node = data[2] & 0x3f, opcode = data[3];

        data += 4;
        len -= 4;
        if (some > len)
            some = len;
        request(data, some, opcode,
                data[-2] & 0x80 ? (uint64_t)node << 32 | 1 : node,
                room < ROOM_MAX ? room : ROOM_MAX);
        data += some;
        len -= some;
    }
    check_outside();
    handles_drop(&fs);
    // Whether others have a file open is asked of the host, who may not know.
    if (!fs.shared)
        check_count();
    fs_clean();
    return 0;
}
