"""Follows a page of docs/guides to the letter: writes its files, runs its commands against a real `upswing serve`, and
reads the exposures back from the report.

    follow.py PAGE UPSWING CATALOG UNITS    the environment gives what the page takes as given

A fence ```<language> <name> is a file, ```sh a script, ```sh server what starts the server (which this program does).
The address on the page is replaced by the server's.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ADDRESS = "http://127.0.0.1:8080"


def blocks(page):
    """(info, text) of each fence."""
    info = None
    lines = []
    for line in open(page):
        if line.startswith("```"):
            if info is None:
                info, lines = line[3:].strip(), []
            else:
                yield info, "".join(lines)
                info = None
        elif info is not None:
            lines.append(line)


def serve(upswing, catalog, folder):
    log = open(os.path.join(folder, "server.log"), "w+")
    server = subprocess.Popen(
        [upswing, "serve", "--data", os.path.join(folder, "data"), "--catalog", catalog, "--listen", "127.0.0.1:0",
         "--insecure-no-auth"], stdout=log, stderr=subprocess.STDOUT)
    while server.poll() is None:
        text = open(log.name).read()
        found = re.search(r"(http:\S+)\n", text)
        if found:
            return server, found.group(1)
    sys.exit("the server did not start:\n" + open(log.name).read())


def main(page, upswing, catalog, units):
    for given in ("UPSWING_CLASSES", "UPSWING_OBJC"):
        if given in os.environ and not os.path.exists(os.environ[given].split(":")[0]):
            print(f"skipped: {given} was not built for want of its tools")
            return 77
    folder = tempfile.mkdtemp()
    server, url = serve(upswing, catalog, folder)
    work = os.path.join(folder, "work")
    os.mkdir(work)
    environment = dict(os.environ, PATH=os.path.dirname(upswing) + ":" + os.environ["PATH"])
    scripts = 0
    try:
        for info, text in blocks(page):
            words = info.split()
            if words == ["sh"]:
                scripts += 1
                done = subprocess.run(["sh", "-euc", text.replace(ADDRESS, url)], cwd=work, env=environment,
                                      capture_output=True, text=True)
                print(done.stdout, done.stderr, sep="")
                if done.returncode != 0:
                    sys.exit(f"{page}: failed: {text}")
            elif len(words) == 2 and words != ["sh", "server"]:
                with open(os.path.join(work, words[1]), "w") as file:
                    file.write(text)
        report = subprocess.run([upswing, "report", "one_tap", "--server", url, "--format", "json"],
                                capture_output=True, text=True, check=True)
        got = sum(variant["units"] for variant in json.loads(report.stdout)["variants"])
        print(f"{page}: {scripts} scripts, {got} units in the report")
        return 0 if got == int(units) and scripts >= 2 else 1
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
