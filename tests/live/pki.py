"""Certificates with one thing wrong each, made by certtool: for the refusal matrix of tls.py."""

import os
import subprocess

FOREVER = {"activation_date": '"2020-01-01 00:00:00"', "expiration_date": '"2049-12-31 23:59:59"'}
EXPIRED = {"activation_date": '"2020-01-01 00:00:00"', "expiration_date": '"2020-12-31 23:59:59"'}
NOT_YET = {"activation_date": '"2048-01-01 00:00:00"', "expiration_date": '"2049-12-31 23:59:59"'}
BOTH_ENDS = ("tls_www_server", "tls_www_client")


def certtool(*args):
    done = subprocess.run(["certtool", *args], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"certtool {' '.join(args)}: {done.stderr}")
    return done.stdout


class Pki:
    """A directory of certificates; every name NAME is NAME.pem (the chain) and NAME.key."""

    def __init__(self, directory):
        self.dir = directory
        os.makedirs(directory, exist_ok=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def key(self, name, bits=None):
        kind = ["--key-type", "rsa", "--bits", str(bits)] if bits else \
               ["--key-type", "ecdsa", "--curve", "secp256r1"]
        certtool("--generate-privkey", "--no-text", *kind, "--outfile", self.path(name + ".key"))

    def template(self, name, lines):
        with open(self.path(name + ".template"), "w", encoding="ascii") as out:
            out.write("\n".join(lines) + "\n")
        return self.path(name + ".template")

    def ca(self, name, issuer=None, organisation="Example Trust", more=(), bits=None):
        """A CA, self-signed or below the issuer; its pem holds its own certificate alone. more: lines of its template."""
        self.key(name, bits)
        lines = [f'cn = "{name}"', f'organization = "{organisation}"', "ca", "cert_signing_key", "crl_signing_key", *more]
        lines += [f"{key} = {value}" for key, value in FOREVER.items()]
        return self.sign(name, lines, issuer)

    def leaf(self, name, issuer, dns=(), ip=(), uri=(), usage=BOTH_ENDS, dates=None, bits=None,
             chain=(), key_usage="signing_key", digest=None):
        """A certificate; issuer None signs it by itself. chain: CAs whose certificates are added. digest: that the issuer
        signs with, if not SHA-256."""
        self.key(name, bits)
        lines = [f'cn = "{name}"', key_usage, "encryption_key" if bits else "", *usage]
        lines += [f'dns_name = "{host}"' for host in dns]
        lines += [f'ip_address = "{host}"' for host in ip]
        lines += [f'uri = "{host}"' for host in uri]
        lines += [f"{key} = {value}" for key, value in (dates or FOREVER).items()]
        self.sign(name, lines, issuer, digest)
        with open(self.path(name + ".pem"), "a", encoding="ascii") as out:
            for upper in chain:
                with open(self.path(upper + ".pem"), encoding="ascii") as part:
                    out.write(part.read())
        return self.path(name + ".pem")

    def sign(self, name, lines, issuer, digest=None):
        args = [*(["--hash", digest] if digest else []), "--load-privkey", self.path(name + ".key"), "--template", self.template(name, lines),
                "--outfile", self.path(name + ".pem")]
        if issuer:
            certtool("--generate-certificate", "--load-ca-certificate", self.path(issuer + ".pem"),
                     "--load-ca-privkey", self.path(issuer + ".key"), *args)
        else:
            certtool("--generate-self-signed", *args)
        return self.path(name + ".pem")

    def crl(self, name, issuer, *revoked):
        """A revocation list of the issuer that names these certificates."""
        args = []
        for victim in revoked:
            args += ["--load-certificate", self.path(victim + ".pem")]
        template = self.template(name, ["crl_number = 1", "expiration_days = 3650"])
        certtool("--generate-crl", "--load-ca-privkey", self.path(issuer + ".key"),
                 "--load-ca-certificate", self.path(issuer + ".pem"), *args, "--template", template,
                 "--outfile", self.path(name + ".crl"))
        return self.path(name + ".crl")
