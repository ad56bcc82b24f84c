/* One CA and our own certificate, made once in each test program, as PEM. */
#pragma once

const char *certificates_ca(void);
const char *certificates_chain(void);
const char *certificates_key(void);
