"""A host of its own under a real systemd, for the unit that is shipped: processes, mounts and network are its own, /usr is
this host's, and everything else lies in memory and goes with it. Needs root: systemd wants cgroups."""

import os
import shutil
import signal
import subprocess

from stage import ROOT, Failure, nuncio_binary, wait_for

SYSTEMD = "/lib/systemd/systemd"
PROGRAM = "/opt/nuncio/nuncio"  # /usr is not ours to write to: the unit's ExecStart and ExecReload are told
UNIT = "/etc/systemd/system/nuncio.service"

# A control group of its own, below that of the test: systemd takes what it finds for its own.
CGROUP = r"""set -e
mount --make-rprivate /
mount -t cgroup2 cgroup2 /mnt
mkdir "/mnt/$1"
echo $$ >"/mnt/$1/cgroup.procs"
umount /mnt
shift
exec unshare -C "$@"
"""

# What systemd wants of a container (systemd.io/CONTAINER_INTERFACE). $1: where its root is made, $2: what belongs there.
BOOT = r"""set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
cd "$1"
mkdir usr etc proc sys dev run tmp var opt root
mount --rbind /usr usr
mount -o remount,bind,ro usr
for name in bin sbin lib lib32 lib64 libx32; do [ ! -L "/$name" ] || cp -P "/$name" "$name"; done
cp -r "$2/." .
cp -rP /etc/ld.so.cache /etc/nsswitch.conf /etc/ssl etc/
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do touch "dev/$name"; mount --bind "/dev/$name" "dev/$name"; done
mkdir dev/shm dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
exec chroot . env -i container=nuncio-test PATH=/usr/sbin:/usr/bin:/sbin:/bin "$3"
"""

PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
GROUP = "root:x:0:\nadm:x:4:\nsystemd-journal:x:101:\nnogroup:x:65534:\n"


def why_not():
    """What is missing for it, or ""."""
    if os.geteuid() != 0:
        return "not root"
    missing = [name for name in (SYSTEMD, "/usr/bin/systemd-sysusers", "/usr/bin/systemd-tmpfiles") if not os.path.exists(name)]
    if missing:
        return f"no {missing[0]}"
    name = f"nuncio-test-{os.getpid()}"
    made = subprocess.run(["unshare", "-m", "sh", "-c", CGROUP, "cgroup", name, "-mpuin", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
                          capture_output=True, text=True, check=False)
    remove_cgroup(name)
    return made.stderr.strip().replace("\n", "; ")


def remove_cgroup(name):
    """It and what is below; nothing runs in it any more."""
    subprocess.run(["unshare", "-m", "sh", "-c", 'mount --make-rprivate / && mount -t cgroup2 cgroup2 /mnt && '
                    'find "/mnt/$1" -depth -type d -exec rmdir {} +', "cgroup", name], capture_output=True, check=False)


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(path, mode)


def packaging(name):
    with open(os.path.join(ROOT, "packaging", name), encoding="utf-8") as text:
        return text.read()


class House:
    """The booted system, in the network of whoever made it. configuration: of the service."""

    def __init__(self, stage, configuration):
        self.stage = stage
        files = stage.path("files")
        write(f"{files}/etc/passwd", PASSWD)
        write(f"{files}/etc/group", GROUP)
        write(f"{files}/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        write(f"{files}/etc/os-release", "ID=debian\nPRETTY_NAME=test\n")
        write(f"{files}/etc/nuncio/nuncio.yaml", configuration)
        write(f"{files}/etc/sysusers.d/nuncio.conf", packaging("nuncio.sysusers"))
        write(f"{files}/etc/tmpfiles.d/nuncio.conf", packaging("nuncio.tmpfiles"))
        write(files + UNIT, packaging("nuncio.service").replace("/usr/bin/nuncio", PROGRAM))
        os.makedirs(f"{files}/opt/nuncio")
        shutil.copy(nuncio_binary(), files + PROGRAM)
        os.symlink("/lib/systemd/system/basic.target", f"{files}/etc/systemd/system/default.target")
        self.root = stage.path("root")
        os.makedirs(self.root)
        self.cgroup = f"nuncio-test-{os.getpid()}"
        self.program = stage.start("systemd", ["setpriv", "--pdeathsig", "KILL", "unshare", "-m", "sh", "-c", CGROUP,
                                               "cgroup", self.cgroup, "-mpui", "--fork", "--kill-child", "sh", "-c", BOOT, "boot", self.root, files, SYSTEMD])
        self.init = wait_for(self.find_init, 10, "process 1")
        wait_for(self.is_booted, 30, "the system to be up")

    def find_init(self):
        if not self.program.is_running():
            raise Failure(f"it does not boot:\n{self.program.text()[-2000:]}")
        with open(f"/proc/{self.program.pid}/task/{self.program.pid}/children", encoding="ascii") as children:
            first = children.read().split()
        try:  # first there is the shell that mounts
            if first and os.readlink(f"/proc/{first[0]}/exe").endswith("/systemd/systemd"):
                return int(first[0])
        except OSError:
            pass
        return None

    def is_booted(self):
        if not self.program.is_running():
            raise Failure(f"it ended:\n{self.program.text()[-2000:]}")
        return self.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")

    def run(self, *argv, timeout=60):
        """A command there, as root."""
        join = 'echo $$ >"$0" && exec "$@"'
        return subprocess.run(["sh", "-c", join, self.path("/sys/fs/cgroup/init.scope/cgroup.procs"), "nsenter", "-t", str(self.init), "-m", "-p", "-u", "-i", "-C", "-r", "-W/", "env", "-i",
                               "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", *argv], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout, check=False)

    def systemctl(self, *words):
        """Returns the exit status; what it says is in said."""
        done = self.run("systemctl", *words)
        self.said = done.stdout + done.stderr
        return done.returncode

    def show(self, name):
        return self.run("systemctl", "show", "-p", name, "--value", "nuncio").stdout.strip()

    def nuncio(self, *verb, user=None):
        """(exit status, what it printed). user: as setpriv's words."""
        as_user = ["setpriv", *user] if user else []
        done = self.run(*as_user, PROGRAM, *verb)
        return done.returncode, done.stdout + done.stderr

    def journal(self, *words):
        return self.run("journalctl", "-u", "nuncio", "-o", "cat", "--no-pager", *words).stdout

    def path(self, name):
        """A file there, seen from here."""
        return f"/proc/{self.init}/root{name}"

    def configure(self, text):
        with open(self.path("/etc/nuncio/nuncio.yaml"), "w", encoding="utf-8") as out:
            out.write(text)

    def drop_in(self, name, text):
        """Adds or replaces one; takes effect at the next start."""
        path = self.path(f"{UNIT}.d/{name}.conf")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        if self.systemctl("daemon-reload"):
            raise Failure(self.said)

    def main_pid(self):
        """Of the service, as this side counts."""
        inner = self.show("MainPID")
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/status", encoding="ascii", errors="replace") as status:
                    numbers = next(line for line in status if line.startswith("NSpid:")).split()
                if numbers[-1] == inner and os.readlink(f"/proc/{name}/ns/pid") == os.readlink(f"/proc/{self.init}/ns/pid"):
                    return int(name)
            except OSError:  # it has ended meanwhile
                continue
        raise Failure(f"the service has no process (MainPID {inner})")

    def halt(self):
        os.kill(self.init, signal.SIGRTMIN + 3)
        try:
            self.program.popen.wait(30)
        except subprocess.TimeoutExpired:
            raise Failure(f"it does not halt:\n{self.program.text()[-2000:]}") from None
        finally:
            remove_cgroup(self.cgroup)
