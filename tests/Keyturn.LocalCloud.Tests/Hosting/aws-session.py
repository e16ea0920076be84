"""Runs many AWS CLI commands in one interpreter: each line in is a JSON list of arguments, each line out a JSON answer.

Starting the CLI takes most of a second, far more than a command does.
"""
import contextlib
import io
import json
import sys

from awscli.clidriver import create_clidriver


class Text(io.TextIOWrapper):
    def __init__(self):
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def text(self):
        return self.buffer.getvalue().decode()


driver = create_clidriver()
for line in sys.stdin:
    out, err = Text(), Text()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = driver.main(json.loads(line))
        except SystemExit as end:
            code = end.code
    print(json.dumps({"code": code, "out": out.text(), "err": err.text()}), flush=True)
