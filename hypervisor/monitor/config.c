// SPDX-License-Identifier: ISC
// A domain's description; see config.h.

#include "hypervisor/monitor/config.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_  63 // of hvc_prepare.domain_name
#define PATH_MAX_  4096
#define EXTRA_MAX  4096
#define STRINGS    1024 // arguments or variables; the page fills up first
#define BUDGET_MAX (INT64_MAX / 1000000) // fits into ns

static const struct cfg_key keys[] = {
    CFG_STR_KEY("kernel", struct domain_config, kernel, PATH_MAX_, 0),
    CFG_STR_KEY("ramdisk", struct domain_config, ramdisk, PATH_MAX_, 0),
    CFG_STR_KEY("name", struct domain_config, name, NAME_MAX_, 0),
    CFG_STR_KEY("engine", struct domain_config, engine, 32, 0),
    CFG_INT_KEY("memory", struct domain_config, memory_mib, 1, HV_RAM_MAX >> 20,
                0),
    CFG_INT_KEY("vcpus", struct domain_config, vcpus, 1, 1, 0),
    CFG_STR_KEY("extra", struct domain_config, extra, EXTRA_MAX, 0),
    CFG_LIST_KEY("args", struct domain_config, args, STRINGS, 0),
    CFG_LIST_KEY("env", struct domain_config, env, STRINGS, 0),
    CFG_LIST_KEY("vif", struct domain_config, vif, HV_DEVICE_MAX, 0),
    CFG_LIST_KEY("disk", struct domain_config, disk, HV_DEVICE_MAX, 0),
    CFG_LIST_KEY("volume", struct domain_config, volume, HV_DEVICE_MAX, 0),
    CFG_INT_KEY("cpu_ms", struct domain_config, cpu_ms, 1, BUDGET_MAX, 0),
    CFG_INT_KEY("wall_ms", struct domain_config, wall_ms, 1, BUDGET_MAX, 0),
    CFG_STR_KEY("on_poweroff", struct domain_config, on_poweroff, 32, 0),
    CFG_STR_KEY("on_reboot", struct domain_config, on_reboot, 32, 0),
    CFG_STR_KEY("on_crash", struct domain_config, on_crash, 32, 0),
    CFG_INT_KEY("maxmem", struct domain_config, max_mib, 1, HV_RAM_MAX >> 20,
                0),
    CFG_INT_KEY("cpu_weight", struct domain_config, weight, 1, 25600, 0),
    CFG_INT_KEY("cap", struct domain_config, cap, 0, 100000, 0),

    // xl's, each with why it means nothing here.
    CFG_REFUSED_KEY("type", "a domain is a unikernel; engine says how it runs"),
    CFG_REFUSED_KEY("builder", "a domain is a unikernel; engine says how it "
                               "runs"),
    CFG_REFUSED_KEY("bootloader", "the image named by kernel is run as it is"),
    CFG_REFUSED_KEY("bootloader_args", "there is no boot loader"),
    CFG_REFUSED_KEY("firmware", "there is no firmware"),
    CFG_REFUSED_KEY("root", "an image finds its arguments in args or extra"),
    CFG_REFUSED_KEY("cmdline", "an image finds its arguments in args or extra"),
    CFG_REFUSED_KEY("uuid", "a run's number is made by the node"),
    CFG_REFUSED_KEY("seclabel", "there is no XSM; each domain has a user, "
                                "namespaces and filters of its own"),
    CFG_REFUSED_KEY("pool", "there are no CPU pools; cpu_weight and cap share "
                            "the processors"),
    CFG_REFUSED_KEY("cpus", "domains are not pinned to processors; cpu_weight "
                            "and cap share them"),
    CFG_REFUSED_KEY("cpus_soft", "domains are not pinned to processors"),
    CFG_REFUSED_KEY("maxvcpus", "a domain has one virtual processor"),
    CFG_REFUSED_KEY("tsc_mode", "the time-stamp counter is the machine's"),
    CFG_REFUSED_KEY("localtime", "a domain's wall clock is UTC; set TZ in env"),
    CFG_REFUSED_KEY("rtc_timeoffset", "a domain's wall clock is UTC"),
    CFG_REFUSED_KEY("nomigrate", "domains do not migrate yet"),
    CFG_REFUSED_KEY("driver_domain", "back ends run beside the monitor"),
    CFG_REFUSED_KEY("device_model_version", "there is no device model"),
    CFG_REFUSED_KEY("pci", "devices of the host are not passed through"),
    CFG_REFUSED_KEY("usbctrl", "there are no USB devices"),
    CFG_REFUSED_KEY("usbdev", "there are no USB devices"),
    CFG_REFUSED_KEY("vtpm", "there is no TPM"),
    CFG_REFUSED_KEY("vfb", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("vkb", "there is no keyboard: the console has input"),
    CFG_REFUSED_KEY("vsnd", "there is no sound"),
    CFG_REFUSED_KEY("channel", "a domain has one console"),
    CFG_REFUSED_KEY("p9", "a domain's files come in its ramdisk or a volume"),
    CFG_REFUSED_KEY("on_watchdog", "there is no watchdog; wall_ms bounds a "
                                   "run"),
    CFG_REFUSED_KEY("on_soft_reset", "there is no soft reset"),
    CFG_REFUSED_KEY("vnc", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("vnclisten", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("vncdisplay", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("vncunused", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("vncpasswd", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("sdl", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("opengl", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("nographic", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("spice", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("spicehost", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("spiceport", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("spicetls_port", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("spicedisable_ticketing",
                    "there is no screen: the console is text"),
    CFG_REFUSED_KEY("spicepasswd", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("spiceagent_mouse",
                    "there is no screen: the console is text"),
    CFG_REFUSED_KEY("spicevdagent", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("spice_clipboard_sharing",
                    "there is no screen: the console is text"),
    CFG_REFUSED_KEY("spiceusbredirection",
                    "there is no screen: the console is text"),
    CFG_REFUSED_KEY("spice_image_compression",
                    "there is no screen: the console is text"),
    CFG_REFUSED_KEY("spice_streaming_video",
                    "there is no screen: the console is text"),
    CFG_REFUSED_KEY("videoram", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("stdvga", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("vga", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("gfx_passthru", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("vdispl", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("keymap", "there is no screen: the console is text"),
    CFG_REFUSED_KEY("boot", "there is no hardware of a PC to describe; the "
                            "image is started as it is"),
    CFG_REFUSED_KEY("hdtype", "there is no hardware of a PC to describe; the "
                              "image is started as it is"),
    CFG_REFUSED_KEY("bios", "there is no hardware of a PC to describe; the "
                            "image is started as it is"),
    CFG_REFUSED_KEY("bios_path_override",
                    "there is no hardware of a PC to describe; the image is "
                    "started as it is"),
    CFG_REFUSED_KEY("firmware_override",
                    "there is no hardware of a PC to describe; the image is "
                    "started as it is"),
    CFG_REFUSED_KEY("acpi", "there is no hardware of a PC to describe; the "
                            "image is started as it is"),
    CFG_REFUSED_KEY("acpi_s3", "there is no hardware of a PC to describe; the "
                               "image is started as it is"),
    CFG_REFUSED_KEY("acpi_s4", "there is no hardware of a PC to describe; the "
                               "image is started as it is"),
    CFG_REFUSED_KEY("acpi_laptop_slate",
                    "there is no hardware of a PC to describe; the image is "
                    "started as it is"),
    CFG_REFUSED_KEY("acpi_firmware", "there is no hardware of a PC to "
                                     "describe; the image is started as it is"),
    CFG_REFUSED_KEY("smbios", "there is no hardware of a PC to describe; the "
                              "image is started as it is"),
    CFG_REFUSED_KEY("smbios_firmware",
                    "there is no hardware of a PC to describe; the image is "
                    "started as it is"),
    CFG_REFUSED_KEY("ms_vm_genid", "there is no hardware of a PC to describe; "
                                   "the image is started as it is"),
    CFG_REFUSED_KEY("apic", "there is no hardware of a PC to describe; the "
                            "image is started as it is"),
    CFG_REFUSED_KEY("hpet", "there is no hardware of a PC to describe; the "
                            "image is started as it is"),
    CFG_REFUSED_KEY("pae", "there is no hardware of a PC to describe; the "
                           "image is started as it is"),
    CFG_REFUSED_KEY("nx", "there is no hardware of a PC to describe; the image "
                          "is started as it is"),
    CFG_REFUSED_KEY("vpt_align", "there is no hardware of a PC to describe; "
                                 "the image is started as it is"),
    CFG_REFUSED_KEY("timer_mode", "there is no hardware of a PC to describe; "
                                  "the image is started as it is"),
    CFG_REFUSED_KEY("mmio_hole", "there is no hardware of a PC to describe; "
                                 "the image is started as it is"),
    CFG_REFUSED_KEY("xen_platform_pci",
                    "there is no hardware of a PC to describe; the image is "
                    "started as it is"),
    CFG_REFUSED_KEY("vendor_device", "there is no hardware of a PC to "
                                     "describe; the image is started as it is"),
    CFG_REFUSED_KEY("e820_host", "there is no hardware of a PC to describe; "
                                 "the image is started as it is"),
    CFG_REFUSED_KEY("viridian", "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("nestedhvm", "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("altp2m", "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("altp2mhvm", "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("hap", "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("oos", "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("shadow_memory", "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("pvh", "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("pvshim", "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("pvshim_path", "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("pvshim_cmdline", "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("pvshim_extra", "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("max_grant_frames",
                    "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("max_maptrack_frames",
                    "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("max_grant_version",
                    "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("max_event_channels",
                    "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("xend_suspend_evtchn_compat",
                    "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("init_seclabel", "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("claim_mode", "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("vnuma", "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("vpmu", "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("vmtrace_buf_kb", "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("pvcalls", "there is no Xen for the domain to see"),
    CFG_REFUSED_KEY("cpuid", "the processor is the machine's"),
    CFG_REFUSED_KEY("pci_permissive",
                    "devices of the host are not passed through"),
    CFG_REFUSED_KEY("pci_msitranslate",
                    "devices of the host are not passed through"),
    CFG_REFUSED_KEY("pci_seize", "devices of the host are not passed through"),
    CFG_REFUSED_KEY("pci_power_mgmt",
                    "devices of the host are not passed through"),
    CFG_REFUSED_KEY("rdm", "devices of the host are not passed through"),
    CFG_REFUSED_KEY("rdm_mem_boundary",
                    "devices of the host are not passed through"),
    CFG_REFUSED_KEY("passthrough",
                    "devices of the host are not passed through"),
    CFG_REFUSED_KEY("dtdev", "devices of the host are not passed through"),
    CFG_REFUSED_KEY("device_tree",
                    "devices of the host are not passed through"),
    CFG_REFUSED_KEY("ioports", "devices of the host are not passed through"),
    CFG_REFUSED_KEY("iomem", "devices of the host are not passed through"),
    CFG_REFUSED_KEY("irqs", "devices of the host are not passed through"),
    CFG_REFUSED_KEY("usb", "there are no USB devices"),
    CFG_REFUSED_KEY("usbversion", "there are no USB devices"),
    CFG_REFUSED_KEY("usbdevice", "there are no USB devices"),
    CFG_REFUSED_KEY("serial", "a domain has one console"),
    CFG_REFUSED_KEY("parallel", "a domain has one console"),
    CFG_REFUSED_KEY("soundhw", "there is no sound"),
    CFG_REFUSED_KEY("vkb_device",
                    "there is no keyboard: the console has input"),
    CFG_REFUSED_KEY("dm_restrict", "there is no device model"),
    CFG_REFUSED_KEY("device_model_override", "there is no device model"),
    CFG_REFUSED_KEY("device_model_stubdomain_override",
                    "there is no device model"),
    CFG_REFUSED_KEY("device_model_user", "there is no device model"),
    CFG_REFUSED_KEY("device_model_args", "there is no device model"),
    CFG_REFUSED_KEY("device_model_args_pv", "there is no device model"),
    CFG_REFUSED_KEY("device_model_args_hvm", "there is no device model"),
    CFG_REFUSED_KEY("stubdomain_memory", "there is no device model"),
    CFG_REFUSED_KEY("stubdomain_kernel", "there is no device model"),
    CFG_REFUSED_KEY("stubdomain_ramdisk", "there is no device model"),
    CFG_REFUSED_KEY("stubdomain_cmdline", "there is no device model"),
    CFG_REFUSED_KEY("bootloader_restrict", "there is no boot loader"),
    CFG_REFUSED_KEY("bootloader_user", "there is no boot loader"),
    CFG_REFUSED_KEY("gic_version", "domains run on x86-64 only"),
    CFG_REFUSED_KEY("vuart", "domains run on x86-64 only"),
    CFG_REFUSED_KEY("tee", "domains run on x86-64 only"),
    CFG_REFUSED_KEY("sve", "domains run on x86-64 only"),
    CFG_REFUSED_KEY("nr_spis", "domains run on x86-64 only"),
    CFG_REFUSED_KEY("arm_sci", "domains run on x86-64 only"),
    {0},
};

void config_init(struct domain_config *c)
{
    *c = (struct domain_config){.memory_mib = CONFIG_MEMORY_MIB, .vcpus = 1};
}

static const char *const actions[] = {
    [CONFIG_DESTROY] = "destroy",
    [CONFIG_RESTART] = "restart",
    [CONFIG_PRESERVE] = "preserve",
    [CONFIG_RENAME_RESTART] = "rename-restart",
    [CONFIG_COREDUMP_DESTROY] = "coredump-destroy",
    [CONFIG_COREDUMP_RESTART] = "coredump-restart",
};

int config_action(const char *value, enum config_action usual)
{
    if (!value)
        return usual;
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (!strcmp(actions[i], value))
            return (int)i;
    return -1;
}

static bool dumps(const char *value)
{
    int action = config_action(value, CONFIG_DESTROY);

    return action == CONFIG_COREDUMP_DESTROY ||
           action == CONFIG_COREDUMP_RESTART;
}

uint32_t config_core_ends(const struct domain_config *c)
{
    return (dumps(c->on_poweroff) ? HVC_CORE_POWEROFF : 0) |
           (dumps(c->on_reboot) ? HVC_CORE_REBOOT : 0) |
           (dumps(c->on_crash) ? HVC_CORE_CRASH : 0);
}

static int action_check(const char *path, const char *key, const char *value,
                        struct err *e)
{
    if (config_action(value, CONFIG_DESTROY) >= 0)
        return 0;
    if (!strcmp(value, "soft-reset"))
        return err_set(e, ENOTSUP,
                       "%s: %s = \"%s\": there is no soft reset; \"restart\" "
                       "starts the domain again",
                       path, key, value);
    return err_set(e, EINVAL,
                   "%s: %s is \"%s\"; it can be \"destroy\", \"restart\", "
                   "\"preserve\", \"rename-restart\", \"coredump-destroy\" or "
                   "\"coredump-restart\"",
                   path, key, value);
}

static int settings_check(const struct domain_config *c, const char *path,
                          struct err *e)
{
    if (action_check(path, "on_poweroff", c->on_poweroff, e) < 0 ||
        action_check(path, "on_reboot", c->on_reboot, e) < 0 ||
        action_check(path, "on_crash", c->on_crash, e) < 0)
        return -e->code;
    if (c->max_mib && c->max_mib < c->memory_mib)
        return err_set(e, EINVAL,
                       "%s: maxmem is %ld MiB, less than the memory of %ld",
                       path, (long)c->max_mib, (long)c->memory_mib);
    for (size_t i = 0; i < c->env.n; i++)
        if (!strchr(c->env.item[i], '='))
            return err_set(e, EINVAL, "%s:%d: env has \"%s\", not VAR=value",
                           path, c->env.line[i], c->env.item[i]);
    return 0;
}

int config_read(struct domain_config *c, const char *path, struct err *e)
{
    int r = cfg_read(path, keys, c, e);

    return r < 0 ? r : settings_check(c, path, e);
}

int config_override(struct domain_config *c, const char *setting, struct err *e)
{
    static const char from[] = "command line";
    const char *value = strchr(setting, '=');
    char text[EXTRA_MAX];
    int n;

    if (!value)
        return err_set(e, EINVAL, "%s: \"%s\" is not KEY=VALUE", from, setting);
    value += 1 + strspn(value + 1, " \t");
    n = snprintf(text, sizeof(text),
                 strchr("\"'[-0123456789", *value) && *value ? "%.*s%s"
                                                             : "%.*s\"%s\"",
                 (int)(strchr(setting, '=') + 1 - setting), setting, value);
    if (n < 0 || (size_t)n >= sizeof(text))
        return err_set(e, E2BIG, "%s: a setting has more than %d bytes", from,
                       EXTRA_MAX);
    n = cfg_parse(from, text, strlen(text), keys, c, e);
    return n < 0 ? n : settings_check(c, from, e);
}

int config_check_run(const struct domain_config *c, const char *path,
                     struct err *e)
{
    const struct {
        const char *key, *value;
    } ends[] = {{"on_poweroff", c->on_poweroff},
                {"on_reboot", c->on_reboot},
                {"on_crash", c->on_crash}};

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        int action = config_action(ends[i].value, CONFIG_DESTROY);

        if (action != CONFIG_DESTROY && action != CONFIG_COREDUMP_DESTROY)
            return err_set(e, EINVAL,
                           "%s: %s can be \"destroy\" or \"coredump-destroy\" "
                           "only without a node, not \"%s\"",
                           path, ends[i].key, ends[i].value);
    }
    if (c->max_mib || c->weight || c->cap)
        return err_set(e, EINVAL,
                       "%s: maxmem, cpu_weight and cap are of control groups, "
                       "which are a node's (hostel create)",
                       path);
    return 0;
}

void config_free(struct domain_config *c)
{
    cfg_free(keys, c);
}

static int add(struct hvc_prepare *p, const char *s, size_t len, struct err *e)
{
    if (len >= sizeof(p->cmdline) - p->cmdline_len)
        return err_set(e, E2BIG,
                       "arguments and environment have more than %zu bytes",
                       sizeof(p->cmdline));
    memcpy(p->cmdline + p->cmdline_len, s, len);
    p->cmdline[p->cmdline_len + len] = 0;
    p->cmdline_len += len + 1;
    return 0;
}

int config_add_argument(struct hvc_prepare *p, const char *s, struct err *e)
{
    p->argc++;
    return add(p, s, strlen(s), e);
}

int config_add_environment(struct hvc_prepare *p, const char *s, struct err *e)
{
    p->envc++;
    return add(p, s, strlen(s), e);
}
