"""The laws of the house that a machine can check, one TAP case each. ARCHITECTURE.md says why.

Each check returns complaints as "file:line: what and what to do"; none means that it passed.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.append(os.path.dirname(HERE))
from tap import Tap  # noqa: E402

# Who may include whom: only rooms of a lower layer, and the own room. Neighbours do not know each
# other.
LAYERS = {
    "base": 0, "codec": 1, "model": 2, "net": 2, "query": 3, "aws": 3, "store": 4,
    "source": 5, "bill": 5, "profile": 5, "ingest": 6, "guard": 6, "sim": 6,
    "report": 7, "top": 7, "web": 7, "cli": 8,
}
# A foreign header has one home.
HOMES = [
    (re.compile(r"^sqlite3"), re.compile(r"^src/store/")),
    (re.compile(r"^(isa-l|igzip|crc\.h)"), re.compile(r"^src/codec/gz\.c$")),
    (re.compile(r"^libdeflate\.h"), re.compile(r"^src/codec/gz_whole\.c$")),
    (re.compile(r"^simdjson"), re.compile(r"^src/codec/json_scan\.cpp$")),
    (re.compile(r"^cyaml"), re.compile(r"^src/codec/yaml\.c$")),
    (re.compile(r"^yaml\.h"), re.compile(r"^src/codec/yaml_tree\.c$")),
    (re.compile(r"^curl/"), re.compile(r"^src/net/http\.c$")),
    (re.compile(r"^openssl/"), re.compile(r"^src/codec/digest\.c$")),
    (re.compile(r"^expat"), re.compile(r"^src/codec/xml\.c$")),
    (re.compile(r"^(n?curses|ncursesw/)"), re.compile(r"^src/top/")),
    (re.compile(r"^microhttpd"), re.compile(r"^src/net/server\.c$")),
    (re.compile(r"^gnutls/"), re.compile(r"^src/net/server_tls\.c$")),
]
NO_FLOATS = re.compile(r"^src/(base/money|model/|query/|report/|store/)")
BANNED = {
    "strcpy": "memcpy with a checked length", "strcat": "struct buf",
    "strncpy": "memcpy with a checked length", "strncat": "struct buf",
    "sprintf": "snprintf or buf_printf", "vsprintf": "vsnprintf", "gets": "io_read",
    "strtok": "str_cut", "strtok_r": "str_cut", "atoi": "str_to_i64", "atol": "str_to_i64",
    "atoll": "str_to_i64", "atof": "integers", "strtod": "integers", "system": "nothing",
    "popen": "nothing", "rand": "a seeded generator of its own", "srand": "a seeded generator",
    "localtime": "base/zone.h", "gmtime": "base/clock.h", "ctime": "base/clock.h",
    "asctime": "base/clock.h", "tmpnam": "io_temp", "tempnam": "io_temp", "mktemp": "io_temp",
    "alloca": "struct arena", "scanf": "the str_ functions", "sscanf": "the str_ functions",
    "fscanf": "the str_ functions",
}
# Only cli/ prints and exits.
CLI_ONLY = re.compile(r"\b(printf|puts|putchar|perror|exit|_exit|_Exit|quick_exit|abort)\s*\("
                      r"|\b(stdout|stderr)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# Written in two pieces, so that this file does not hold what it looks for.
MARKS = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
MACHINE_PATHS = re.compile(r"(^|[^A-Za-z0-9_.$}])/(wo" r"rk|fa" r"rm|ro" r"ot)/[A-Za-z.]")
SKIPPED_FOLDERS = re.compile(r"^(\.git|\.cache|build.*|node_modules|__pycache__)$")


def files(*endings, below=""):
    """Paths from the root of the tree, sorted."""
    found = []
    for folder, folders, names in os.walk(os.path.join(ROOT, below)):
        folders[:] = [f for f in folders if not SKIPPED_FOLDERS.match(f)]
        for name in names:
            if name == ".git":  # a work tree beside another
                continue
            if not endings or name.endswith(endings):
                found.append(os.path.relpath(os.path.join(folder, name), ROOT))
    return sorted(found)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def code_only(text):
    """C text with comments and the insides of literals blanked, line numbers kept."""
    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token[0] + token[-1]
        return re.sub(r"[^\n]", " ", token)
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.DOTALL)


def sources():
    return files(".c", ".h", ".cpp", below="src")


def includes(path):
    for number, line in enumerate(read(path).split("\n"), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1) == '"', match.group(2)


def rooms_include_downward():
    for path in sources():
        room = path.split("/")[1]
        if room not in LAYERS:
            yield f"{path}:1: room {room}/ has no layer; give it one in LAYERS and ARCHITECTURE.md"
            continue
        for number, ours, target in includes(path):
            other = target.split("/")[0]
            if ours and "/" not in target:
                yield f"{path}:{number}: write \"room/file.h\", not \"{target}\""
            elif ours and other != room and LAYERS.get(other, 99) >= LAYERS[room]:
                yield (f"{path}:{number}: {room}/ (layer {LAYERS[room]}) may not include {target} "
                       f"(layer {LAYERS.get(other, '?')})")
            elif ours and other != room and target.endswith("_internal.h"):
                yield f"{path}:{number}: {target} is private to {other}/"


def foreign_headers_have_one_home():
    for path in sources():
        for number, _, target in includes(path):
            for header, home in HOMES:
                if header.match(target) and not home.match(path):
                    yield f"{path}:{number}: <{target}> belongs to {home.pattern} only"


def no_floating_point_near_money():
    for path in sources():
        if NO_FLOATS.match(path):
            for number, line in enumerate(code_only(read(path)).split("\n"), 1):
                if re.search(r"\b(float|double)\b", line):
                    yield f"{path}:{number}: floating point; money, counts and shares are integers"


def no_banned_functions():
    call = re.compile(r"\b(" + "|".join(BANNED) + r")\s*\(")
    for path in sources():
        for number, line in enumerate(code_only(read(path)).split("\n"), 1):
            for match in call.finditer(line):
                yield f"{path}:{number}: {match.group(1)} is banned; use {BANNED[match.group(1)]}"


def only_cli_prints_and_exits():
    for path in sources():
        if path.startswith("src/cli/"):
            continue
        for number, line in enumerate(code_only(read(path)).split("\n"), 1):
            match = CLI_ONLY.search(line)
            if match:
                yield f"{path}:{number}: {match.group(0).strip('( ')}: only cli/ prints and exits"


def own_header_comes_first():
    for path in sources():
        own = os.path.splitext(path)[0] + ".h"
        if path.endswith(".h") or not os.path.exists(os.path.join(ROOT, own)):
            continue
        first = next(includes(path), (1, True, ""))
        # A private header of the room stands for it: it includes the public one itself.
        private = os.path.dirname(first[2]) == path.split("/")[1] and "_internal.h" in first[2]
        if first[2] != own[len("src/"):] and not private:
            yield f"{path}:{first[0]}: include \"{own[len('src/'):]}\" before anything else"


def headers_have_guards():
    for path in sources():
        if path.endswith(".h"):
            guard = "ASSAY_" + re.sub(r"\W", "_", path[len("src/"):]).upper()
            if f"#ifndef {guard}\n#define {guard}\n" not in read(path):
                yield f"{path}:1: the include guard should be {guard}"


def every_source_is_built():
    for path in files(".c", ".cpp", below="src"):
        folder, name = os.path.split(path)
        meson = os.path.join(folder, "meson.build")
        if not os.path.exists(os.path.join(ROOT, meson)) or f"'{name}'" not in read(meson):
            yield f"{path}:1: not named in {meson}"
    for folder, prefix in (("tests/unit", "test_"), ("tests/fuzz", "fuzz_")):
        for path in files(".c", below=folder):
            name = os.path.basename(path)
            if name.startswith(prefix) and f"'{name[len(prefix):-2]}'" not in read(
                    folder + "/meson.build"):
                yield f"{path}:1: not named in {folder}/meson.build"
    for path in files(".py", below="tests/py"):
        name = os.path.basename(path)[:-3]
        if name.startswith("test_") and f"'{name}'" not in read("tests/py/meson.build"):
            yield f"{path}:1: not named in tests/py/meson.build"


def text_files():
    for path in files():
        if not path.endswith((".png", ".gz", ".pdf")) and not path.startswith(
                ("tests/fuzz/corpus/", "LICENSE")):
            yield path


def no_marks_left():
    for path in text_files():
        for number, line in enumerate(read(path).split("\n"), 1):
            match = MARKS.search(line)
            if match:
                yield f"{path}:{number}: {match.group(1)} left in the tree"


def no_paths_of_a_machine():
    for path in text_files():
        for number, line in enumerate(read(path).split("\n"), 1):
            if MACHINE_PATHS.search(line):
                yield f"{path}:{number}: an absolute path of somebody's machine"


def manual_names_every_word():
    """Dimensions, metrics and outcomes stand in tables of the code; the manual must have them all."""
    manual = read("man/assay-report.1")
    items = {word for line in manual.split("\n") if line.startswith(".It Cm ")
             for word in re.split(r"[ ,]+", line)[2:]}
    outcomes = set(re.split(r"[\s,.]+", manual))
    tables = (("src/query/question.h", "DIM_", items), ("src/query/metric.h", "METRIC_", items),
              ("src/query/sums.h", "(?:COUNT|MONEY)_", items),
              ("src/model/cost.h", "OUTCOME_", outcomes))
    for path, prefix, known in tables:
        for name in re.findall(r'X\(' + prefix + r'\w+,\s*"(\w+)"', read(path)):
            if name not in known:
                yield f"man/assay-report.1:1: does not explain '{name}' of {path}"
    option = re.compile(r'\{\s*"([a-z-]+)",\s*OPTION_')
    for path in files(".c", ".h", below="src/cli"):
        name = os.path.basename(path).split(".")[0].removeprefix("cmd_")
        page = f"man/assay-{'report' if name in ('reading', 'asking') else name}.1"
        if os.path.exists(os.path.join(ROOT, page)):
            text = read(page)
            for word in option.findall(read(path)):
                dash = "-" if len(word) > 1 else ""
                if f"Fl {dash}{word}" not in text:
                    yield f"{page}:1: does not explain the option -{dash}{word} of {path}"


CHECKS = [
    rooms_include_downward, foreign_headers_have_one_home, no_floating_point_near_money,
    no_banned_functions, only_cli_prints_and_exits, own_header_comes_first, headers_have_guards,
    every_source_is_built, manual_names_every_word, no_marks_left, no_paths_of_a_machine,
]


def main():
    tap = Tap()
    for check in CHECKS:
        complaints = list(check())
        name = check.__name__.replace("_", " ")
        if complaints:
            tap.fail(name, "\n".join(complaints))
        else:
            tap.ok(name)
    tap.done()


if __name__ == "__main__":
    main()
