#include "proxy/base/counter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proxy/base/counter_table.h"

enum {
	ALL_WORKERS = -1,
	MAX_ZEROS =
		64, /* a family with more possible series is printed without those that are 0 */
};

/* One family, while it is printed. */
struct page {
	struct buf *buf;
	const struct counter_family *family;
	const struct counters *const *per_worker;
	unsigned n_workers;
	enum counter counter;
};

static const char *type_text(enum counter_type type, bool is_openmetrics)
{
	switch (type) {
	case COUNTER_TYPE_COUNTER:
		return "counter";
	case COUNTER_TYPE_GAUGE:
		return "gauge";
	case COUNTER_TYPE_HISTOGRAM:
		return "histogram";
	case COUNTER_TYPE_INFO:
		return is_openmetrics ? "info" : "gauge";
	}
	return "unknown";
}

/* OpenMetrics names a family without the suffix that its samples carry. */
static size_t family_name_len(const struct counter_family *family, bool is_openmetrics)
{
	size_t len = strlen(family->name);

	if (!is_openmetrics)
		return len;
	if (family->type == COUNTER_TYPE_COUNTER)
		return len - strlen("_total");
	if (family->type == COUNTER_TYPE_INFO)
		return len - strlen("_info");
	return len;
}

void counter_print_head(struct buf *buf, enum counter counter, bool is_openmetrics)
{
	const struct counter_family *family = counter_family(counter);
	int len = (int)family_name_len(family, is_openmetrics);

	buf_printf(buf, "# HELP %.*s %s\n", len, family->name, family->help);
	buf_printf(buf, "# TYPE %.*s %s\n", len, family->name,
		   type_text(family->type, is_openmetrics));
}

/* Both formats escape the same three characters, and nothing else. */
static void add_label(struct buf *buf, const char *name, const char *value, bool is_first)
{
	buf_printf(buf, "%s%s=\"", is_first ? "{" : ",", name);
	for (; *value; value++) {
		if (*value == '\n')
			buf_puts(buf, "\\n");
		else if (*value == '"' || *value == '\\')
			buf_printf(buf, "\\%c", *value);
		else
			buf_add(buf, value, 1);
	}
	buf_puts(buf, "\"");
}

void counter_print_sample(struct buf *buf, enum counter counter,
			  const char *const *label_values, double value)
{
	const struct counter_family *family = counter_family(counter);
	unsigned n_labels = counter_n_labels(family);

	buf_puts(buf, family->name);
	for (unsigned i = 0; i < n_labels; i++)
		add_label(buf, family->labels[i]->name, label_values[i], i == 0);
	buf_printf(buf, "%s %.15g\n", n_labels ? "}" : "", value);
}

/* Adds the labels of the series-th combination; worker and le only where they are given. The
 * last label's list runs fastest, as in counter_add4. */
static void add_labels(const struct page *page, unsigned series, int worker, const char *le)
{
	unsigned n_labels = counter_n_labels(page->family),
		 left = counter_n_series(page->family);
	char out[COUNTER_VALUE_SIZE], number[16];
	bool is_first = true;

	for (unsigned i = 0; i < n_labels; i++, is_first = false) {
		const struct counter_label *label = page->family->labels[i];
		left /= label->n;
		add_label(page->buf, label->name,
			  label->value(label, series / left % label->n, out), is_first);
	}
	if (worker != ALL_WORKERS) {
		snprintf(number, sizeof(number), "%d", worker);
		add_label(page->buf, "worker", number, is_first);
		is_first = false;
	}
	if (le) {
		add_label(page->buf, "le", le, is_first);
		is_first = false;
	}
	buf_puts(page->buf, is_first ? " " : "} ");
}

static int64_t read_slot(const struct page *page, unsigned series, unsigned slot, int worker)
{
	size_t place = (size_t)series * counter_n_slots(page->family) + slot;
	int64_t sum = 0;

	for (unsigned w = 0; w < page->n_workers; w++) {
		const struct counters *counters = page->per_worker[w];
		if (worker == ALL_WORKERS || (unsigned)worker == w)
			sum += atomic_load_explicit(
				&counters->values[counters->first[page->counter] + place],
				memory_order_relaxed);
	}
	return sum;
}

static void print_series(const struct page *page, unsigned series)
{
	int64_t value = read_slot(page, series, 0, ALL_WORKERS);

	if (value == 0 && counter_n_series(page->family) > MAX_ZEROS)
		return;
	buf_puts(page->buf, page->family->name);
	add_labels(page, series, ALL_WORKERS, NULL);
	buf_printf(page->buf, "%" PRId64 "\n", value);
}

/* A bound in seconds, as a float that says that it is one. */
static void bound_text(uint64_t us, char *out, size_t size)
{
	snprintf(out, size, "%.6g", (double)us / 1e6);
	if (!strchr(out, '.') && !strchr(out, 'e'))
		snprintf(out, size, "%.1f", (double)us / 1e6);
}

static void print_histogram(const struct page *page, unsigned series, int worker)
{
	const uint64_t *bounds_us = page->family->bounds_us;
	unsigned n_slots = counter_n_slots(page->family);
	int64_t n = 0;
	char le[32];

	for (unsigned slot = 0; slot < n_slots - 1; slot++) {
		n += read_slot(page, series, slot, worker);
		if (bounds_us[slot])
			bound_text(bounds_us[slot], le, sizeof(le));
		else
			snprintf(le, sizeof(le), "+Inf");
		buf_printf(page->buf, "%s_bucket", page->family->name);
		add_labels(page, series, worker, le);
		buf_printf(page->buf, "%" PRId64 "\n", n);
	}
	/* The count is that of the last bucket, so that the two agree whatever was counted
	 * meanwhile. */
	buf_printf(page->buf, "%s_count", page->family->name);
	add_labels(page, series, worker, NULL);
	buf_printf(page->buf, "%" PRId64 "\n", n);
	buf_printf(page->buf, "%s_sum", page->family->name);
	add_labels(page, series, worker, NULL);
	buf_printf(page->buf, "%.6f\n",
		   (double)read_slot(page, series, n_slots - 1, worker) / 1e6);
}

static bool has_observations(const struct page *page, unsigned series)
{
	for (unsigned slot = 0; slot < counter_n_slots(page->family) - 1; slot++) {
		if (read_slot(page, series, slot, ALL_WORKERS))
			return true;
	}
	return false;
}

static void print_family(const struct page *page)
{
	unsigned n_series = counter_n_series(page->family);

	if (page->counter == COUNTER_LOOP_LAG) {
		for (unsigned worker = 0; worker < page->n_workers; worker++)
			print_histogram(page, 0, (int)worker);
		return;
	}
	for (unsigned series = 0; series < n_series; series++) {
		if (page->family->type != COUNTER_TYPE_HISTOGRAM)
			print_series(page, series);
		else if (has_observations(page, series))
			print_histogram(page, series, ALL_WORKERS);
	}
}

void counters_print(struct buf *buf, const struct counters *const *per_worker,
		    unsigned n_workers, bool is_openmetrics)
{
	for (int i = 0; i < N_COUNTERS; i++) {
		const struct page page = { .buf = buf,
					   .family = counter_family((enum counter)i),
					   .per_worker = per_worker,
					   .n_workers = n_workers,
					   .counter = (enum counter)i };
		if (page.family->is_callers)
			continue;
		counter_print_head(buf, page.counter, is_openmetrics);
		print_family(&page);
	}
}

void counter_print_end(struct buf *buf, bool is_openmetrics)
{
	if (is_openmetrics)
		buf_puts(buf, "# EOF\n");
}
