// SPDX-License-Identifier: ISC
// Descriptions of disks: xl's examples, what is refused and by which name; and
// opening, with the lock that keeps a second writer out.

#include "hypervisor/monitor/disk.h"

#include <fcntl.h>

#include "tests/unit/lib_check.h"

static struct disk d;

static void means(const char *text, const char *target, enum disk_format format,
                  bool read_only)
{
    CHECK_WORKS(disk_parse(&d, text, 0, e));
    if (strcmp(d.target, target) || d.format != format ||
        d.read_only != read_only) {
        fprintf(stderr, "%s: \"%s\" %d %d\n", text, d.target, d.format,
                d.read_only);
        exit(1);
    }
}

static void test_accepted(void)
{
    // The man page's own, with their equivalents.
    means("/dev/vg/guest-volume,,xvda", "/dev/vg/guest-volume", DISK_RAW, 0);
    means("/dev/vg/guest-volume,raw,xvda,rw", "/dev/vg/guest-volume", DISK_RAW,
          0);
    means("format=raw, vdev=xvda, access=rw, target=/dev/vg/guest-volume",
          "/dev/vg/guest-volume", DISK_RAW, 0);
    means("raw:/dev/vg/guest-volume,xvda,w", "/dev/vg/guest-volume", DISK_RAW,
          0);
    means("phy:/dev/vg/a,xvda,w", "/dev/vg/a", DISK_RAW, 0);
    means("file:/root/a.img,hda,r", "/root/a.img", DISK_RAW, 1);
    means("/a.img", "/a.img", DISK_RAW, 0);
    means("/a.img,,,ro", "/a.img", DISK_RAW, 1);
    means("/a.img,raw,vda,r", "/a.img", DISK_RAW, 1);
    means("/a.qcow2,qcow2,vda", "/a.qcow2", DISK_QCOW2, 0);
    means("qcow2:/a.qcow2", "/a.qcow2", DISK_QCOW2, 0);
    means("vhost-user:/run/x.sock", "/run/x.sock", DISK_VHOST_USER, 0);
    means("access=ro,target=/with,commas,and=more", "/with,commas,and=more",
          DISK_RAW, 1);
    means("/dir=1/a.img,access=ro", "/dir=1/a.img", DISK_RAW, 1);
    means("/a.img,discard,direct-io-safe", "/a.img", DISK_RAW, 0);
    means("/a.img,bytes_per_s=1000,ops_burst=7", "/a.img", DISK_RAW, 0);
    CHECK(d.rate.bytes_per_s == 1000 && d.rate.ops_burst == 7 &&
          d.rate.ops_per_s == 0 && d.rate.bytes_burst == 0);
    CHECK_WORKS(disk_parse(&d, "/a,raw,xvdc", 2, e));
}

static void test_refused(void)
{
    char long_path[PATH_MAX + 10] = "/";

    CHECK_FAILS(disk_parse(&d, "", 0, e), "no target");
    CHECK_FAILS(disk_parse(&d, "format=raw", 0, e), "no target");
    CHECK_FAILS(disk_parse(&d, "phy:", 0, e), "no target");
    CHECK_FAILS(disk_parse(&d, "target=", 0, e), "no target");
    CHECK_FAILS(disk_parse(&d, "/a,vhd", 0, e), "format \"vhd\"");
    CHECK_FAILS(disk_parse(&d, "/a,format=qed", 0, e), "format \"qed\"");
    CHECK_FAILS(disk_parse(&d, "phy:/a,format=qcow2", 0, e), "contradicts");
    CHECK_FAILS(disk_parse(&d, "/a,raw,vda,rw,more", 0, e), "\"more\"");
    CHECK_FAILS(disk_parse(&d, "/a,raw,vda,x", 0, e), "access \"x\"");
    CHECK_FAILS(disk_parse(&d, "/a,raw,xvdb", 0, e), "this is xvda");
    CHECK_FAILS(disk_parse(&d, "/a,raw,xvda1", 0, e), "\"xvda1\"");
    CHECK_FAILS(disk_parse(&d, "/a,raw,fd0", 0, e), "\"fd0\"");
    CHECK_FAILS(disk_parse(&d, "/a,cdrom", 0, e), "\"cdrom\"");
    CHECK_FAILS(disk_parse(&d, "/a,no-discard", 0, e), "\"no-discard\"");
    CHECK_FAILS(disk_parse(&d, "/a,backendtype=qdisk", 0, e),
                "\"backendtype\"");
    CHECK_FAILS(disk_parse(&d, "/a,script=block-drbd", 0, e), "\"script\"");
    CHECK_FAILS(disk_parse(&d, "/a,devtype=cdrom", 0, e), "\"devtype\"");
    CHECK_FAILS(disk_parse(&d, "/a,ops_per_s=0", 0, e), "ops_per_s=0");
    // What its back end alone could see to.
    CHECK_FAILS(disk_parse(&d, "vhost-user:/s,ops_per_s=9", 0, e),
                "cannot be limited");
    CHECK_FAILS(disk_parse(&d, "vhost-user:/s,bytes_burst=9", 0, e),
                "bursts are of raw");
    CHECK_FAILS(disk_parse(&d, "qcow2:/a,ops_burst=9", 0, e),
                "bursts are of raw");
    CHECK_FAILS(disk_parse(&d, "vhost-user:/s,access=r", 0, e),
                "cannot be made read-only");
    CHECK_FAILS(disk_parse(&d, "/a,ops_per_s=-1", 0, e), "ops_per_s=-1");
    CHECK_FAILS(disk_parse(&d, "/a,ops_per_s=1k", 0, e), "ops_per_s=1k");
    memset(long_path + 1, 'a', sizeof(long_path) - 2);
    CHECK_FAILS(disk_parse(&d, long_path, 0, e), "too long");
}

static char path[] = "/tmp/hostel-disk-XXXXXX";

static int opens(bool read_only, struct err *e)
{
    struct hvc_device m;

    d = (struct disk){.format = DISK_RAW, .read_only = read_only};
    strcpy(d.target, path);
    return disk_open(&d, 1, &m, e);
}

static void test_open(void)
{
    int fd = mkstemp(path), writer, reader;
    struct hvc_device m;
    struct err err;

    CHECK(fd >= 0);
    CHECK_FAILS(opens(false, e), "whole blocks");
    CHECK(ftruncate(fd, 5000) == 0);
    CHECK_FAILS(opens(false, e), "whole blocks");
    CHECK(ftruncate(fd, 8192) == 0);
    CHECK_WORKS(writer = opens(false, e));
    CHECK_FAILS(opens(false, e), "in use");
    CHECK_FAILS(opens(true, e), "in use");
    close(writer);
    CHECK_WORKS(reader = opens(true, e));
    CHECK_WORKS(writer = opens(true, e));
    close(writer);
    CHECK_FAILS(opens(false, e), "in use");
    close(reader);
    strcpy(d.target, path);
    writer = disk_open(&d, 1, &m, &err);
    CHECK(writer >= 0 && m.block.capacity_bytes == 8192 &&
          m.block.block_bytes >= 512 && m.type == HV_DEV_BLOCK &&
          m.head.size == sizeof(m) && strcmp(m.block.id, "vdb") == 0);
    close(writer);
    close(fd);
    unlink(path);
    CHECK_FAILS(opens(false, e), path);
    strcpy(path, "/dev/null");
    CHECK_FAILS(opens(false, e), "no file and no block device");
    strcpy(path, "/tmp");
    CHECK_FAILS(opens(true, e), "no file and no block device");
}

int main(void)
{
    test_accepted();
    test_refused();
    test_open();
    return 0;
}
