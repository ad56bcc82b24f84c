/* A prober that dials nobody: it shakes hands with the listener of the hop in memory, and so
 * sees what the files of our certificates hold and what the configuration lets in, not what is
 * really served. For selfcheck where no daemon runs. */
#pragma once

#include "proxy/check_probe.h"

/* For check_prober.ops. The results have is_rehearsal; after the handshake they end in
 * CHECK_ASK, as nobody was asked. A hop without a TLS listener, or one of which something could
 * not be made, ends in CHECK_CONNECT. */
extern const struct check_prober_ops check_rehearsal_ops;
