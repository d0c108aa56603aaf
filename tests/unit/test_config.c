/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"
#include "error.h"

static int
read_text(const char *text, size_t size, struct config *config, struct error *err)
{
	FILE *file = tmpfile();
	int ret;

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	rewind(file);
	ret = config_read(file, "vswitch.conf", config, err);
	fclose(file);
	return ret;
}

static void
test_good(void **state)
{
	static const char text[] = "# comment\n"
				   "[vswitchd]\n"
				   "workers = 2 ; inline\n"
				   "cores=1-2\r\n"
				   "\n"
				   "[ bridge   xenbr0 ]  ; all defaults\n"
				   "[bridge br1]\n"
				   "\tageing = 10\n"
				   "\tfdb_limit = 5\n"
				   "[port p0]\n"
				   "bridge = xenbr0\n"
				   "devargs = net_pcap0,rx_pcap=/a.pcap,tx_pcap=/b.pcap\n"
				   "vid = none";
	const struct config_section *section;
	struct config config;
	struct error err;

	if (read_text(text, sizeof(text) - 1, &config, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(config.n_sections, 4);

	section = config_next(&config, &vswitchd_schema, NULL);
	assert_int_equal(section->object.values[VSWITCHD_KEY_WORKERS].number, 2);
	assert_string_equal(section->object.values[VSWITCHD_KEY_CORES].text, "1-2");
	assert_null(config_next(&config, &vswitchd_schema, section));

	section = config_next(&config, &bridge_schema, NULL);
	assert_string_equal(section->object.name, "xenbr0");
	assert_int_equal(section->line, 6);
	assert_int_equal(section->object.values[BRIDGE_KEY_AGEING].number, 300);
	section = config_next(&config, &bridge_schema, section);
	assert_string_equal(section->object.name, "br1");
	assert_int_equal(section->object.values[BRIDGE_KEY_AGEING].number, 10);
	assert_int_equal(section->object.values[BRIDGE_KEY_FDB_LIMIT].number, 5);
	assert_null(config_next(&config, &bridge_schema, section));

	section = config_next(&config, &port_schema, NULL);
	assert_string_equal(section->object.values[PORT_KEY_DEVARGS].text,
			    "net_pcap0,rx_pcap=/a.pcap,tx_pcap=/b.pcap");
	config_free(&config);
	config_free(&config);
}

/* A byte order mark, and lines that end as on Windows. */
static void
test_bom(void **state)
{
	static const char *const good[] = {
		"\xEF\xBB\xBF[bridge br1]\r\nageing = 10\r\n",
		"\xEF\xBB\xBF# comment\r\n[bridge br1]\r\nageing = 10",
		"\xEF\xBB\xBF\n[bridge br1]\nageing = 10\n",
	};
	struct config config;
	struct error err;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (read_text(good[i], strlen(good[i]), &config, &err) < 0)
			fail_msg("%s", err.msg);
		assert_int_equal(config.n_sections, 1);
		assert_int_equal(config.sections[0].object.values[BRIDGE_KEY_AGEING].number, 10);
		config_free(&config);
	}
	assert_true(read_text("\n\xEF\xBB\xBF[bridge br1]\n", 18, &config, &err) < 0);
}

/* What is right by itself and wrong beside the rest: all of it, each with the line of its key. */
static void
test_names(void **state)
{
	static const char *const texts[] = {
		"[bridge b1]\n"
		"[bridge b2]\n"
		"[port p1]\n"
		"bridge = b1\n"
		"[port t1]\n"
		"bridge = b1\n"
		"type = tap\n"
		"[addr 10.0.0.1/24]\n"
		"port = p1\n" /* 9: on a bridge */
		"[addr 10.0.1.1/24]\n"
		"bridge = b3\n" /* 11 */
		"[addr 10.0.2.1/24]\n"
		"port = p3\n" /* 13 */
		"[fdb b2 02:00:00:00:00:01]\n"
		"port = p1\n" /* 15: on another one */
		"[fdb b1 02:00:00:00:00:01]\n"
		"port = vif1.0\n" /* guests come and go */
		"[nat a]\n"
		"masquerade = b1.100\n"
		"[nat b]\n"
		"snat = 192.0.2.1\n"
		"out = b4.100\n" /* 22 */
		"[mirror m]\n"
		"port = p5\n" /* 24 */
		"to = vif2.0\n"
		"[bond o1]\n"
		"bridge = b1\n"
		"members = e1,e2\n"
		"[bond o2]\n"
		"members = e2,p1\n" /* 30: twice */
		"bridge = b1\n"
		"[port e3]\n"
		"bridge = b1\n"
		"adopt = t1\n"
		"[port e4]\n"
		"bridge = b1\n"
		"adopt = t1\n" /* 37 */
		"[route 10.9.0.0/16]\n"
		"port = o1\n",
		"[bridge b1]\n"
		"stp-priority = 5000\n" /* 1 */
		"[bridge b2]\n"         /* 3 */
		"stp = rstp\n"
		"max-age = 40\n"
		"[bridge b3]\n" /* 6 */
		"query-interval = 5\n"
		"[port p1]\n" /* 8 */
		"bridge = b1\n"
		"vid = 5\n"
		"trunk = 10\n"
		"[port p2]\n" /* 12 */
		"bridge = b1\n"
		"stp-priority = 17\n"
		"[addr 10.0.0.255/24]\n" /* 15 */
		"bridge = b1\n"
		"[route 10.1.0.1/16]\n" /* 17 */
		"blackhole = yes\n"
		"[fdb b1 03:00:00:00:00:01]\n" /* 19 */
		"port = p1\n",
	};
	static const unsigned int lines[][12] = {
		{ 9, 11, 13, 15, 22, 24, 30, 30, 37 },
		{ 1, 3, 6, 8, 12, 15, 17, 19 },
	};
	struct config_faults faults = { .n = 0 };
	struct config config;
	struct error err;
	unsigned int line;
	FILE *file;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		file = fmemopen((void *)(uintptr_t)texts[i], strlen(texts[i]), "r");
		assert_true(config_check(file, "f", CONFIG_CARE_ALL, NULL, &faults) < 0);
		fclose(file);
		for (size_t j = 0; j < faults.n; j++) {
			assert_int_equal(sscanf(faults.errors[j].msg, "f:%u: ", &line), 1);
			if (line != lines[i][j])
				fail_msg("%s: not in line %u", faults.errors[j].msg, lines[i][j]);
		}
		assert_int_equal(lines[i][faults.n], 0);
		config_faults_free(&faults);
	}
	/* vswitchd knows what is there */
	assert_int_equal(read_text(texts[0], strlen(texts[0]), &config, &err), 0);
	config_free(&config);
}

/* All faults that config_check() finds, "LINE: MESSAGE" each; NULL ends them. */
static void
faults_are(const char *text, const char *const *expected)
{
	struct config_faults faults = { .n = 0 };
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");

	config_check(file, "f", CONFIG_CARE_ALL, NULL, &faults);
	fclose(file);
	for (size_t i = 0; i < faults.n; i++) {
		if (*expected == NULL)
			fail_msg("more: %s", faults.errors[i].msg);
		assert_memory_equal(faults.errors[i].msg, *expected, strlen(*expected));
		expected++;
	}
	assert_null(*expected);
	config_faults_free(&faults);
}

#define FAULTS_ARE(text, ...) faults_are(text, (const char *const[]){ __VA_ARGS__, NULL })

/* A rule of NAT has a way out, or that of another one. */
static void
test_nat_out(void **state)
{
	static const char text[] = "[port p]\nbridge=none\n[nat web]\ndnat=tcp 80 -> 10.0.0.2\n"
				   "[nat pool]\nsnat=192.0.2.1\n";
	struct config config;
	struct error err;

	FAULTS_ARE(text, "f:3: nat web: out is missing: the routed port, or bridge, on the outside",
		   "f:5: nat pool: out is missing");
	/* vswitchd starts with it all the same: there may have been one when they were made */
	assert_int_equal(read_text(text, strlen(text), &config, &err), 0);
	config_free(&config);
	FAULTS_ARE("[port p]\nbridge=none\n[nat web]\ndnat=tcp 80 -> 10.0.0.2\nout=p\n", NULL);
	FAULTS_ARE("[port p]\nbridge=none\n[nat web]\ndnat=tcp 80 -> 10.0.0.2\n"
		   "[nat host]\nmasquerade=p\n",
		   NULL);
	/* that one was meant to */
	FAULTS_ARE("[port p]\nbridge=none\n[nat web]\ndnat=tcp 80 -> 10.0.0.2\n"
		   "[nat host]\nmasqerade=p\n",
		   "f:6: nat host: unknown key 'masqerade'");
	FAULTS_ARE("[nat web]\ndnat=tcp 80 -> 10.0.0.2\n[nat host]\n",
		   "f:3: nat host: what does it do?");
	/* and this one itself has one, of which more was said */
	FAULTS_ARE("[nat web]\ndnat=tcp 80 -> 10.0.0.2\nout=a b\n", "f:3: nat web: out: ");
}

/* A port's section says where a bond is, the bond's only if that one does not. */
static void
test_bond_bridge(void **state)
{
#define BOND "[bridge b]\n[bond o]\nmembers=e1\nbridge=b\n"
#define FDB "[fdb b 02:00:00:00:00:01]\nport=o\n"
#define ADDR "[addr 10.0.0.1/24]\nport=o\n"
	FAULTS_ARE(BOND FDB, NULL);
	FAULTS_ARE(BOND ADDR, "f:6: addr 10.0.0.1/24: port o is on bridge b;");
	FAULTS_ARE(BOND "[port o]\nbridge=none\n" ADDR, NULL);
	FAULTS_ARE(BOND "[port o]\nbridge=none\n" FDB, "f:8: fdb b: port o is not on this bridge");
	FAULTS_ARE(BOND "[bridge c]\n[port o]\nbridge=c\n" FDB,
		   "f:9: fdb b: port o is not on this bridge");
#undef BOND
#undef FDB
#undef ADDR
}

/* What follows from a fault that is told is not told. */
static void
test_no_news(void **state)
{
#define FDB "[fdb b 02:00:00:00:00:01]\nport=p\n"
	FAULTS_ARE("[bridge b]\n[port p]\nbridge=b b\n" FDB, "f:3: port p: bridge: ");
	FAULTS_ARE("[bridge b]\n[port p]\nbrigde=b\n" FDB, "f:3: port p: unknown key 'brigde'");
	FAULTS_ARE("[bridge b]\n[port p]\nbridge b\n" FDB, "f:3: this is neither KEY = VALUE",
		   "f:2: port p: bridge is missing");
	FAULTS_ARE("[bridge b]\n[port p]\nmtu=1500\n" FDB, "f:2: port p: bridge is missing");
	FAULTS_ARE("[bridge b]\n[port p]\nbridge=c\n" FDB, "f:3: port p: there is no section");
	FAULTS_ARE("[bridge b]\n[bond p]\nmembers=e\nbrigde=b\n" FDB,
		   "f:4: bond p: unknown key 'brigde'");
	/* which ports are its members? */
	FAULTS_ARE("[bridge b]\n[bond o]\nmembers=e1 p\nbridge=b\n" FDB
		   "[mirror m]\nport=e1\nto=e2\n",
		   "f:3: bond o: members: ");
	FAULTS_ARE("[bridge b]\n[bond o]\nmembers e1,e2\n[route 10.0.0.0/8]\nport=e1\n",
		   "f:3: this is neither KEY = VALUE", "f:2: bond o: members is missing");
	/* but of a bond whose members are known */
	FAULTS_ARE("[bond o]\nmembers=e1\nmode=x\n[route 10.0.0.0/8]\nport=e2\n",
		   "f:3: bond o: mode: ", "f:5: route 10.0.0.0/8: port: there is no section");
	FAULTS_ARE("[port t]\nbridge=none\ntype=tapp\n[port p]\nbridge=none\nadopt=t\n",
		   "f:3: port t: type: ");
#undef FDB
}

static void
test_empty(void **state)
{
	struct config config;
	struct error err;

	assert_int_equal(read_text("", 0, &config, &err), 0);
	assert_int_equal(config.n_sections, 0);
	assert_null(config_next(&config, &port_schema, NULL));
	config_free(&config);
}

static void
test_bad(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "[bridge b]\nageing = 300\nagein = 3\n",
		  "vswitch.conf:3: bridge b: unknown key 'agein'; did you mean 'ageing'?" },
		{ "[bridge b]\nageing = soon\n",
		  "vswitch.conf:2: bridge b: ageing: 'soon' is not a number of seconds from 0 to "
		  "1000000" },
		{ "[bridge b]\nageing = 1\n  ageing = 2\n",
		  "vswitch.conf:3: bridge b: ageing is given twice" },
		{ "[bridge b]\n[port p]\nbridge=b\n[bridge b]\n",
		  "vswitch.conf:4: [bridge b] is given twice, first in line 1" },
		{ "[vswitchd]\n[vswitchd]\n",
		  "vswitch.conf:2: [vswitchd] is given twice, first in line 1" },
		{ "\n[brigde b]\n",
		  "vswitch.conf:2: unknown section 'brigde'; did you mean 'bridge'?" },
		{ "[stats b]\n",
		  "vswitch.conf:1: unknown section 'stats'; known: [vswitchd], "
		  "[bridge NAME], [port NAME], [bond NAME], [addr IP/LEN], [route IP/LEN], "
		  "[neigh IP], [nat NAME], [nat-table], [fdb NAME MAC], [network IP/LEN], "
		  "[mirror NAME], [metrics]" },
		{ "[fdb b]\n", "vswitch.conf:1: [fdb b] lacks the address: [fdb b MAC]" },
		{ "[bridge b]\n[fdb b 02:00:00:00:00:aa 5]\nport=p\n"
		  "[fdb b 02:00:00:00:00:AA 5]\nport=p\n",
		  "vswitch.conf:4: [fdb b 02:00:00:00:00:AA 5] is given twice, first in line 2" },
		{ "[bridge]\n", "vswitch.conf:1: [bridge] needs a name: [bridge NAME]" },
		{ "[bridge a b]\n", "vswitch.conf:1: bridge: 'a b' is not a name of 1-15 letters, "
				    "digits or . _ - + @ ~" },
		{ "[vswitchd x]\n", "vswitch.conf:1: vswitchd: takes no name, but got 'x'" },
		{ "[bridge b\n", "vswitch.conf:1: ']' is missing after the section's name" },
		{ "[bridge b] x\n", "vswitch.conf:1: there is text after ']'" },
		{ "ageing = 3\n", "vswitch.conf:1: a key needs a section above it, such as "
				  "[bridge NAME]" },
		{ "[bridge b]\n\nnonsense\n",
		  "vswitch.conf:3: this is neither KEY = VALUE nor a [section]" },
		{ "[bridge b]\n[port p]\nmtu = 1500\n",
		  "vswitch.conf:2: port p: bridge is missing: the bridge that the port is on, "
		  "or none" },
		{ "[port p]\nbridge = b\n",
		  "vswitch.conf:2: port p: there is no section [bridge b]" },
		{ "[bridge b]\n[port e]\nbridge = b\nadopt = b\n[port b]\nbridge = b\n",
		  "vswitch.conf:4: port e: adopt: there is no section [port b] with type = tap" },
		{ "[bridge b]\n[port e]\nbridge = b\nadopt = b\ntype = tap\n",
		  "vswitch.conf:2: port e: adopt is for type netdev, not tap" },
		{ "[bridge b]\n[port p]\nbridge = b\ntype = tap\ndevargs = x\n",
		  "vswitch.conf:2: port p: devargs are for type eth, not tap" },
		{ "[bridge b]\n[port p]\nbridge = b\ndevargs = net_pcap0,rx_pcap=a\n",
		  "vswitch.conf:2: port p: devargs: the path 'a' is not absolute" },
		{ "[bridge b]\nageing = 60 # short\n",
		  "vswitch.conf:2: bridge b: ageing: '60 # short' is not a number of seconds "
		  "from 0 to 1000000; a comment behind a value begins with ;" },
		{ "[bridge none]\n", "vswitch.conf:1: bridge: 'none' is no name: it says that "
				     "there is none, as in \"bridge none\"" },
		{ "[vswitchd]\n\ncores = 1-2,2\n",
		  "vswitch.conf:3: vswitchd: cores: '1-2,2' is not a list of cores 0-1023, each "
		  "once, such as 1-3,5" },
		{ "[bridge b]\n[port vif1.0]\nbridge = b\n",
		  "vswitch.conf:2: port vif1.0: a guest's vif is attached by its xl.cfg, not "
		  "here" },
		{ "[bridge b]\n[port p]\nbridge = b\ntype = vif\n",
		  "vswitch.conf:2: port p: a guest's vif is attached by its xl.cfg, not here" },
	};
	struct config config = { .n_sections = 77 };
	struct error err;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(read_text(cases[i].text, strlen(cases[i].text), &config, &err) < 0);
		assert_string_equal(err.msg, cases[i].message);
		assert_int_equal(config.n_sections, 77);
	}
}

static void
test_odd_bytes(void **state)
{
	char text[1100] = "[bridge b]\nageing=";
	size_t len = strlen(text);
	struct config config;
	struct error err;

	assert_int_equal(read_text("[bridge b]\nage\0ing=3\n", 21, &config, &err), -EINVAL);
	assert_string_equal(err.msg, "vswitch.conf:2: this is not a text file");
	memset(text + len, '1', sizeof(text) - len);
	assert_int_equal(read_text(text, sizeof(text), &config, &err), -EINVAL);
	assert_string_equal(err.msg, "vswitch.conf:2: the line is longer than 1021 characters");
}

/* Faults that show only when a value is used are told with its line, too. */
static void
test_later_faults(void **state)
{
	static const char text[] = "\n[vswitchd]\nworkers = 1\n\ncores = 1\n";
	const struct config_section *section;
	struct config config;
	struct error err;

	assert_int_equal(read_text(text, sizeof(text) - 1, &config, &err), 0);
	section = config_next(&config, &vswitchd_schema, NULL);
	error_set(&err, ENOMEM, "x");
	assert_int_equal(config_fault(&config, section, VSWITCHD_KEY_CORES, &err), -ENOMEM);
	assert_string_equal(err.msg, "vswitch.conf:5: x");
	error_set(&err, ENOMEM, "x");
	config_fault(&config, section, VSWITCHD_KEY_MEMORY, &err);
	assert_string_equal(err.msg, "vswitch.conf:2: x");
	error_set(&err, ENOMEM, "x");
	config_fault(&config, section, CONFIG_NO_KEY, &err);
	assert_string_equal(err.msg, "vswitch.conf:2: x");
	error_set(&err, ENOMEM, "x");
	config_fault(&config, NULL, VSWITCHD_KEY_CORES, &err);
	assert_string_equal(err.msg, "x");
	config_free(&config);
}

/* The longest legal value and the longest legal line arrive whole. */
static void
test_line_limit(void **state)
{
	char text[1200] = "[bridge b]\n[port p]\nbridge=b\n";
	size_t head = strlen(text), len = 255;
	struct config config;
	struct error err;

	strcat(text, "devargs=");
	memset(text + head + strlen("devargs="), 'x', CONFIG_LINE_MAX);
	memcpy(text + head + strlen("devargs=") + len, " ; ", 3);
	text[head + CONFIG_LINE_MAX] = '\n';
	text[head + CONFIG_LINE_MAX + 1] = '\0';
	if (read_text(text, strlen(text), &config, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(strlen(config_next(&config, &port_schema, NULL)
					->object.values[PORT_KEY_DEVARGS]
					.text),
			 len);
	config_free(&config);

	text[head + CONFIG_LINE_MAX] = 'x';
	text[head + CONFIG_LINE_MAX + 1] = '\n';
	text[head + CONFIG_LINE_MAX + 2] = '\0';
	assert_int_equal(read_text(text, strlen(text), &config, &err), -EINVAL);
}

/* As many as there may be; each is found again, by its kind and name. */
static void
test_many(void **state)
{
	const int n = 16384;
	struct config config;
	struct error err;
	FILE *file = tmpfile();
	int i;

	for (i = 0; i < n / 2; i++)
		fprintf(file, "[port p%d]\nbridge = p%d\n[bridge p%d]\n", i, i, i);
	rewind(file);
	assert_int_equal(config_read(file, "x", &config, &err), 0);
	assert_int_equal(config.n_sections, n);
	assert_string_equal(config.sections[n - 2].object.name, "p8191");
	assert_int_equal(config.sections[n - 1].line, 3 * n / 2);
	config_free(&config);

	fseek(file, 0, SEEK_END);
	fputs("[bridge p77]\n", file);
	rewind(file);
	assert_int_equal(config_read(file, "x", &config, &err), -EEXIST);
	assert_string_equal(err.msg, "x:24577: [bridge p77] is given twice, first in line 234");
	fclose(file);
}

static void
test_too_many(void **state)
{
	struct config config;
	struct error err;
	FILE *file = tmpfile();

	for (int i = 0; i <= 16384; i++)
		fprintf(file, "[bridge b%d]\n", i);
	rewind(file);
	assert_int_equal(config_read(file, "x", &config, &err), -E2BIG);
	assert_string_equal(err.msg, "x:16385: more than 16384 sections");
	fclose(file);
}

static void
test_files(void **state)
{
	struct config config;
	struct error err;

	assert_int_equal(config_load("/nonexistent/vswitch.conf", &config, &err), -ENOENT);
	assert_string_equal(err.msg, "/nonexistent/vswitch.conf: No such file or directory");
	assert_int_equal(config_load("/", &config, &err), -EISDIR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),         cmocka_unit_test(test_bom),
		cmocka_unit_test(test_empty),        cmocka_unit_test(test_bad),
		cmocka_unit_test(test_odd_bytes),    cmocka_unit_test(test_line_limit),
		cmocka_unit_test(test_many),         cmocka_unit_test(test_files),
		cmocka_unit_test(test_later_faults), cmocka_unit_test(test_names),
		cmocka_unit_test(test_too_many),     cmocka_unit_test(test_nat_out),
		cmocka_unit_test(test_bond_bridge),  cmocka_unit_test(test_no_news),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
