// SPDX-License-Identifier: ISC
// Volumes in the keeper: what is made, copied, filled and deleted, and by whom;
// quotas and room; what is stored is integrated exactly and charged once,
// whenever the agent dies.

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/io.h"
#include "node-agent/keeper/keeper.h"
#include "tests/unit/clock_shift.h"
#include "tests/unit/keeper_world.h"

static struct world w;

static struct msg_volume request(uint8_t who, uint32_t op, const char *name)
{
    struct msg_volume m = {.op = op, .quota_bytes = 1 << 20};

    memset(&m.customer, who, sizeof(m.customer));
    strcpy(m.name, name);
    return m;
}

// The answer's status; with a descriptor if the operation has one.
static unsigned ask(struct msg_volume m, struct msg_volume_reply *out)
{
    bool stream = m.op == VOLUME_UPLOAD || m.op == VOLUME_DOWNLOAD;
    int fd = stream ? open("/dev/null", O_RDWR) : -1, fds[IPC_FDS_MAX];
    union ipc_any any;

    ipc_head(&m, MSG_VOLUME, ++w.tag);
    CHECK_WORKS(ipc_send(w.public, &m.head, &fd, stream, e));
    if (fd >= 0)
        close(fd);
    world_run(&w);
    CHECK_WORKS(ipc_recv(w.public, &any, fds, e));
    CHECK(any.head.type == (MSG_VOLUME | MSG_REPLY) && any.head.tag == w.tag);
    CHECK(any.reply.status < 400 || any.reply.text[0]);
    if (out)
        *out = any.volume_reply;
    return any.reply.status;
}

static unsigned does(uint8_t who, uint32_t op, const char *name)
{
    return ask(request(who, op, name), NULL);
}

static struct volume_info info(uint8_t who, const char *name)
{
    struct msg_volume_reply r;

    CHECK(ask(request(who, VOLUME_GET, name), &r) == 200);
    return r.info;
}

static struct volume *at(uint8_t who, const char *name)
{
    struct volume *v;
    key_id_t key;

    memset(&key, who, sizeof(key));
    v = volume_find(w.k, &key, name);
    CHECK(v);
    return v;
}

static void test_create(void)
{
    struct msg_volume m = request(1, VOLUME_CREATE, "data");
    struct msg_volume_reply r;

    CHECK(does(1, VOLUME_GET, "data") == 404);
    CHECK(ask(m, &r) == 201);
    CHECK(r.info.state == VOLUME_READY && r.info.quota_bytes == 1 << 20);
    CHECK(w.jobs[JOB_MAKE] == 1 && r.info.held_nano == 1000);
    CHECK(ask(m, NULL) == 409);
    CHECK(does(2, VOLUME_GET, "data") == 404); // another's
    CHECK(does(2, VOLUME_DELETE, "data") == 404);
    CHECK(does(2, VOLUME_CREATE, "data") == 201);

    CHECK(does(1, VOLUME_CREATE, "../x") == 422);
    CHECK(does(1, VOLUME_CREATE, ".hidden") == 422);
    m = request(1, VOLUME_CREATE, "small");
    m.quota_bytes = 1;
    CHECK(ask(m, NULL) == 422);
    m.quota_bytes = UINT64_MAX;
    CHECK(ask(m, NULL) == 422);
    m.quota_bytes = 3 << 20; // the node has 4 MiB for all
    CHECK(ask(m, NULL) == 503);
    w.k->cfg.quota.volumes_kib = 1536; // of one customer
    m.quota_bytes = 1 << 20;
    CHECK(ask(m, NULL) == 422);
    w.k->cfg.quota.volumes_kib = 0;
    w.hold_status = 402; // no money
    CHECK(ask(m, &r) == 402 && strstr(r.reply.text, "is missing"));
    w.hold_status = 200;
    CHECK(does(1, VOLUME_GET, "small") == 404);
    CHECK(w.jobs[JOB_MAKE] == 2); // and nothing was made for it
}

static void test_upload(void)
{
    struct msg_volume m = request(1, VOLUME_UPLOAD, "data");
    struct msg_volume_reply r;
    unsigned before = w.jobs[JOB_UNPACK];

    w.jobs_wait = true;
    w.used_bytes = 8192;
    CHECK(ask(m, &r) == 200 && r.job);
    CHECK(w.job.quota_bytes == 1 << 20 && w.jobs[JOB_UNPACK] == before + 1);
    CHECK(ask(m, NULL) == 409); // another one at the same time
    CHECK(does(1, VOLUME_DELETE, "data") == 409);
    CHECK(does(1, VOLUME_DOWNLOAD, "data") == 409);
    world_job_end(&w, 200);
    world_run(&w);
    w.jobs_wait = false;
    m.op = VOLUME_ENDED;
    m.job = r.job;
    CHECK(ask(m, &r) == 200 && r.info.used_bytes == 8192);
    m.job++;
    CHECK(ask(m, NULL) == 409);

    w.job_status = 422; // the archive's fault: told, and counted anew
    CHECK(ask(request(1, VOLUME_UPLOAD, "data"), &r) == 200);
    w.job_status = 200;
    m.job = r.job;
    CHECK(ask(m, &r) == 422 && !strcmp(r.reply.text, "the archive is none"));
    CHECK(w.jobs[JOB_COUNT] >= 1 && info(1, "data").used_bytes == 8192);
    CHECK(does(1, VOLUME_DOWNLOAD, "data") == 200);
}

static void test_copies(void)
{
    struct msg_volume m = request(1, VOLUME_CREATE, "snap");

    strcpy(m.from, "nothing");
    CHECK(ask(m, NULL) == 404);
    strcpy(m.from, "data");
    m.flags = VOLUME_F_READ_ONLY;
    m.quota_bytes = 0; // as that one
    w.jobs_wait = true;
    ipc_head(&m, MSG_VOLUME, ++w.tag);
    CHECK_WORKS(ipc_send(w.public, &m.head, NULL, 0, e));
    world_run(&w);
    world_job_end(&w, 200); // it is made
    world_run(&w);
    CHECK(w.jobs[JOB_COPY] == 1 && w.job.from == at(1, "data")->row.number);
    w.jobs_wait = false;
    world_job_end(&w, 200);
    world_run(&w);
}

static void drain(void)
{
    int fds[IPC_FDS_MAX];
    union ipc_any any;

    while (ipc_recv(w.public, &any, fds, NULL) > 0)
        ipc_close(fds);
}

static void test_snapshot(void)
{
    struct msg_volume m = request(1, VOLUME_UPLOAD, "snap");
    struct volume_info i;

    drain();
    i = info(1, "snap");
    CHECK(i.state == VOLUME_READY && i.read_only);
    CHECK(!strcmp(i.origin, "data") && i.used_bytes == 8192);
    CHECK(i.quota_bytes == 1 << 20);
    CHECK(ask(m, NULL) == 409); // it stays as it is
}

// What is integrated is what was stored, to the last KiB-ms, in whatever
// pieces.
static void test_integral(void)
{
    struct volume v = {.row.period_state = PERIOD_HELD};
    unsigned __int128 exact = 0, got;
    uint64_t now_ns = 1000, state = 5;

    v.row.counted_real_ns = now_ns;
    for (int i = 0; i < 100000; i++) {
        uint64_t step_ns;

        state = state * 6364136223846793005ull + 1442695040888963407ull;
        step_ns = state >> 30; // seconds
        v.row.info.used_bytes = (state >> 3) % (1ull << 45);
        now_ns += step_ns;
        exact += (unsigned __int128)v.row.info.used_bytes * step_ns;
        volume_integrate(&v, now_ns);
        volume_integrate(&v, now_ns - 1); // a clock that was set back
    }
    got = (unsigned __int128)v.row.byte_ns_high << 64 | v.row.byte_ns_low;
    CHECK(got == exact && exact > UINT64_MAX);
    v.row.period_state = PERIOD_NONE; // nobody pays: nothing is counted
    volume_integrate(&v, now_ns + 1000000);
    CHECK(v.row.byte_ns_low == (uint64_t)exact);
    CHECK(v.row.counted_real_ns == now_ns + 1000000);
}

// A day's end: settled with what was stored, and the next day is held for.
static void test_period(void)
{
    struct volume *v = at(1, "data");
    struct held *h;
    sub_id_t id;
    uint64_t period = v->row.period, hours_ns = 3600000000000ull;

    volume_period_id(&v->row, period, &id);
    h = world_held(&w, &id);
    CHECK(h && !h->settled);
    // As if it had been there for ten hours, and the day were over.
    v->row.from_real_ns = clock_real_ns() - 10 * hours_ns;
    v->row.counted_real_ns = v->row.from_real_ns;
    v->row.byte_ns_low = v->row.byte_ns_high = 0;
    v->row.to_real_ns = v->row.from_real_ns + 9 * hours_ns;
    volume_step(w.k, v);
    world_run(&w);
    CHECK(h->settled == 1 && h->records == 1);
    CHECK(h->usage.storage_kib_ms == 8ull * 9 * 3600 * 1000);
    CHECK(h->usage.starts == 0 && h->usage.wall_ns == 0);
    CHECK(v->row.period == period + 1);
    CHECK(v->row.period_state == PERIOD_HELD);
    // The next one goes on where the last one ended: no hour is lost.
    CHECK(v->row.from_real_ns >= clock_real_ns() - 2 * hours_ns);
    CHECK(h->record[1].to_real_ns - h->record[1].from_real_ns == 9 * hours_ns);
}

// Ends the period if it is over, and begins the next.
static void bill(struct volume *v)
{
    for (int i = 0; i < 2; i++) {
        volume_step(w.k, v);
        world_run(&w);
    }
    CHECK(v->row.period_state == PERIOD_HELD);
}

static uint64_t stored_ns(const struct volume *v)
{
    CHECK(!v->row.byte_ns_high);
    return v->row.byte_ns_low / v->row.info.used_bytes;
}

// The clock is set while the period is held for, somewhere in a day.
static void test_clock(void)
{
    struct volume *v = at(1, "data");
    uint64_t period, hour_ns = SHIFT_HOUR_NS, minute_ns = hour_ns / 60, end_ns;
    struct held *h;
    sub_id_t id;

    // From noon, so that an hour is within the day.
    end_ns = v->row.to_real_ns + SHIFT_DAY_NS;
    shift_pass_ns += (int64_t)(end_ns - 12 * hour_ns - clock_real_ns());
    bill(v);
    CHECK(v->row.to_real_ns == end_ns);
    period = v->row.period;
    volume_integrate(v, volumes_now_ns(w.k));
    v->row.byte_ns_low = v->row.byte_ns_high = 0;

    // Back by two hours: nothing is charged for twice, nor less than nothing.
    shift_set_ns -= 2 * SHIFT_HOUR_NS;
    bill(v);
    volume_integrate(v, volumes_now_ns(w.k));
    CHECK(v->row.period == period && stored_ns(v) == 0);
    shift_set_ns += 2 * SHIFT_HOUR_NS;
    volume_integrate(v, volumes_now_ns(w.k));
    CHECK(stored_ns(v) < minute_ns);

    // Ahead by three years: not believed, and set right again.
    shift_set_ns += 1000 * SHIFT_DAY_NS;
    bill(v);
    volume_integrate(v, volumes_now_ns(w.k));
    CHECK(v->row.period == period && stored_ns(v) < minute_ns);
    shift_set_ns -= 1000 * SHIFT_DAY_NS;
    bill(v);
    CHECK(v->row.period == period);

    // If it stays so it is believed, and costs the rest of the day.
    shift_set_ns += 1000 * SHIFT_DAY_NS;
    bill(v);
    shift_pass_ns += 2 * SHIFT_HOUR_NS;
    volume_period_id(&v->row, v->row.period, &id);
    bill(v);
    h = world_held(&w, &id);
    CHECK(v->row.period == period + 1 && h->settled == 1);
    CHECK(h->usage.storage_kib_ms <=
          v->row.info.used_bytes / 1024 * 13 * 3600 * 1000);

    // Back by all of it: the next period begins now, not in three years.
    shift_set_ns -= 1000 * SHIFT_DAY_NS;
    volume_period_id(&v->row, v->row.period, &id);
    bill(v);
    h = world_held(&w, &id);
    CHECK(v->row.period == period + 2 && h->settled == 1);
    CHECK(h->usage.storage_kib_ms <= v->row.info.used_bytes / 1024 * 60000);
    CHECK(v->row.from_real_ns <= clock_real_ns());
    CHECK(v->row.to_real_ns <= clock_real_ns() + SHIFT_DAY_NS);
}

// Killed with a settlement under way: told again, charged once.
static void test_kill(void)
{
    struct volume *v = at(1, "data");
    struct held *h;
    sub_id_t id;

    volume_period_id(&v->row, v->row.period, &id);
    v->row.to_real_ns = clock_real_ns() - 1;
    volume_step(w.k, v);
    world_turn(&w); // it is in the journal, and sent
    CHECK(v->row.period_state == PERIOD_SETTLING);
    world_peers(&w); // the ledger has it, and nobody hears the answer
    world_kill(&w);
    world_open_again(&w);
    world_run(&w);
    h = world_held(&w, &id);
    v = at(1, "data");
    CHECK(h->settled >= 2 && h->records <= 1); // the same again
    volume_step(w.k, v);
    world_run(&w);
    CHECK(v->row.period_state == PERIOD_HELD);
    CHECK(v->row.info.used_bytes == 8192); // counted anew
    CHECK(info(1, "snap").state == VOLUME_READY);
}

// No money for the next day: it can be read and deleted, and nothing else.
static void test_unpaid(void)
{
    struct volume *v = at(1, "data");

    w.hold_status = 402;
    v->row.to_real_ns = clock_real_ns() - 1;
    volume_step(w.k, v);
    world_run(&w);
    volume_step(w.k, v);
    world_run(&w);
    CHECK(info(1, "data").unpaid);
    CHECK(does(1, VOLUME_UPLOAD, "data") == 402);
    CHECK(does(1, VOLUME_DOWNLOAD, "data") == 200);
    w.hold_status = 200;
    v->retry_ns = 0; // a minute later
    volume_step(w.k, v);
    world_run(&w);
    CHECK(!info(1, "data").unpaid);
    CHECK(does(1, VOLUME_UPLOAD, "data") == 200);
}

static void test_delete(void)
{
    struct volume *v = at(1, "data");
    uint32_t number = v->row.number;
    sub_id_t id;

    volume_period_id(&v->row, v->row.period, &id);
    CHECK(does(1, VOLUME_DELETE, "data") == 202);
    world_run(&w);
    CHECK(w.jobs[JOB_REMOVE] >= 1 && w.job.number == number);
    CHECK(does(1, VOLUME_GET, "data") == 404);
    CHECK(!w.k->volumes->at[number]);
    CHECK(world_held(&w, &id)->settled == 1);     // the last period
    CHECK(does(1, VOLUME_CREATE, "data") == 201); // the name is free again
    CHECK(at(1, "data")->row.number == number);
    CHECK(at(1, "data")->row.period == 1);
    volume_period_id(&at(1, "data")->row, 1, &id);
    CHECK(!world_held(&w, &id)->settled); // and another volume to the ledger
}

static void test_list(void)
{
    struct msg_volume m = request(1, 0, "");
    int fds[IPC_FDS_MAX];
    union ipc_any any;
    struct volume_info all[4];
    struct err why = {0};

    for (int who = 1; who <= 2; who++) {
        memset(&m.customer, who, sizeof(m.customer));
        ipc_head(&m, MSG_VOLUME_LIST, ++w.tag);
        CHECK_WORKS(ipc_send(w.public, &m.head, NULL, 0, e));
        world_run(&w);
        CHECK_WORKS(ipc_recv(w.public, &any, fds, e));
        CHECK(any.count.count == (who == 1 ? 2 : 1));
        CHECK(pread_full(fds[0], all, sizeof(all), 0) ==
              (ssize_t)(any.count.count * sizeof(all[0])));
        CHECK(!memcmp(&all[0].customer, &m.customer, sizeof(m.customer)));
        ipc_close(fds);
    }
    // In nobody's name, from the role that strangers reach: a breach.
    m = request(0, VOLUME_GET, "data");
    ipc_head(&m, MSG_VOLUME, ++w.tag);
    CHECK_WORKS(ipc_send(w.public, &m.head, NULL, 0, e));
    CHECK(keeper_turn(w.k, 0, &why) == -EPROTO);
}

int main(void)
{
    world_open(&w);
    CHECK(fcntl(w.public, F_SETFL, O_NONBLOCK) == 0);
    test_create();
    test_upload();
    test_copies();
    test_snapshot();
    test_integral();
    test_period();
    test_clock();
    test_kill();
    test_unpaid();
    test_delete();
    test_list();
    world_close(&w);
    return 0;
}
