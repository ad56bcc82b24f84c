#include "proxy/base/error.h"

#include <errno.h>

const char *err_text(enum err err)
{
	switch (err) {
	case ERR_OK:
		return "no error";
	case ERR_NO_MEMORY:
		return "out of memory";
	case ERR_CLOSED:
		return "closed";
	case ERR_LIMIT:
		return "limit reached";
	case ERR_TOO_LARGE:
		return "too large";
	case ERR_TIMEOUT:
		return "timed out";
	case ERR_SYNTAX:
		return "not well-formed";
	case ERR_INVALID:
		return "not allowed";
	case ERR_NOT_FOUND:
		return "not found";
	case ERR_EXISTS:
		return "exists already";
	case ERR_ACCESS:
		return "permission denied";
	case ERR_IO:
		return "input or output failed";
	case ERR_AGAIN:
		return "not ready yet";
	case ERR_ADDRESS:
		return "address not available or already in use";
	case ERR_REFUSED:
		return "connection refused";
	case ERR_UNREACHABLE:
		return "unreachable";
	case ERR_RESET:
		return "connection reset by peer";
	case ERR_TLS:
		return "TLS handshake failed";
	case ERR_DNS:
		return "name not resolved";
	case ERR_UNSUPPORTED:
		return "not supported";
	}
	return "unknown error";
}

enum err err_from_errno(int number)
{
	switch (number) {
	case 0:
		return ERR_OK;
	case ENOMEM:
	case ENOBUFS:
		return ERR_NO_MEMORY;
	case EPIPE:
	case ENOTCONN:
	case ESHUTDOWN:
		return ERR_CLOSED;
	case EMFILE:
	case ENFILE:
		return ERR_LIMIT;
	case EMSGSIZE:
	case EFBIG:
	case ENAMETOOLONG:
		return ERR_TOO_LARGE;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	case EINVAL:
		return ERR_INVALID;
	case ENOENT:
	case ESRCH:
	case ENODEV:
		return ERR_NOT_FOUND;
	case EEXIST:
		return ERR_EXISTS;
	case EACCES:
	case EPERM:
		return ERR_ACCESS;
	case EAGAIN:
	case EINPROGRESS:
	case EINTR:
		return ERR_AGAIN;
	case EADDRINUSE:
	case EADDRNOTAVAIL:
		return ERR_ADDRESS;
	case ECONNREFUSED:
		return ERR_REFUSED;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
		return ERR_UNREACHABLE;
	case ECONNRESET:
	case ECONNABORTED:
		return ERR_RESET;
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
	case EOPNOTSUPP:
	case ENOSYS:
		return ERR_UNSUPPORTED;
	default:
		return ERR_IO;
	}
}
