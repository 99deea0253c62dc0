// SPDX-License-Identifier: ISC
// Weights that follow what domains are owed; see shares.h.

#include "node-agent/spawner/shares.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/io.h"
#include "node-agent/spawner/slot_internal.h"

/* A turn each so often; and so much later for each that is looked at, which
 * takes some 30 us. */
#define TURN_NS (100 * NS_PER_MS)
#define EACH_NS (6 * NS_PER_MS)
/* Who uses less than this part of a processor is not looked at. */
#define BUSY_PART 50
/* A change of less than so many thousandths is not worth the writing. */
#define STEP 10u

#define STATUS_MAX 4096

/* Is its guest on a processor or waiting for one, and how often has it gone to
 * sleep by itself? */
static bool awake(const struct slot *s, uint64_t *slept)
{
    static const char key[] = "\nvoluntary_ctxt_switches:";
    static const char runs[] = "\nState:\tR";
    char path[48], text[STATUS_MAX], *at;
    cleanup_close int fd = -1;
    ssize_t n;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)s->guest_pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read_full(fd, text, sizeof(text) - 1);
    if (n < 0)
        return false;
    text[n] = 0;
    at = strstr(text, key);
    *slept = at ? strtoull(at + sizeof(key) - 1, NULL, 10) : 0;
    /* The name is the monitor's choice, and has no line's end in it: the kernel
     * sees to that. */
    return at && strstr(text, runs);
}

static uint64_t used(struct spawner *p, struct slot *s)
{
    char name[GROUP_TEXT];
    uint64_t ns = 0;

    if (cgroup_cpu_ns(&p->tree, slot_group_name(name, s), &s->kept, &ns) < 0)
        return 0;
    return ns;
}

void shares_told(struct spawner *p, struct slot *s, uint64_t cpu_ns)
{
    struct shares *h = &p->shares;
    uint64_t lately_ns = cpu_ns - s->told_cpu_ns;
    uint32_t i = h->n;

    s->told_cpu_ns = cpu_ns;
    if (s->sharing || i == SHARES_MAX ||
        lately_ns * BUSY_PART < p->cfg->interval_ns)
        return;
    s->sharing = true;
    h->slot[i] = s;
    h->fair[i] = (struct fair){0};
    h->used_ns[i] = used(p, s);
    h->awake[i] = awake(s, &h->slept[i]);
    h->n++;
    if (h->due_ns)
        return;
    h->last_ns = clock_mono_ns();
    h->due_ns = h->last_ns + TURN_NS;
    spawner_wake_at(p, h->due_ns);
}

static void forget(struct shares *h, uint32_t i)
{
    h->slot[i]->sharing = false;
    h->n--;
    h->slot[i] = h->slot[h->n];
    h->fair[i] = h->fair[h->n];
    h->used_ns[i] = h->used_ns[h->n];
    h->slept[i] = h->slept[h->n];
    h->awake[i] = h->awake[h->n];
}

void shares_leave(struct spawner *p, struct slot *s)
{
    struct shares *h = &p->shares;

    for (uint32_t i = 0; s->sharing && i < h->n; i++)
        if (h->slot[i] == s)
            forget(h, i);
}

/* All that it may have in so long: it has one processor, and perhaps a cap. */
static uint64_t most_ns(const struct slot *s, uint64_t while_ns)
{
    return s->cap && s->cap < 100 ? while_ns * s->cap / 100 : while_ns;
}

/* What it used. Did it want all there was, since it never slept of itself? */
static bool measure(struct spawner *p, uint32_t i, uint64_t while_ns)
{
    struct shares *h = &p->shares;
    struct slot *s = h->slot[i];
    struct fair *f = &h->fair[i];
    uint64_t now_used = used(p, s), now_slept = 0, most = most_ns(s, while_ns);
    bool was = h->awake[i], is = awake(s, &now_slept), hungry;

    f->weight = s->weight ? s->weight : 100;
    f->used_ns = now_used > h->used_ns[i] ? now_used - h->used_ns[i] : 0;
    f->wanted_ns = f->used_ns;
    hungry = was && is && now_slept == h->slept[i] && !s->record->paused;
    if (hungry && f->wanted_ns < most)
        f->wanted_ns = most;
    h->used_ns[i] = now_used;
    h->slept[i] = now_slept;
    h->awake[i] = is;
    return hungry;
}

/* Where somebody wants more than there is, who sleeps now and then may have
 * been kept from using more, too: it is believed to have wanted so much of what
 * it used. If it did not, its weight becomes larger than it needs, and nobody
 * has less for that. */
#define WANTED_PERCENT 125

static void believe(struct fair *f, uint64_t most_ns)
{
    uint64_t wanted = f->used_ns * WANTED_PERCENT / 100;

    if (wanted > most_ns)
        wanted = most_ns;
    if (f->wanted_ns < wanted)
        f->wanted_ns = wanted;
}

static uint32_t apart(uint32_t a, uint32_t b)
{
    return a < b ? b - a : a - b;
}

static void apply(struct spawner *p, struct slot *s, uint32_t permille)
{
    char name[GROUP_TEXT];

    if (apart(permille, s->permille) < STEP &&
        (permille != FAIR_USUAL || s->permille == FAIR_USUAL))
        return;
    if (cgroup_weight(&p->tree, slot_group_name(name, s),
                      s->weight ? s->weight : 100, permille) == 0)
        s->permille = permille;
}

void shares_turn(struct spawner *p, uint64_t now_ns)
{
    struct shares *h = &p->shares;
    uint64_t while_ns = now_ns - h->last_ns;
    bool hungry = false;

    if (!h->due_ns)
        return;
    if (now_ns < h->due_ns) {
        spawner_wake_at(p, h->due_ns);
        return;
    }
    for (uint32_t i = 0; i < h->n; i++)
        hungry |= measure(p, i, while_ns);
    for (uint32_t i = 0; hungry && i < h->n; i++)
        believe(&h->fair[i], most_ns(h->slot[i], while_ns));
    fair_turn(h->fair, h->n, while_ns);
    for (uint32_t i = h->n; i--;) {
        bool busy = h->fair[i].used_ns * BUSY_PART >= while_ns ||
                    h->fair[i].owed_ns > 0;

        apply(p, h->slot[i], busy ? h->fair[i].permille : FAIR_USUAL);
        if (!busy)
            forget(h, i);
    }
    h->last_ns = now_ns;
    h->due_ns = h->n ? now_ns + TURN_NS + h->n * EACH_NS : 0;
    if (h->due_ns)
        spawner_wake_at(p, h->due_ns);
}
