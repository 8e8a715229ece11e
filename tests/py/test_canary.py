"""No text of a body is ever kept or shown: the word of canary.py is looked for in all that reports
and stores leave behind."""
import json
import os
import subprocess
import threading
import time

from canary import (WORD, body, check, check_files, check_result, good_records, named_records,
                    write_logs)
from support import (ASSAY, DONE, FORMATS, INCOMPLETE, NAMED, Tap, assay, environment, equal, record,
                     temporary, write)

INSIDE = ("tools", "mcp", "skills", "agents", "sessions", "context", "harnesses", "runaway",
          "savings")
DIMENSIONS = ("account", "region", "inference_region", "user", "person", "team", "cost_centre",
              "principal", "principal_kind", "principal_account", "role", "model", "model_id",
              "provider", "family", "scope", "geo", "profile", "operation", "error", "status",
              "tier", "outcome", "reason")
DIMENSIONS_INSIDE = ("harness,version,entrypoint,call_kind,repository", "session,thread,signals",
                     "tool_kind,server,tool", "skill", "agent")


def reports(logs, scratch):
    quarantine = os.path.join(scratch, "quarantine")
    for level in ("content", "counts"):
        for form in FORMATS:
            result = assay("report", logs, "--format", form, "--level", level, "--quarantine",
                           quarantine, code=INCOMPLETE)
            check_result(form, result)
            assert os.path.getsize(quarantine) > 500, "much is listed"
            with open(quarantine, "rb") as file:
                check("the quarantine", file.read())
    for name in NAMED + INSIDE:
        check_result(name, assay("report", name, logs, "--format", "json", code=INCOMPLETE))
    for by in DIMENSIONS_INSIDE:
        check_result(by, assay("report", logs, "--format", "csv", "--by", by, "--metrics",
                               "invocations,sessions", "--repository-names", code=INCOMPLETE))
    for at in range(0, len(DIMENSIONS), 6):
        check_result("dimensions", assay("report", logs, "--format", "json", "--by",
                                         ",".join(DIMENSIONS[at:at + 6]), "--quarantine", "-",
                                         code=INCOMPLETE))


def stores(logs, scratch):
    store = os.path.join(scratch, "store")
    check_result("ingest", assay("ingest", logs, "--store", store, code=INCOMPLETE))
    check_files(scratch)
    for name in NAMED + INSIDE:
        check_result(name, assay("report", name, "--store", store, "--format", "json",
                                 code=(DONE, INCOMPLETE)))


def names(logs, scratch):
    """A sentence where a name belongs becomes (not a name), in every report and in a timeline, and
    the notes tell how many there were."""
    tree = os.path.join(scratch, "..", "named")
    store = os.path.join(scratch, "named-store")
    text = [json.dumps(r).encode() for r in named_records()]
    write(os.path.join(tree, "plain"), b"\n".join(text))
    assay("ingest", tree, "--store", store, "--repository-names", code=DONE)
    check_files(store)
    for source in ((tree, "--repository-names"), ("--store", store)):
        for name in NAMED + INSIDE:
            for form in FORMATS:
                result = assay("report", name, *source, "--format", form, code=DONE)
                check_result(f"{name} as {form}", result)
                told = name in ("tools", "mcp", "skills", "agents") or \
                    (name, form) == ("harnesses", "csv")
                if told and name != "skills":
                    assert b"(not a name)" in result.out, (name, form, result.out.decode())
                if name in INSIDE and form == "json":
                    assert result.json()["about"]["sessions"]["names_cut"] > 50, result.out
                if name in ("tools", "sessions") and form in ("table", "md"):
                    assert b"names in bodies left out" in result.out, result.out.decode()
        found = assay("report", *source, "--by", "session", "--metrics", "invocations",
                      "--format", "json", code=DONE).json()
        ids = {row["session"] for row in found["rows"]}
        assert "known" in ids and any(i.startswith("#") for i in ids), ids
        for form in ("table", "json", "csv"):
            result = assay("session", "known", *source, "--format", form, code=DONE)
            check_result("a timeline as " + form, result)
            assert form == "csv" or b"(not a name)" in result.out, result.out.decode()
            assert form != "table" or b"names in bodies left out" in result.out
        check_result("no session", assay("session", "no such", *source))


def half_way(logs, scratch):
    """The files of a store while it is written, and what a killed run leaves."""
    store = os.path.join(scratch, "killed")
    pipe = os.path.join(scratch, "pipe")
    os.mkfifo(pipe)
    temp = os.path.join(scratch, "tmp")
    os.makedirs(temp, exist_ok=True)
    child = subprocess.Popen([ASSAY, "ingest", logs, pipe, "--store", store],
                             env=environment(TMPDIR=temp), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    text = b"".join(json.dumps(record(f"h{i}", input={"inputBodyJson": body()})).encode() + b"\n"
                    for i in range(3000))

    def feed():
        try:
            with open(pipe, "wb") as file:
                file.write(text + b"\n".join(json.dumps(r).encode() for r in named_records()))
                file.flush()
                check_files(temp)
                child.kill()
        except BrokenPipeError:
            pass

    thread = threading.Thread(target=feed)
    thread.start()
    out, err = child.communicate()
    thread.join()
    os.unlink(pipe)
    check("output of the killed", out + err)
    check_files(scratch)


def temporary_files(logs, scratch):
    """Duplicates that do not fit in memory go to a file: it has no name, and no text either."""
    temp = os.path.join(scratch, "watched")
    os.makedirs(temp)
    env = environment(TMPDIR=temp)
    result = assay("report", logs, logs, "--dedupe-memory", "1k", "--format", "csv", env=env,
                   code=INCOMPLETE)
    check_result("report", result)
    assert os.listdir(temp) == [], "nothing is left"
    check_files(scratch)


def deleted_files(pid):
    """What stands in the files that a process has open and that have no name any more."""
    place = f"/proc/{pid}/fd"
    for fd in os.listdir(place):
        path = os.path.join(place, fd)
        try:
            if os.readlink(path).endswith(" (deleted)"):
                with open(path, "rb") as file:
                    yield file.read()
        except FileNotFoundError:
            pass


def unnamed_files(_, scratch):
    """Calls of sessions and duplicates wait in files without a name: those hold no text either."""
    pipe = os.path.join(scratch, "pipe2")
    os.mkfifo(pipe)
    said = b"\n".join(json.dumps(r).encode() for r in named_records()) + b"\n"
    child = subprocess.Popen([ASSAY, "report", "tools", pipe, "--session-memory", "1k", "--format",
                              "json", "--dedupe-memory", "1k", "--threads", "1"],
                             env=environment(TMPDIR=scratch), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    done = threading.Event()

    def feed():
        with open(pipe, "wb") as file:
            for i in range(400):
                file.write(said.replace(b'"requestId": "', b'"requestId": "%d-' % (i // 2)))
            file.flush()
            done.wait(60)

    thread = threading.Thread(target=feed)
    thread.start()
    seen, until = 0, time.monotonic() + 50
    while seen < 10000 and time.monotonic() < until:
        found = list(deleted_files(child.pid))
        for data in found:
            check("a file without a name", data)
        seen = sum(map(len, found))
        time.sleep(0.05)
    done.set()
    out, err = child.communicate()
    thread.join()
    os.unlink(pipe)
    equal(child.returncode, DONE, err)
    assert b"(not a name)" in out and seen >= 10000, seen
    check("the report", out + err)


def errors_of_files(logs, scratch):
    """Files of the wrong kind given as prices, profiles or a directory."""
    wrong = write(os.path.join(scratch, "..", "wrong"), b"\n".join(
        json.dumps(r).encode() for r in good_records()))
    for option in ("--prices", "--profiles", "--directory"):
        for path in (wrong, logs):
            result = assay("report", logs, option, path)
            assert result.code not in (DONE, INCOMPLETE), option
            check_result(option, result)
    check_result("price check", assay("price", "check", wrong))
    check_result("a store", assay("report", "--store", wrong))


def errors_of_cells(logs, scratch):
    """Words of a person where a file of prices, profiles or people is right up to there: as a
    column, a key, a cell; also --discount with the content of a file."""
    said = f"tell me, {WORD}"
    head = b"model_id_pattern,provider,display_name,region_scope,input_per_mtok,output_per_mtok\n"
    texts = {
        "--prices": (f'model_id_pattern,"{said}"\n'.encode(),
                     head + f'acme*,acme,A,*,"{said}",2\n'.encode(),
                     head + f'acme*,acme,A,"{said}",1,2\n'.encode()),
        "--profiles": (json.dumps([{said: said}]).encode(), f'arn,"{said}"\n'.encode(),
                       json.dumps([{"arn": said, "model": "m", "scope": said}]).encode()),
        "--directory": (json.dumps([{said: said}]).encode(), f'match,"{said}"\n'.encode(),
                        json.dumps([{"match": said}, {"match": said, said: said}]).encode()),
    }
    for option, files in texts.items():
        for n, text in enumerate(files):
            path = write(os.path.join(scratch, "..", f"cell{n}"), text)
            result = assay("report", logs, option, path)
            assert result.code not in (DONE, INCOMPLETE), (option, text)
            check_result(f"{option} {n}", result)
    check_result("--discount", assay("report", logs, "--discount", said))


def main():
    tap = Tap()
    with temporary() as tmp:
        logs, scratch = os.path.join(tmp, "logs"), os.path.join(tmp, "scratch")
        write_logs(logs)
        os.makedirs(scratch)
        with open(os.path.join(logs, "broken"), "rb") as file:
            assert WORD.encode() in file.read()
        tap.case("no report, list or message holds text of a body", reports, logs, scratch)
        tap.case("no byte of a store holds text of a body", stores, logs, scratch)
        tap.case("what is no name is text: in no report, timeline or store", names, logs, scratch)
        tap.case("nor does what a killed ingest leaves", half_way, logs, scratch)
        tap.case("nor do temporary files", temporary_files, logs, scratch)
        tap.case("nor do files without a name", unnamed_files, logs, scratch)
        tap.case("nor do errors about files of the wrong kind", errors_of_files, logs, scratch)
        tap.case("nor do errors about what stands in such files", errors_of_cells, logs, scratch)
    tap.done()


if __name__ == "__main__":
    main()
