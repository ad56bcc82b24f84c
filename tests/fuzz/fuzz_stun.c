/* STUN as strangers send it: what is read of a message must lie in it, and be the same when it
 * is written and read again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nat/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static void write_again(const struct stun_message *message)
{
	struct stun_message again;
	struct stun_writer writer;

	stun_begin(&writer, message->class, message->method, message->id);
	if (message->username)
		stun_add(&writer, STUN_USERNAME, message->username, message->username_len);
	if (addr_is_set(&message->mapped))
		stun_add_addr(&writer, STUN_XOR_MAPPED_ADDRESS, &message->mapped);
	if (message->has_change)
		stun_add_change(&writer, message->change_ip, message->change_port);
	if (message->has_cookie)
		stun_add_fingerprint(&writer);
	if (!stun_end(&writer))
		/* a user name of more than a kilobyte, which has no room beside the rest */
		return;
	must(!stun_read(writer.bytes, stun_end(&writer), &again));
	must(again.class == message->class && again.method == message->method);
	must(addr_is_set(&again.mapped) == addr_is_set(&message->mapped));
	must(!addr_is_set(&again.mapped) || addr_equal(&again.mapped, &message->mapped));
	must(again.change_ip == message->change_ip &&
	     again.change_port == message->change_port);
	must(again.username_len == message->username_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct stun_message message;

	if (stun_read(bytes, len, &message))
		return 0;
	must(stun_is_stun(bytes, len) && len <= STUN_MAX_SIZE &&
	     message.n_unknown <= STUN_MAX_UNKNOWN);
	if (message.username)
		must((const uint8_t *)message.username >= bytes &&
		     (const uint8_t *)message.username + message.username_len <= bytes + len);
	if (message.integrity)
		must(message.integrity + 20 <= bytes + len);
	(void)stun_check_integrity(bytes, &message, "key", 3);
	write_again(&message);
	return 0;
}
