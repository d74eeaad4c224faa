"""What our own objects ask of the system: nothing that prints, ends the process, or asks the environment or the locale,
and no code that runs before main.

    check_objects.py LIBRARY.a [MUSL_LIBC.a]      TOOL_PREFIX in the environment: of another processor's nm and objdump

With MUSL_LIBC.a also: no function of the C library that musl has not, so that nothing leans on extensions of glibc.
Prints what was found and exits 1 if there is anything.
"""

import os
import re
import subprocess
import sys

TOOLS = os.environ.get("TOOL_PREFIX", "")
FORBIDDEN = re.compile(
    r"(v?[sdf]?n?w?printf|v?as?printf|__\w*printf_chk|puts|fputs|putchar|fputc|putc|fwrite|perror|psignal|syslog"
    r"|_?_?exit|quick_exit|abort|_Exit|__assert_fail|raise|kill|system|atexit"
    r"|(secure_)?getenv|setenv|putenv|unsetenv|environ"
    r"|setlocale|newlocale|uselocale|duplocale|freelocale|localeconv|nl_langinfo|\w+_l"
    r"|strto(d|f|ld)|ato[fil]|localtime(_r)?|mktime|strftime|tzset|isalpha|isalnum|isspace|tolower|toupper)$")
# Streams and locales of C++. (std::terminate is in the destructor of std::thread, for one that nobody joined.)
FORBIDDEN_CPP = re.compile(r"_ZSt(4cout|4cerr|4clog|3cin)|_ZNSt8ios_base4Init|_ZNSt6locale|_ZNSolsE")
# Of the compiler's runtime and of libstdc++'s headers, which a C++ library built for another C library has otherwise.
RUNTIME = re.compile(
    r"(__cxa_\w+|__gxx_personality_v0|_Unwind_Resume|__dso_handle|_GLOBAL_OFFSET_TABLE_|__tls_get_addr|__once_proxy"
    r"|__popcount\w+|__libc_single_threaded|pthread_cond_clockwait|__stack_chk_\w+|__(asan|tsan|ubsan|sanitizer)\w*)$")
OTHERS = re.compile(r"(_Z|curl_|ZSTD_|upswing_)")


def undefined(library):
    """(object, symbol) pairs."""
    text = subprocess.run([TOOLS + "nm", "-A", "-u", library], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        match = re.match(r"\S+:(\S+):\s+[Uw] (\S+)$", line)
        if match:
            yield match.group(1), match.group(2)


def defined(library):
    text = subprocess.run([TOOLS + "nm", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1] for line in text.splitlines() if len(line.split()) == 3}


def main(library, musl=None):
    problems = []
    imports = list(undefined(library))
    own = defined(library)
    if not imports:
        problems.append(f"{library}: no imports at all, so it was not read")
    for name, symbol in imports:
        if symbol in own:
            continue
        if FORBIDDEN.match(symbol) or FORBIDDEN_CPP.match(symbol):
            problems.append(f"{name} imports {symbol}")
    sections = subprocess.run([TOOLS + "objdump", "-h", library], capture_output=True, text=True, check=True).stdout
    name = ""
    for line in sections.splitlines():
        if ": " in line and "file format" in line:
            name = line.split(":")[0]
        if re.search(r" \.(init_array|ctors|preinit_array)", line):
            problems.append(f"{name} has a static constructor")
    if musl:
        there = defined(musl)
        for name, symbol in imports:
            if symbol in own or OTHERS.match(symbol) or RUNTIME.match(symbol) or symbol in there:
                continue
            problems.append(f"{name} imports {symbol}, which musl has not")
    for problem in sorted(set(problems)):
        print(problem)
    print(f"{len({s for _, s in imports})} imports of {library}: {len(set(problems))} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
