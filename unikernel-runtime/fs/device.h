// SPDX-License-Identifier: ISC
// The character devices: console, null, zero, random.
#ifndef RT_DEVICE_H
#define RT_DEVICE_H

#include "unikernel-runtime/fs/file.h"

extern const struct file_ops device_console_ops;

// What is in /dev, ended by a null name.
struct device {
    const char *name;
    const struct file_ops *ops;
};
extern const struct device device_table[];

#endif
