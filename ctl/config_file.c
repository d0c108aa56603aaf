/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "error.h"

#define FILE_SIZE_MAX (64 * 1024 * 1024)

static int
failed(const char *path, int code, struct error *err)
{
	return error_set(err, code, "%.150s: %s", path, strerror(code));
}

int
file_read(const char *path, char **ret_text, struct error *err)
{
	const bool is_stdin = strcmp(path, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	char *text = NULL;
	size_t size = 0, len = 0, n;
	int ret = 0;

	if (file == NULL)
		return failed(path, errno, err);
	do {
		char *grown = len + 1 < size ? text : realloc(text, size = 2 * size + 4096);

		if (grown == NULL) {
			ret = failed(path, ENOMEM, err);
			break;
		}
		text = grown;
		errno = 0;
		n = fread(text + len, 1, size - len - 1, file);
		len += n;
		if (ferror(file))
			ret = failed(path, errno != 0 ? errno : EIO, err);
		else if (len > FILE_SIZE_MAX)
			ret = failed(path, EFBIG, err);
	} while (n > 0 && ret == 0);
	if (!is_stdin)
		fclose(file);
	if (ret == 0 && memchr(text, '\0', len) != NULL)
		ret = error_set(err, EINVAL, "%.150s: this is not a text file", path);
	if (ret < 0) {
		free(text);
		return ret;
	}
	text[len] = '\0';
	*ret_text = text;
	return 0;
}

int
file_check(const char *path, struct error *err)
{
	struct stat st;

	if (stat(path, &st) < 0 || S_ISREG(st.st_mode))
		return 0;
	if (S_ISDIR(st.st_mode))
		return failed(path, EISDIR, err);
	return error_set(err, EINVAL,
			 "%.150s: is a device or pipe, which would be replaced by a file; \"vsctl "
			 "config show\" prints what is configured",
			 path);
}

static int
write_all(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* So that the new name is on the disk, too. */
static int
folder_sync(const char *path)
{
	char folder[PATH_MAX];
	int fd, ret;

	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
	fd = open(folder[0] != '\0' ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
	close(fd);
	return ret;
}

/* The file that a path leads to, with all of its folders; it need not exist. */
static int
path_resolve(const char *path, char real[PATH_MAX])
{
	char folder[PATH_MAX];
	const char *name;
	struct stat st;

	if (realpath(path, real) != NULL)
		return 0;
	if (errno != ENOENT)
		return -errno;
	/* a link would be replaced by the file that it should lead to */
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return -ENOLINK;
	name = strrchr(path, '/');
	snprintf(folder, sizeof(folder), "%.*s", name != NULL ? (int)(name - path + 1) : 1,
		 name != NULL ? path : ".");
	name = name != NULL ? name + 1 : path;
	if (realpath(folder, real) == NULL)
		return -errno;
	if (strlen(real) + strlen(name) + 2 > PATH_MAX)
		return -ENAMETOOLONG;
	strcat(real, "/");
	strcat(real, name);
	return 0;
}

bool
file_is_same(const char *path, const char *other)
{
	char real[PATH_MAX], real_other[PATH_MAX];

	if (path_resolve(path, real) < 0 || path_resolve(other, real_other) < 0)
		return strcmp(path, other) == 0;
	return strcmp(real, real_other) == 0;
}

int
file_write(const char *path, const char *text, struct error *err)
{
	char real[PATH_MAX], temporary[PATH_MAX + 16];
	struct stat st;
	bool exists;
	int fd, ret = path_resolve(path, real);

	if (ret == -ENOLINK)
		return error_set(err, ENOLINK,
				 "%.150s: is a link to what is not there; make that, or remove the "
				 "link",
				 path);
	if (ret < 0)
		return failed(path, -ret, err);
	exists = stat(real, &st) == 0;
	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", real);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return failed(temporary, errno, err);
	if (fchmod(fd, exists ? st.st_mode & 07777 : 0644) < 0 ||
	    (exists && fchown(fd, st.st_uid, st.st_gid) < 0 && errno != EPERM))
		ret = -errno;
	if (ret == 0)
		ret = write_all(fd, text);
	close(fd);
	if (ret == 0 && rename(temporary, real) < 0)
		ret = -errno;
	if (ret < 0) {
		unlink(temporary);
		return failed(path, -ret, err);
	}
	ret = folder_sync(real);
	return ret < 0 ? failed(path, -ret, err) : 0;
}

int
config_file_read(const char *path, enum config_care care, struct config *ret_config,
		 struct error *err)
{
	struct config_faults faults = { .n = 0 };
	struct stat st;
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	int ret;

	if (file == NULL)
		return failed(path, errno, err);
	if (fstat(fileno(file), &st) == 0 && S_ISDIR(st.st_mode)) {
		fclose(file);
		return failed(path, EISDIR, err);
	}
	ret = config_check(file, path, care, ret_config, &faults);
	if (file != stdin)
		fclose(file);
	for (size_t i = 0; i < faults.n; i++)
		fprintf(stderr, "%s\n", faults.errors[i].msg);
	if (ret < 0)
		error_set(err, EINVAL, "%.150s: %zu error%s; nothing was done with it", path,
			  faults.n + faults.n_more, faults.n + faults.n_more == 1 ? "" : "s");
	config_faults_free(&faults);
	return ret;
}

json_t *
config_objects(const struct config *config)
{
	json_t *objects = json_array();
	char title[OBJECT_NAME_SIZE];

	for (size_t i = 0; i < config->n_sections; i++) {
		const struct object *object = &config->sections[i].object;
		const struct object_schema *schema = object->schema;
		json_t *keys = request_params(object);

		json_object_del(keys, "name");
		for (unsigned int j = 0; j < schema->n_keys; j++)
			if (schema->keys[j].in_title)
				json_object_del(keys, schema->keys[j].name);
		object_title(object, title);
		json_array_append_new(objects,
				      json_pack("{s:s, s:s*, s:o}", "kind", schema->kind, "name",
						title[0] != '\0' ? title : NULL, "keys", keys));
	}
	return objects;
}

static const char *
value_word(const json_t *value, char *number, size_t size)
{
	if (json_is_integer(value)) {
		snprintf(number, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return number;
	}
	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	return json_string_value(value);
}

static int
record_of(const json_t *json, struct record_list *list, struct error *err)
{
	const char *kind = json_string_value(json_object_get(json, "kind")), *name, *word;
	const struct object_schema *schema = kind != NULL ? schema_find(kind) : NULL;
	struct record *record;
	struct object object;
	char number[32], title[OBJECT_NAME_SIZE];
	json_t *value;
	int ret = 0;

	if (schema == NULL)
		return error_set(err, EPROTO, "vswitchd knows of kinds that this vsctl does not");
	object_init(&object, schema);
	name = json_string_value(json_object_get(json, "name"));
	if (name != NULL)
		ret = object_set_title(&object, name, err);
	json_object_foreach(json_object_get(json, "keys"), name, value) {
		word = value_word(value, number, sizeof(number));
		if (ret == 0 && word != NULL)
			ret = object_set(&object, VERB_CONFIG, name, word, err);
	}
	if (ret < 0)
		return ret;
	record = record_new(schema, object_title(&object, title));
	record_merge(record, &object);
	TAILQ_INSERT_TAIL(list, record, list);
	return 0;
}

int
records_read(const json_t *objects, struct record_list *list, struct error *err)
{
	const json_t *object;
	size_t i;
	int ret;

	json_array_foreach(objects, i, object) {
		ret = record_of(object, list, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}
