// SPDX-License-Identifier: ISC
/*
 * What the roles of hosteld say to each other: fixed structs over
 * SOCK_SEQPACKET, one a packet, host byte order. Anything of variable length
 * travels as a descriptor (a memfd or an open file) beside the struct.
 *
 * Every message begins with struct msg_head. A request carries a `tag` of the
 * sender's choice; its reply has type | MSG_REPLY and the same tag. Sizes and
 * ranges are checked against the table in ipc.c; a peer that breaks the rules
 * is a bug of ours or a taken role: the receiver exits and the supervisor
 * starts all roles anew.
 */
#ifndef AGENT_MSG_H
#define AGENT_MSG_H

#include <stdint.h>
#include "billing/usage.h"
#include "hypervisor/monitor/control.h"
#include "node-agent/agent/role.h"
#include "node-agent/bundle/terms.h"

#define MSG_TEXT_MAX 512
#define MSG_REPLY    0x8000u

typedef struct {
    uint8_t b[16];
} sub_id_t; /* submission */
typedef struct {
    uint8_t b[32];
} key_id_t; /* Ed25519 public key of a customer */

enum msg_type {
    /* api -> keeper */
    MSG_SUBMIT = 1,  /* + bundle memfd        -> msg_submit_reply */
    MSG_GET,         /* msg_get               -> msg_info_reply */
    MSG_LIST,        /* msg_list              -> msg_count_reply + fd: infos */
    MSG_WAIT,        /* msg_wait              -> msg_info_reply, later */
    MSG_DESTROY,     /* msg_get               -> msg_reply */
    MSG_INPUT,       /* msg_input             -> msg_input_reply, later */
    MSG_LOG,         /* msg_log               -> msg_info_reply + fd: the log */
    MSG_CAPACITY,    /* msg_get (id unused)   -> msg_capacity_reply */
    MSG_CALL,        /* msg_call + fds: body, answer -> msg_call_reply, later */
    MSG_AUDIT = 20,  /* msg_audit             -> none */
    MSG_AUDIT_LIST,  /* msg_audit_list        -> msg_count_reply + fd: rows */
    MSG_INVITE,      /* msg_invite            -> msg_reply */
    MSG_JOIN,        /* msg_join              -> msg_account_reply, later */
    MSG_KEY,         /* msg_key               -> msg_key_reply */
    MSG_KEY_LIST,    /* msg_account           -> msg_count_reply + fd: keys */
    MSG_QUOTA,       /* msg_quota             -> msg_quota_reply */
    MSG_DRAIN,       /* msg_drain             -> msg_capacity_reply */
    MSG_ATTACH = 28, /* msg_attach + fd      -> msg_input_reply, later */
    /* api -> ledger */
    MSG_ACCOUNT_OPEN = 32, /* msg_account_open   -> msg_account_reply */
    MSG_ACCOUNT_CREDIT,    /* msg_account_credit -> msg_account_reply */
    MSG_ACCOUNT_GET,       /* msg_account        -> msg_account_reply */
    MSG_ACCOUNT_LIST,      /* msg_account        -> msg_count_reply + fd */
    MSG_QUOTE,             /* msg_quote          -> msg_quote_reply */
    MSG_DOCUMENT,          /* msg_document       -> msg_count_reply + fd */
    MSG_ACCOUNT_CORRECT,   /* msg_account_correct -> msg_account_reply */
    MSG_ACCOUNT_CHANGE,    /* msg_account_change -> msg_account_reply */
    MSG_INVOICE_ISSUE,     /* msg_invoice_issue  -> msg_count_reply */
    MSG_PAYMENT,           /* msg_payment        -> msg_account_reply */
    /* keeper -> ledger */
    MSG_HOLD = 64, /* msg_hold   -> msg_hold_reply */
    MSG_RECORD,    /* msg_record -> msg_reply; 202: most of the hold is used,
                      402: all of it */
    MSG_SETTLE,    /* msg_record -> msg_settle_reply */
    MSG_VOID,      /* msg_record -> msg_reply */
    MSG_ENROL,     /* msg_enrol  -> msg_account_reply */
    /* keeper -> spawner, and its news */
    MSG_START = 96, /* msg_start + fds: image, console, [initrd], [source],
                       [devices, see agent/device.h], volumes' folders
                       -> msg_reply */
    MSG_STOP,       /* msg_stop  -> none; MSG_ENDED follows */
    MSG_RENEW,      /* msg_renew -> none */
    MSG_RELEASE,    /* msg_renew: MSG_ENDED is durable, recycle the slot */
    MSG_FEED,       /* msg_input -> msg_input_reply, later */
    MSG_PASS = 112, /* msg_attach + fd -> msg_input_reply, later */
    MSG_USAGE,      /* spawner: msg_domain, once an interval */
    MSG_ENDED,      /* spawner: msg_domain, repeated after a restart until
                       released */
    MSG_ADOPTED,    /* spawner: msg_domain, at its start for each domain found
                       running; ends with one whose id is all zero */
    MSG_CONTROL,    /* msg_control -> msg_reply */
    MSG_LOOK,       /* msg_get (id unused) -> a MSG_FIGURES for each domain that
                       runs, then msg_reply */
    MSG_FIGURES,    /* spawner: msg_domain, as it is now */
    MSG_GIVEN,      /* spawner: msg_given + fd */
    MSG_OVER,       /* spawner: msg_domain of one with a source: its program is
                       over, as its monitor says; MSG_ENDED follows */
    MSG_FAILED,     /* spawner: msg_failed */
    /* keeper -> builder, and its news */
    MSG_BUILD = 128, /* msg_build + fds: bundle, log -> none */
    MSG_BUILD_STOP,  /* msg_get -> none; MSG_BUILT follows */
    MSG_BUILT,       /* builder: msg_built [+ fd: image] */
    /* operator -> keeper: domains; see agent/dom.h */
    MSG_DOM_CREATE = 160, /* dom_create + fds: image, [initrd], [devices, see
                             agent/device.h] -> dom_reply + fd: console log */
    MSG_DOM_LIST,         /* dom_who -> msg_count_reply + fd: dom_infos */
    MSG_DOM_ACT,          /* dom_act -> msg_reply */
    MSG_DOM_LOG,          /* dom_who -> msg_count_reply + fd: console log */
    MSG_DOM_INPUT,        /* dom_input -> msg_input_reply */
    MSG_DOM_DEVICES,      /* dom_who -> msg_count_reply + fd: dom_devices */
    /* api -> keeper */
    MSG_SUB_ACT = 192, /* msg_sub_act -> msg_reply */
    MSG_WATCH = 200,   /* msg_watch -> msg_info_reply, later; keeper/feed.h */
    MSG_VOLUME = 208,  /* msg_volume [+ fd] -> msg_volume_reply, later */
    MSG_VOLUME_LIST,   /* msg_volume -> msg_count_reply + fd: volume_infos */
    /* keeper -> volumes */
    MSG_JOB = 240, /* msg_job [+ fd] -> msg_job_reply [+ fds], later */
    /* keeper -> net; see msg_net.h */
    MSG_NET_KEEP = 224, /* msg_net -> none */
    MSG_NET_READY,      /* msg_net -> msg_reply */
    MSG_NET_OPEN,       /* msg_net -> msg_net_reply + fd */
    MSG_NET_CLOSE       /* msg_net -> none */
};

struct msg_head {
    uint32_t type; /* enum msg_type, | MSG_REPLY */
    uint32_t size; /* of the whole message */
    uint64_t tag;
};

/* HTTP's own status codes say what became of a request: 200, 201, 402 (no
 * money), 404, 409 (nonce reused), 422 (bad bundle), 429, 503 (no room). */
struct msg_reply {
    struct msg_head head;
    uint32_t status;
    uint32_t retry_after_s;  /* with 429 and 503 */
    char text[MSG_TEXT_MAX]; /* one sentence when status is 400 or more */
};

/* ------------------------------------------------------------- submissions */

enum sub_state {
    SUB_HELD = 1, /* accepted, money held, waiting for a build slot or slot */
    SUB_BUILDING,
    SUB_BUILT, /* waiting for a domain slot */
    SUB_RUNNING,
    SUB_SETTLING, /* over; figures final; the ledger is being told */
    SUB_DONE      /* charged; the receipt can be had once its batch is sealed */
};

enum sub_outcome {
    OUTCOME_NONE = 0,
    OUTCOME_EXITED,       /* exit_status holds the program's */
    OUTCOME_BUILD_FAILED, /* the compiler refused; its log says why */
    OUTCOME_BUILD_BUDGET, /* a limit of the build was reached */
    OUTCOME_CRASHED,
    OUTCOME_TRAPPED, /* report holds vector, address, symbol */
    OUTCOME_SYSCALL,
    OUTCOME_CPU_BUDGET,
    OUTCOME_WALL_BUDGET,
    OUTCOME_MEMORY,
    OUTCOME_DESTROYED, /* by the customer or the operator */
    OUTCOME_REFUSED,   /* the image cannot run here; report says why */
    OUTCOME_LOST       /* the node failed; billed for what is known */
};

/* What a submission may use at most, from its manifest. */
struct sub_limits {
    uint64_t memory_kib;
    uint64_t cpu_ns, wall_ns;
    uint64_t build_cpu_ns; /* 0 for ready images */
    uint64_t console_bytes;
    int64_t cost_cap_nano; /* 0 = no cap beside the quote */
};

#define SUB_REPORT_MAX 2048
struct sub_info {
    sub_id_t id;
    key_id_t customer;
    char name[64];
    uint32_t state;   /* enum sub_state */
    uint32_t outcome; /* enum sub_outcome */
    int32_t exit_status;
    uint32_t slot;    /* while running */
    uint64_t version; /* increments with every change */
    uint64_t submitted_real_ns, started_real_ns, ended_real_ns;
    struct sub_limits limits;
    struct run_terms run;
    uint32_t
        incarnation; /* a service's domains so far; a function's requests */
    uint32_t build_cached; /* 1 = its image was built before, for nothing */
    uint32_t period, pad;  /* of its holds, from 0; see agent/period.h */
    uint64_t next_start_real_ns; /* a service's, while it waits for that */
    struct usage usage;          /* so far, or final */
    /* While it runs: of the present period; of those that are settled. */
    int64_t hold_nano, charged_nano, written_off_nano;
    struct net_terms net;
    struct net_lease lease;      /* from its first start to its end */
    char report[SUB_REPORT_MAX]; /* trap or refusal, for the customer */
};

struct msg_submit { /* MSG_SUBMIT */
    struct msg_head head;
    uint64_t bundle_len; /* of the sealed memfd that comes with it */
    char peer[64];       /* for the log */
};
struct msg_info_reply {
    struct msg_reply reply;
    struct sub_info info; /* meaningless when status is 400 or more */
    uint64_t offset;      /* MSG_LOG with a time: where in the log that is */
};
struct msg_submit_reply {
    struct msg_reply reply; /* 201 new, 200 the same one again */
    struct sub_info info;
};

struct msg_get { /* MSG_GET, MSG_DESTROY, MSG_CAPACITY, MSG_BUILD_STOP */
    struct msg_head head;
    sub_id_t id;
    key_id_t customer; /* whose it must be; all zero: the operator asks */
    uint64_t version;  /* MSG_DESTROY: only this one; 0 = any. MSG_CAPACITY:
                          not 0 = with `live`, which takes a while */
};
struct msg_list {
    struct msg_head head;
    key_id_t customer;  /* all zero: everybody's */
    uint32_t limit;     /* 1 .. 1000 */
    uint32_t live_only; /* 1 = not yet DONE */
    sub_id_t after;     /* all zero: from the newest */
};
struct msg_count_reply { /* + memfd with `count` structs or `length` bytes */
    struct msg_reply reply;
    uint64_t count, length;
};
struct msg_wait { /* answers when version > `version`, or after timeout */
    struct msg_head head;
    sub_id_t id;
    key_id_t customer;
    uint64_t version;
    uint64_t timeout_ns; /* at most 60 s */
};
/* Of everybody's (all zero) or a customer's submissions the next that changed
 * behind number `after` (0: from now on). 200: the reply's offset is its
 * number; 204: none until the timeout, go on behind offset; 410: some were
 * missed, go on behind offset. */
struct msg_watch {
    struct msg_head head;
    key_id_t customer;
    uint64_t after;
    uint64_t timeout_ns; /* at most 60 s */
};
/* Console input; offset, writer and flags as in struct hvc_input. */
struct msg_input {
    struct msg_head head;
    sub_id_t id;
    key_id_t customer;
    uint64_t writer, offset;
    uint32_t flags;
    uint32_t len;
    char data[HVC_INPUT_MAX];
};
/* 200: taken up to `position`; 409: never, see the text; 425: it does not run
 * yet; 429: it has to read first. */
struct msg_input_reply {
    struct msg_reply reply;
    sub_id_t id;
    uint64_t position; /* of the input: bytes taken so far; 200 and 409 only */
    uint32_t accepted; /* of this message's bytes: those below the position */
    uint32_t ended;    /* 1 = the input has ended */
};
/* A request to a function. `body` is a sealed memfd, its input; `answer` is a
 * file that its output goes into. Status 200 says that it ran, the rest how. */
struct msg_call {
    struct msg_head head;
    sub_id_t id;
    key_id_t customer; /* as in msg_get */
};
struct msg_call_reply {
    struct msg_reply reply; /* with 200, text: the report of a trap */
    uint32_t outcome;       /* enum sub_outcome */
    int32_t exit_status;
};
/* Somebody to look inside: the descriptor is a stream for its monitor. 200;
 * 409: somebody does already, or it is over; 425; 429. */
struct msg_attach { /* MSG_ATTACH, MSG_PASS */
    struct msg_head head;
    sub_id_t id;
    key_id_t customer;
    uint32_t kind; /* enum hvc_attach_kind */
    uint32_t pad;
};
/* LOG_FILES: what it left, an archive that the node never looked into.
 * LOG_MARKS: the keeper's own (keeper/console.h). */
enum log_kind { LOG_CONSOLE = 1, LOG_BUILD, LOG_FILES, LOG_MARKS };
struct msg_log {
    struct msg_head head;
    sub_id_t id;
    key_id_t customer;
    uint32_t kind; /* enum log_kind */
    uint32_t pad;
    uint64_t since_real_ns; /* LOG_CONSOLE: what was said since; 0: all */
};
struct msg_quota {
    struct msg_head head;
    key_id_t customer;
    uint32_t set, pad; /* 1: it is to be this */
    struct quota quota;
};
struct msg_quota_reply {
    struct msg_reply reply;
    struct quota quota;
    uint32_t submissions, pad; /* what there is now */
    uint64_t memory_kib, store_kib;
    uint64_t volumes_kib; /* what his volumes may hold */
};
struct msg_drain {
    struct msg_head head;
    uint32_t on; /* 1: no new submissions, also after a restart */
    uint32_t pad;
};
struct msg_capacity_reply {
    struct msg_reply reply;
    uint64_t memory_kib, memory_used_kib;
    uint32_t slots, slots_used, build_slots, builds_running, queued;
    uint32_t leases, leases_used; /* of addresses, network.h */
    uint32_t draining;            /* 1 = takes no new submissions */
    uint64_t agent_cpu_ns;        /* all roles together, since the start */
    /* For who watches the node; the last three since the keeper's start. */
    uint32_t live[SUB_DONE + 1]; /* by enum sub_state, if asked for */
    uint32_t full;               /* 1 = the store or its disk takes no bundle */
    uint64_t ended[OUTCOME_LOST + 1]; /* by enum sub_outcome */
    uint64_t ended_cpu_ns, ended_build_cpu_ns;
};

/* ----------------------------------------------------- customers, operators */

enum audit_role { AUDIT_OPERATOR = 1, AUDIT_VIEWER, AUDIT_CUSTOMER };
/* A request that changed something, or was to. */
struct audit_row {
    uint64_t seq; /* filled in by the keeper, as is the time */
    uint64_t at_real_ns;
    key_id_t who;  /* a customer's account; all zero: by the unix socket */
    uint32_t role; /* enum audit_role */
    uint32_t uid;  /* of a peer on the unix socket */
    uint32_t status, pad;
    char peer[64], method[8], path[112];
    char subject[72]; /* what it was about, where the path does not say */
};
struct msg_audit {
    struct msg_head head;
    struct audit_row row;
};
struct msg_audit_list { /* the newest first */
    struct msg_head head;
    key_id_t who;    /* all zero: everybody's */
    uint64_t before; /* number; 0: from the newest */
    uint64_t since_real_ns;
    uint32_t limit, pad;
};
struct msg_invite {
    struct msg_head head;
    uint8_t code[32]; /* BLAKE2b of the code: nobody can read codes here */
    int64_t credit_nano;
    uint64_t expires_real_ns;
    uint32_t uses, pad;
    char name[64];
};
struct msg_join {
    struct msg_head head;
    key_id_t customer;
    uint8_t code[32]; /* all zero: without an invitation */
    char name[64];
};
enum key_op { KEY_RESOLVE = 1, KEY_ADD, KEY_REVOKE };
#define ACCOUNT_KEYS_MAX 16
struct customer_key {
    key_id_t key, account;
    uint64_t added_real_ns;   /* 0: the one that the account was opened with */
    uint64_t revoked_real_ns; /* 0: it may sign */
    char name[64];
};
struct msg_key {
    struct msg_head head;
    uint32_t op;          /* enum key_op */
    uint32_t by_operator; /* may revoke the last one, and add without proof */
    key_id_t account, key;
    uint8_t proof[64]; /* to add: key_proof.h */
    char name[64];
};
struct msg_key_reply {
    struct msg_reply reply; /* 201 changed, 200 was so before; 403 revoked */
    struct customer_key key;
};

/* ----------------------------------------------------------------- ledger */

struct account_info {
    key_id_t customer;
    char name[64];
    char currency[8];
    int64_t balance_nano; /* posted */
    int64_t held_nano;    /* pending holds */
    int64_t spent_nano;   /* all charges so far */
    int64_t credit_limit_nano, low_balance_nano;
    uint32_t low, pad; /* 1 = what is available is below low_balance_nano */
    uint64_t opened_real_ns;
};
struct msg_account {
    struct msg_head head;
    key_id_t customer;
};
struct msg_account_open {
    struct msg_head head;
    key_id_t customer;
    char name[64];
    char currency[8]; /* "": that of the node's prices */
    int64_t credit_limit_nano;
};
struct msg_account_credit {
    struct msg_head head;
    key_id_t customer;
    uint8_t id[16]; /* client-made: the same one is applied once */
    int64_t amount_nano;
    char currency[8]; /* "": that of the account */
    char reference[64];
};
/* Somebody who may join: an account, unless there is one (which stays as it
 * is), and what his invitation is worth. */
struct msg_enrol {
    struct msg_head head;
    key_id_t customer;
    uint8_t credit_id[16]; /* the same one is applied once */
    int64_t credit_nano;   /* 0: none */
    char name[64];
};
struct msg_account_reply {
    struct msg_reply reply;
    struct account_info account;
};

#define QUOTE_LINES_MAX 16
struct quote_line {
    char sku[24];
    char unit[16];
    uint64_t quantity_hi, quantity_lo; /* 128 bits, in the SKU's base unit */
    int64_t amount_nano;
};
struct msg_quote {
    struct msg_head head;
    key_id_t customer; /* by whose prices; all zero: by everybody's */
    struct sub_limits limits;
    uint32_t is_source; /* 1 = will be built here */
    uint32_t starts;    /* of domains, at most; 0 = 1 */
    uint64_t net_in_bytes, net_out_bytes;
};
struct msg_quote_reply {
    struct msg_reply reply;
    char currency[8];
    char ratecard[32]; /* its version */
    uint32_t nlines, pad;
    int64_t total_nano; /* what it would cost at most */
    struct quote_line line[QUOTE_LINES_MAX];
};

enum document_kind {
    DOC_RECEIPT = 1,  /* protobuf, one submission; 425 until it is sealed */
    DOC_INVOICE_JSON, /* an account's month */
    DOC_INVOICE_TEXT,
    DOC_USAGE_CSV,
    DOC_RATECARD, /* text */
    DOC_KEY_CERT, /* certificate of the receipts key */
    DOC_INVOICE_HTML,
    DOC_STATEMENT_JSON,
    DOC_SPEND_JSON,
    DOC_CHAIN,         /* protobuf, signed batches after number `after` */
    DOC_INVOICES_JSON, /* the account's final ones */
    /* Of the log after entry `after`; the reply's count is the new cursor, see
     * billing/export.h. */
    DOC_EXPORT_JSONL,
    DOC_EXPORT_PROTOBUF,
    DOC_EXPORT_FOCUS
};

#define DOC_SO_FAR  1u /* a receipt of what runs */
#define DOC_RECORDS 2u /* an invoice's JSON down to usage records */
#define DOC_WAIT    4u /* a receipt that is only to be signed: in a moment */
struct msg_document {
    struct msg_head head;
    key_id_t customer;
    sub_id_t id;    /* DOC_RECEIPT; with the period in `number` */
    uint32_t kind;  /* enum document_kind */
    uint32_t month; /* of an account's: 202611; 0 = everything */
    uint64_t after; /* DOC_CHAIN, DOC_EXPORT_* */
    /* DOC_INVOICE_*, DOC_USAGE_CSV: of a final invoice; 0: a draft, by month */
    uint64_t number;
    uint32_t flags, pad;
};

struct msg_hold {
    struct msg_head head;
    sub_id_t id;
    key_id_t customer;
    char currency[8]; /* of the cap; "": whatever the account has */
    struct sub_limits limits;
    uint32_t is_source;
    uint32_t starts;     /* as in msg_quote */
    uint32_t is_storage; /* a volume's period, and nothing but this: */
    uint32_t is_next;    /* a period that follows another: less will do */
    uint64_t storage_kib_ms;
    uint64_t net_in_bytes, net_out_bytes;
};
struct msg_hold_reply {
    struct msg_reply reply; /* 200, 402, 404 no such account */
    int64_t hold_nano;
};
/* A usage record: what submission `id` used between two instants. `sequence`
 * counts records of one submission from 1; the ledger applies each once. */
struct msg_record {
    struct msg_head head;
    sub_id_t id;
    key_id_t customer;
    uint64_t sequence;
    uint64_t from_real_ns, to_real_ns;
    struct usage usage; /* of this interval; for MSG_SETTLE the last one */
};
struct msg_settle_reply {
    struct msg_reply reply;
    int64_t charged_nano, written_off_nano;
};

/* ------------------------------------------------------------------ domains */

/* How a domain shall run; a node may forbid either kind. */
enum engine_choice {
    ENGINE_USUAL = 0, /* the node's first */
    ENGINE_PV,
    ENGINE_KVM,
    ENGINE_AUTO /* kvm where the processor has hardware virtualization */
};

#define CPU_WEIGHT_MAX 10000u /* bundle/terms.h */
#define CPU_CAP_MAX    1000000u

/* A volume to attach; its folder (volumed/volumed.h) is a descriptor. */
#define START_VOLUMES_MAX 8u /* bundle/volumes.h */
#define START_V_READ_ONLY 1u
#define START_V_SHARED    2u
#define START_V_FRESH     4u /* nobody has it now: its page is to begin anew */
struct start_volume {
    char mount[52]; /* HV_FS_MOUNT_MAX */
    uint32_t flags;
    uint64_t quota_bytes;
};

#define START_PAUSED 1u
#define START_ROLLS  2u /* its console, see HVC_F_ROLL */
struct msg_start {
    struct msg_head head;
    sub_id_t id;
    uint32_t domid;
    uint32_t engine; /* enum engine_choice */
    uint32_t flags;  /* START_* */
    uint32_t ndevices;
    uint64_t max_kib; /* limit of its control group's memory; 0 = memory_kib */
    uint64_t net_in_bytes, net_out_bytes; /* it cannot have used more; 0: as
                                             much as there was time for */
    uint64_t memory_kib, cpu_ns, wall_ns, console_bytes;
    uint64_t lease_mono_ns;               /* CLOCK_MONOTONIC */
    uint32_t incarnation;                 /* told again with all news of it */
    uint32_t cpu_weight, cpu_cap_percent; /* bundle/terms.h */
    uint32_t has_initrd, has_source; /* source: the console's input, a file */
    uint32_t argc, envc, cmdline_len;
    uint32_t output_bytes; /* 0: no file for the domain's files */
    uint32_t core_ends;    /* HVC_CORE_*; 0: no file for a core */
    uint32_t pad;
    uint64_t core_bytes; /* a larger core is not written */
    uint32_t nvolumes;
    struct start_volume volume[START_VOLUMES_MAX];
    char name[64];
    char cmdline[HV_CMDLINE_MAX];
};
/* Descriptors before those of devices: image, console, [initrd], [source],
 * [core], [files]. */
static inline unsigned start_files(const struct msg_start *m)
{
    return 2u + (m->has_initrd != 0) + (m->has_source != 0) +
           (m->core_ends != 0) + (m->output_bytes != 0);
}
struct msg_stop {
    struct msg_head head;
    sub_id_t id;
    uint32_t cause; /* enum hvc_cause */
    uint32_t pad;
};
struct msg_renew { /* MSG_RENEW, MSG_RELEASE */
    struct msg_head head;
    sub_id_t id;
    uint64_t lease_mono_ns;
};
enum control_action {
    CONTROL_PAUSE = 1,
    CONTROL_UNPAUSE,
    CONTROL_SHUTDOWN, /* ask the guest to end */
    CONTROL_REBOOT,   /* ask it to end and be started again */
    CONTROL_WEIGHT,   /* value: 1 .. CPU_WEIGHT_MAX */
    CONTROL_CAP,      /* value: 0 .. CPU_CAP_MAX */
    CONTROL_MAX_KIB,  /* value: as msg_start.max_kib, not 0 */
    CONTROL_BALLOON,  /* value: KiB that the guest should keep, whole pages */
    CONTROL_ACTIONS
};
struct msg_control {
    struct msg_head head;
    sub_id_t id;
    uint32_t action; /* enum control_action */
    uint32_t pad;
    uint64_t value;
};

/* A device of an adopted domain, whose monitor has given it: what it says is
 * what any monitor says. With one descriptor. */
struct msg_given {
    struct msg_head head;
    sub_id_t id;
    uint32_t index;
    uint32_t pad;
};

/* The back end of a device, outside, is gone: its monitor's word, for the log.
 * The index as in msg_given; volumes come after the devices. */
struct msg_failed {
    struct msg_head head;
    sub_id_t id;
    uint32_t index;
    uint32_t pad;
};

/* State of a domain as the kernel tells it: totals since its start. */
struct msg_domain {
    struct msg_head head;
    sub_id_t id;
    uint32_t slot;
    uint32_t cause; /* MSG_ENDED: enum hvc_cause; 0 = runs */
    uint32_t status;
    uint32_t domid;
    uint32_t engine; /* enum hvc_engine */
    uint32_t letter; /* 'r' on a processor, 'b' waits, 'p' paused, 'd' dying */
    uint32_t cpu_weight, cpu_cap_percent;
    uint32_t up; /* 1 = its monitor says that its image is loaded; a word for
                    who waits, not for bills */
    uint32_t incarnation;
    uint64_t max_kib;
    uint64_t mem_kib; /* charged to its control group now */
    uint64_t started_real_ns, now_real_ns;
    struct usage usage; /* CPU and memory from the kernel, I/O from the page */
    char text[SUB_REPORT_MAX];
};

/* ------------------------------------------------------------------- builds */

struct msg_build {
    struct msg_head head;
    sub_id_t id;
    uint64_t cpu_ns, wall_ns, memory_kib;
    uint64_t bundle_len;
};
struct msg_built {
    struct msg_head head;
    sub_id_t id;
    uint32_t outcome; /* enum sub_outcome; OUTCOME_NONE = an image came */
    uint32_t pad;
    struct usage usage; /* builds, build_cpu_ns, build_wall_ns ... */
    uint8_t image_digest[32];
    char text[SUB_REPORT_MAX]; /* one sentence when there is no image */
};

#include "node-agent/agent/msg_billing.h"
#include "node-agent/agent/msg_volume.h"
#include "node-agent/agent/msg_net.h"

#endif
