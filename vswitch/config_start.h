/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Config start: what a configuration file describes is made when vswitchd starts. Later changes are
 * transactions (transaction.h).
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_CONFIG_START_H
#define VSWITCH_CONFIG_START_H

struct config;
struct error;
struct vswitch;

/**
 * config_apply() - make the bridges, ports and bonds that a configuration names
 * @config: checked configuration
 * @sw: switch that has none of them yet
 * @err: names the section that could not be made
 *
 * Sections are made in the order: bridges, ports, bonds, and what [port NAME] says of a bond. At
 * the first that fails, those made before are removed again. A kernel interface that is not there
 * (yet) is no failure: its port is down.
 *
 * Return: 0 or -errno. Context: control.
 */
int config_apply(const struct config *config, struct vswitch *sw, struct error *err);

#endif /* VSWITCH_CONFIG_START_H */
