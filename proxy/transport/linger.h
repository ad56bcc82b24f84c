/* The last moment of a connection that we refused: what we said (an alert, a 400) must reach
 * the peer, and would be lost in the reset that follows when bytes of his come to a closed
 * socket. So our side is shut, his bytes are read and dropped until he closes too, for 2 s at
 * most and for a bounded number of sockets. */
#pragma once

struct transport;

/* Takes fd over. */
void linger(struct transport *transport, int fd);

/* Closes all of them at once. */
void linger_end(struct transport *transport);
