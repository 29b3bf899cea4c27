"""Confines this process to the files of its task, by Landlock: the rest of the machine is denied.

Linux has it from 5.13 on, for every user. What is denied depends on the version of its interface:
files and folders always, TCP from version 4 on, signals to other processes from version 6 on.
See landlock(7) and linux/landlock.h.
"""

import contextlib
import ctypes
import enum
import errno
import os
import pathlib
import pwd
import sys
from collections.abc import Iterable, Iterator

# asm-generic/unistd.h: the same numbers on every architecture that TensorFlow runs on
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
# prctl(2), linux/prctl.h
_PR_SET_NO_NEW_PRIVS = 38

_NETWORK_VERSION, _SCOPE_VERSION = 4, 6
_TCP = 0b11
_SCOPE_SIGNAL = 0b10


class _Access(enum.IntFlag):
    """Rights to files, in the order of linux/landlock.h."""

    EXECUTE = enum.auto()
    WRITE_FILE = enum.auto()
    READ_FILE = enum.auto()
    READ_DIR = enum.auto()
    REMOVE_DIR = enum.auto()
    REMOVE_FILE = enum.auto()
    MAKE_CHAR = enum.auto()
    MAKE_DIR = enum.auto()
    MAKE_REG = enum.auto()
    MAKE_SOCK = enum.auto()
    MAKE_FIFO = enum.auto()
    MAKE_BLOCK = enum.auto()
    MAKE_SYM = enum.auto()
    REFER = enum.auto()
    TRUNCATE = enum.auto()
    IOCTL_DEV = enum.auto()


# How many of them a version of the interface knows.
_KNOWN = {1: 13, 2: 14, 3: 15, 4: 15}
_MOST_KNOWN = len(_Access)
_READ = _Access.EXECUTE | _Access.READ_FILE | _Access.READ_DIR
_OF_FILES = _Access.EXECUTE | _Access.WRITE_FILE | _Access.READ_FILE | _Access.TRUNCATE
_WRITE = (
    _READ
    | _OF_FILES
    | _Access.REMOVE_DIR
    | _Access.REMOVE_FILE
    | _Access.MAKE_DIR
    | _Access.MAKE_REG
    | _Access.MAKE_SYM
    | _Access.REFER
)

# What programs and libraries need of the system. Of /etc only what name resolution and TLS read.
_SYSTEM = (
    *("/usr", "/lib", "/lib64", "/bin", "/sbin", "/opt", "/nix/store", "/sys"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime"),
    *("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf"),
    *("/etc/services", "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/mime.types"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems"),
    *("/proc/sys", "/dev/urandom", "/dev/random", "/dev/zero"),
)
_WRITABLE_SYSTEM = ("/dev/null",)


class _RulesetAttributes(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneathAttributes(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


_libc = ctypes.CDLL(None, use_errno=True)


def restrict(readable: Iterable[str], writable: Iterable[str], needs_network: bool) -> bool:
    """Takes all rights that are not needed from this thread and everything that it starts.

    The system and the Python environment stay readable.

    Args:
        readable: Files and folders that are read.
        writable: Files and folders that are written.
        needs_network: Whether it opens TCP connections.

    Returns:
        Whether it is confined: False on a kernel without Landlock.

    Raises:
        OSError: The kernel has Landlock and refuses.
    """
    version = _version()
    if version < 1:
        return False
    known = _Access((1 << _KNOWN.get(version, _MOST_KNOWN)) - 1)
    denies_network = version >= _NETWORK_VERSION and not needs_network
    attributes = _RulesetAttributes(
        known,
        _TCP if denies_network else 0,
        _SCOPE_SIGNAL if version >= _SCOPE_VERSION else 0,
    )
    with _descriptor(_call(_CREATE_RULESET, ctypes.byref(attributes), _size(version), 0)) as rules:
        for path in (*_SYSTEM, *_environment(), *readable):
            _allow(rules, path, _READ & known)
        for path in (*_WRITABLE_SYSTEM, *writable):
            _allow(rules, path, _WRITE & known)
        if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
            raise _error()
        _call(_RESTRICT_SELF, rules, 0)
    return True


def _version() -> int:
    """The version of Landlock's interface; negative if the kernel has none."""
    return int(_libc.syscall(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION))


def _size(version: int) -> int:
    """The size of the attributes in bytes, as far as a version knows them."""
    known = 1 + (version >= _NETWORK_VERSION) + (version >= _SCOPE_VERSION)
    return known * ctypes.sizeof(ctypes.c_uint64)


def _environment() -> Iterator[str]:
    """The folders of Python and its modules, without those that contain everything, such as `/`."""
    too_wide = {pathlib.Path(folder).resolve() for folder in ("/", "/tmp", "/home", _home())}
    libraries = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    for entry in (sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path, *libraries):
        if entry and pathlib.Path(entry).resolve() not in too_wide:
            yield entry
    yield str(pathlib.Path(__file__).parents[1])


def _home() -> str:
    """The user's home folder from the user database, because the worker has another HOME."""
    with contextlib.suppress(KeyError):  # containers may run under users that no file lists
        return pwd.getpwuid(os.geteuid()).pw_dir
    return "/root"


def _allow(rules: int, path: str, access: _Access) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # a missing path needs no right
        return
    with _descriptor(opened) as descriptor:
        if not os.path.isdir(path):
            access &= _OF_FILES
        attributes = _PathBeneathAttributes(access, descriptor)
        _call(_ADD_RULE, rules, _RULE_PATH_BENEATH, ctypes.byref(attributes), 0)


@contextlib.contextmanager
def _descriptor(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: object) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        raise _error()
    return result


def _error() -> OSError:
    number = ctypes.get_errno() or errno.EINVAL
    return OSError(number, f"Landlock: {os.strerror(number)}")
