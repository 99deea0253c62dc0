// SPDX-License-Identifier: ISC
/*
 * What is said about volumes; part of msg.h.
 */
#ifndef AGENT_MSG_VOLUME_H
#define AGENT_MSG_VOLUME_H

#define VOLUME_NAME_SIZE 48 /* bundle/limits.h, and the NUL */

enum volume_state {
    VOLUME_MAKING = 1, /* its folders */
    VOLUME_COPYING,    /* another's files into it */
    VOLUME_READY,
    VOLUME_DELETING
};

struct volume_info {
    sub_id_t id;
    key_id_t customer;
    char name[VOLUME_NAME_SIZE];
    char origin[VOLUME_NAME_SIZE]; /* what it was copied from; "": nothing */
    uint32_t state;                /* enum volume_state */
    uint32_t read_only;            /* a snapshot */
    uint32_t unpaid; /* there is no money to keep it: it may be read and deleted
                        only */
    uint32_t readers, writers;       /* domains it is attached to */
    uint32_t shared;                 /* these share it */
    uint64_t quota_bytes;            /* hypervisor/fs/contract.h says how */
    uint64_t used_bytes, used_files; /* as they were counted last */
    uint64_t created_real_ns;
    uint64_t charged_until_real_ns; /* what is not charged yet began then */
    int64_t held_nano;              /* for the present period */
};

enum volume_op {
    VOLUME_CREATE = 1, /* [from]: a copy of that one */
    VOLUME_GET,
    VOLUME_DELETE,
    VOLUME_UPLOAD,   /* + fd: the stream, volume/frame.h; replied to at once */
    VOLUME_DOWNLOAD, /* likewise */
    VOLUME_ENDED,    /* of an upload's job: replied to when it is over */
    VOLUME_RESIZE    /* its quota */
};
#define VOLUME_F_READ_ONLY 1u /* CREATE */
#define VOLUME_F_REPLACE   2u /* UPLOAD */
struct msg_volume {           /* MSG_VOLUME, MSG_VOLUME_LIST (op unused) */
    struct msg_head head;
    key_id_t customer;
    uint32_t op; /* enum volume_op */
    uint32_t flags;
    char name[VOLUME_NAME_SIZE], from[VOLUME_NAME_SIZE];
    uint64_t quota_bytes; /* CREATE, RESIZE */
    uint64_t job;         /* ENDED: of the reply to UPLOAD */
};
struct msg_volume_reply {
    struct msg_reply reply; /* CREATE: 201; DELETE: 202 */
    struct volume_info info;
    uint64_t job;
};

/* ------------------------------------------------------- keeper -> volumes */

enum job_kind {
    JOB_MAKE = 1, /* the folders of a new one */
    JOB_UNPACK,   /* + fd */
    JOB_PACK,     /* + fd */
    JOB_COPY,
    JOB_COUNT,
    JOB_REMOVE, /* all of it */
    JOB_OPEN    /* the reply has a descriptor: its folder, which has a page */
};
struct msg_job {
    struct msg_head head;
    uint32_t kind;   /* enum job_kind */
    uint32_t number; /* of the volume: below VOLUMES_MAX */
    uint32_t from;   /* JOB_COPY: of the other one */
    uint32_t flags;  /* VOLUME_F_REPLACE */
    uint64_t quota_bytes;
};
struct msg_job_reply {
    struct msg_reply reply; /* 200; 422: the archive or the quota; 400: the
                               stream was cut off; 500; 503: too many jobs */
    uint64_t used_bytes, used_files;
};

#endif
