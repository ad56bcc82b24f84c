#include "proxy/base/log_limit.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/addr.h"
#include "proxy/base/random.h"
#include "proxy/base/text.h"

enum { N_SETS = 256, N_WAYS = 4, KEY_SIZE = 48 + 64 };

struct window {
	char key[KEY_SIZE]; /* reason and peer, each with its terminator, then zeros */
	uint64_t end_ms;    /* 0: free */
	uint64_t n_suppressed;
};

struct log_limit {
	struct window sets[N_SETS][N_WAYS];
	struct window overflow; /* of all for which there was no place */
	unsigned next_set;      /* where take_ended goes on */
};

enum err log_limit_new(struct log_limit **out)
{
	struct log_limit *limit = calloc(1, sizeof(*limit));
	if (!limit)
		return ERR_NO_MEMORY;

	*out = limit;
	return ERR_OK;
}

struct log_limit *log_limit_free(struct log_limit *limit)
{
	free(limit);
	return NULL;
}

/* A scanner comes from another port each time. */
static void make_key(const char *reason, const char *peer, char key[KEY_SIZE])
{
	char text[ADDR_TEXT_SIZE];
	struct addr addr;

	if (addr_parse_port(peer, 0, &addr) == ERR_OK)
		peer = addr_host(&addr, text);
	memset(key, 0, KEY_SIZE);
	text_copy(key, 48, reason); /* one that is too long is cut: still the same class */
	text_copy(key + 48, 64, peer);
}

static void end_window(struct window *window, struct log_suppressed *out)
{
	text_copy(out->reason, sizeof(out->reason), window->key);
	text_copy(out->peer, sizeof(out->peer), window->key + 48);
	out->n = window->n_suppressed;
	*window = (struct window){ .end_ms = 0 };
}

/* The window of key, or a free one, or one that has ended; NULL if all are in use by others. */
static struct window *find(struct log_limit *limit, const char *key, uint64_t now_ms)
{
	struct window *set = limit->sets[random_keyed_hash(key, KEY_SIZE) % N_SETS];
	struct window *place = NULL;

	for (unsigned way = 0; way < N_WAYS; way++) {
		if (set[way].end_ms && memcmp(set[way].key, key, KEY_SIZE) == 0)
			return &set[way];
		if (set[way].end_ms == 0 ||
		    (set[way].end_ms <= now_ms && !set[way].n_suppressed))
			place = &set[way];
	}
	return place;
}

bool log_limit_admits(struct log_limit *limit, uint64_t now_ms, const char *reason,
		      const char *peer, struct log_suppressed *out_ended)
{
	char key[KEY_SIZE];
	struct window *window;

	out_ended->n = 0;
	make_key(reason, peer, key);
	window = find(limit, key, now_ms);
	if (!window) {
		if (!limit->overflow.end_ms)
			limit->overflow.end_ms = now_ms + LOG_LIMIT_WINDOW_MS;
		limit->overflow.n_suppressed++;
		return false;
	}
	if (now_ms < window->end_ms && memcmp(window->key, key, KEY_SIZE) == 0) {
		window->n_suppressed++;
		return false;
	}
	if (window->n_suppressed)
		end_window(window, out_ended);
	memcpy(window->key, key, KEY_SIZE);
	window->end_ms = now_ms + LOG_LIMIT_WINDOW_MS;
	window->n_suppressed = 0;
	return true;
}

static bool has_ended(const struct window *window, uint64_t now_ms)
{
	return window->end_ms && window->end_ms <= now_ms && window->n_suppressed;
}

bool log_limit_take_ended(struct log_limit *limit, uint64_t now_ms, struct log_suppressed *out)
{
	if (has_ended(&limit->overflow, now_ms)) {
		end_window(&limit->overflow, out);
		return true;
	}
	for (unsigned n = 0; n < N_SETS; n++) {
		struct window *set = limit->sets[(limit->next_set + n) % N_SETS];
		for (unsigned way = 0; way < N_WAYS; way++) {
			if (!has_ended(&set[way], now_ms))
				continue;
			end_window(&set[way], out);
			limit->next_set = (limit->next_set + n) % N_SETS;
			return true;
		}
	}
	return false;
}
