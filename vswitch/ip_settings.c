/* SPDX-License-Identifier: BSD-3-Clause */
#include "ip_settings.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "log.h"

#define PATH_SIZE 320
#define TEXT_SIZE 32 /* numbers */
#define CHANGES_MAX 128

#define RP_FILTER_LOOSE 2

struct ip_settings {
	unsigned int n;
	struct {
		char path[PATH_SIZE];
		char old[TEXT_SIZE];
	} changes[CHANGES_MAX];
};

/* What belongs to the link, to this interface alone, or is an order rather than a setting. */
static const char *const others[] = { "mtu", "stable_secret" };

static int
text_read(const char *path, char text[TEXT_SIZE])
{
	FILE *file = fopen(path, "re");
	int ret;

	if (file == NULL)
		return -errno;
	ret = fgets(text, TEXT_SIZE, file) != NULL ? 0 : -EIO;
	fclose(file);
	return ret;
}

static int
text_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	int ret = 0;

	if (file == NULL)
		return -errno;
	if (fputs(text, file) < 0)
		ret = -EIO;
	if (fclose(file) != 0)
		ret = -errno;
	return ret;
}

static void
setting_copy(struct ip_settings *settings, const char *family, const char *from, const char *to,
	     const char *key)
{
	char path[PATH_SIZE], wanted[TEXT_SIZE], old[TEXT_SIZE];
	int ret;

	for (size_t i = 0; i < RTE_DIM(others); i++)
		if (strcmp(others[i], key) == 0)
			return;
	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, from, key);
	if (text_read(path, wanted) < 0)
		return;
	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, to, key);
	if (text_read(path, old) < 0 || strcmp(old, wanted) == 0 || settings->n == CHANGES_MAX)
		return;
	ret = text_write(path, wanted);
	if (ret < 0) {
		log_line(LOG_WARNING, "%s: cannot set net.%s.conf.%s.%s as %s has it: %s", to,
			 family, to, key, from, strerror(-ret));
		return;
	}
	snprintf(settings->changes[settings->n].path, PATH_SIZE, "%s", path);
	snprintf(settings->changes[settings->n++].old, TEXT_SIZE, "%s", old);
}

struct ip_settings *
ip_settings_copy(const char *from, const char *to)
{
	static const char *const families[] = { "ipv4", "ipv6" };
	struct ip_settings *settings = calloc(1, sizeof(*settings));
	char path[PATH_SIZE];
	struct dirent *entry;
	DIR *dir;

	for (size_t i = 0; settings != NULL && i < RTE_DIM(families); i++) {
		snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s", families[i], from);
		dir = opendir(path);
		while (dir != NULL && (entry = readdir(dir)) != NULL)
			if (entry->d_name[0] != '.')
				setting_copy(settings, families[i], from, to, entry->d_name);
		if (dir != NULL)
			closedir(dir);
	}
	return settings;
}

void
ip_settings_undo(struct ip_settings *settings)
{
	while (settings != NULL && settings->n > 0) {
		settings->n--;
		text_write(settings->changes[settings->n].path, settings->changes[settings->n].old);
	}
	ip_settings_free(settings);
}

void
ip_settings_free(struct ip_settings *settings)
{
	free(settings);
}

int
ip_settings_relax(const char *name)
{
	char path[PATH_SIZE], old[TEXT_SIZE], loose[TEXT_SIZE];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", name);
	snprintf(loose, sizeof(loose), "%d\n", RP_FILTER_LOOSE);
	if (text_read(path, old) < 0 || strcmp(old, loose) == 0 || text_write(path, loose) < 0)
		return -1;
	return atoi(old);
}

void
ip_settings_restore(const char *name, int old)
{
	char path[PATH_SIZE], text[TEXT_SIZE];

	if (old < 0)
		return;
	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", name);
	snprintf(text, sizeof(text), "%d\n", old);
	text_write(path, text);
}
