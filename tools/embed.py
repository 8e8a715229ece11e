"""Writes a C file that holds a data file as a byte array: embed.py INPUT OUTPUT NAME."""
import sys

source, target, name = sys.argv[1:4]
data = open(source, "rb").read()
with open(target, "w") as out:
    out.write("#include <stddef.h>\n")
    out.write(f"extern const char {name}[];\nextern const size_t {name}_n;\n")
    out.write(f"const size_t {name}_n = {len(data)};\nconst char {name}[] = {{\n")
    for i in range(0, len(data), 24):
        out.write(",".join(str(b if b < 128 else b - 256) for b in data[i : i + 24]) + ",\n")
    out.write("0};\n")
