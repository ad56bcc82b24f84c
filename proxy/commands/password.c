#include "proxy/commands/password.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static bool read_line(FILE *file, char out[PASSWORD_SIZE])
{
	size_t len;

	if (!fgets(out, PASSWORD_SIZE, file))
		out[0] = '\0';
	len = strlen(out);
	if (len > 0 && out[len - 1] == '\n') {
		out[--len] = '\0';
	} else if (len == PASSWORD_SIZE - 1) {
		fprintf(stderr, "nuncio passwd: longer than %d bytes\n", PASSWORD_SIZE - 2);
		return false;
	}
	if (len == 0)
		fputs("nuncio passwd: an empty password\n", stderr);
	return len > 0;
}

bool password_from_stdin(char out[PASSWORD_SIZE])
{
	return read_line(stdin, out);
}

static void on_interrupt(int number)
{
}

/* Ctrl-C ends the question, not the program, which would leave the terminal without echo. */
static bool ask(FILE *terminal, const char *prompt, char out[PASSWORD_SIZE])
{
	struct sigaction interrupt = { .sa_handler = on_interrupt }, old;
	struct termios before, silent;
	int fd = fileno(terminal);
	bool ok;

	if (tcgetattr(fd, &before) != 0)
		return false;
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	fputs(prompt, terminal);
	fflush(terminal);
	sigaction(SIGINT, &interrupt, &old);
	ok = tcsetattr(fd, TCSAFLUSH, &silent) == 0 && read_line(terminal, out);
	tcsetattr(fd, TCSAFLUSH, &before);
	sigaction(SIGINT, &old, NULL);
	fputc('\n', terminal);
	return ok;
}

bool password_from_terminal(char out[PASSWORD_SIZE])
{
	FILE *terminal = fopen("/dev/tty", "r+e");
	char again[PASSWORD_SIZE];
	bool ok;

	if (!terminal) {
		fputs("nuncio passwd: no terminal to ask on; give the password by --stdin\n",
		      stderr);
		return false;
	}
	ok = ask(terminal, "new password: ", out) && ask(terminal, "once more: ", again);
	if (ok && strcmp(out, again) != 0) {
		fputs("nuncio passwd: the two differ\n", stderr);
		ok = false;
	}
	explicit_bzero(again, sizeof(again));
	fclose(terminal);
	return ok;
}

static unsigned n_classes(const char *password)
{
	bool has_lower = false, has_upper = false, has_digit = false, has_other = false;

	for (; *password; password++) {
		unsigned char byte = (unsigned char)*password;

		has_lower |= byte < 0x80 && islower(byte);
		has_upper |= byte < 0x80 && isupper(byte);
		has_digit |= byte < 0x80 && isdigit(byte);
		has_other |= byte >= 0x80 || !isalnum(byte);
	}
	return (unsigned)(has_lower + has_upper + has_digit + has_other);
}

bool password_check(const char *password, const char *user,
		    const struct settings_password_policy *policy)
{
	size_t len = strlen(password);
	unsigned classes = n_classes(password);

	if (len >= policy->min_length && classes >= policy->classes &&
	    !strcasestr(password, user))
		return true;
	fputs("nuncio passwd: too weak:", stderr);
	if (len < policy->min_length)
		fprintf(stderr, " %zu characters, at least %u are needed;", len,
			policy->min_length);
	if (classes < policy->classes)
		fprintf(stderr,
			" %u of the classes lower case, upper case, digits, others, at least "
			"%u are needed;",
			classes, policy->classes);
	if (strcasestr(password, user))
		fputs(" the user's name is in it;", stderr);
	fputs("\n  several words with a digit and a sign between them are strong and can be "
	      "typed on a phone\n"
	      "  (password_policy: in the configuration sets the bounds)\n",
	      stderr);
	return false;
}
