#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""style.py ROOT: lengths of files and functions, the licence's line, functions that are not called here."""
import re
import sys
from pathlib import Path

FILE_LINES_MAX = 500
TEST_LINES_MAX = 800  # a table of cases is long and easy to read
FUNCTION_LINES_MAX = 80
FORBIDDEN = re.compile(r"\b(atoi|atol|atof|strcpy|strcat|sprintf|vsprintf|strtok|gets|alloca)\s*\(")
COMMENT_OR_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"
FOLDERS = ("proto", "probe", "collector", "tests/unit", "tests/sim", "tests/bench", "tests/fuzz")


def without_comments(text):
    return COMMENT_OR_TEXT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def functions(lines):
    """(name's line, length): in this style only a function's brace stands alone in the first column."""
    start = None
    for i, line in enumerate(lines):
        if line == "{":
            start = i
        elif line == "}" and start is not None:
            yield start, i - start + 1
            start = None


def check_file(path):
    text = path.read_text()
    lines = text.splitlines()
    if not text.startswith(LICENCE):
        yield f"{path}:1: the first line is not the licence's"
    most = TEST_LINES_MAX if path.name.startswith("test_") else FILE_LINES_MAX
    if len(lines) > most:
        yield f"{path}: {len(lines)} lines; at most {most}"
    for start, length in functions(lines):
        if length > FUNCTION_LINES_MAX:
            yield f"{path}:{start}: a function of {length} lines; at most {FUNCTION_LINES_MAX}"
    code = without_comments(text)
    for match in FORBIDDEN.finditer(code):
        yield f"{path}:{code.count(chr(10), 0, match.start()) + 1}: {match[1]} is not called here"


def main():
    root = Path(sys.argv[1])
    files = sorted(p for folder in FOLDERS for p in (root / folder).glob("*.[ch]"))
    wrong = [why for path in files for why in check_file(path)]
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


sys.exit(main())
