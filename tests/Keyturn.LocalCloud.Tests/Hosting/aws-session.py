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


# A command that writes an answer's body to a file leaves a handler in its session that takes the body of every later answer of that operation:
# 'aws s3 cp' after 'aws s3api get-object' then ends with "download failed: 'Body'". Such commands get a session that nobody else has.
WITH_FILES = [("s3api", "get-object"), ("lambda", "invoke"), ("iot-data", "get-thing-shadow"), ("iot-data", "update-thing-shadow"),
              ("iot-data", "delete-thing-shadow")]

driver = create_clidriver()
for line in sys.stdin:
    arguments = json.loads(line)
    own = create_clidriver() if tuple(arguments[:2]) in WITH_FILES else driver
    out, err = Text(), Text()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = own.main(arguments)
        except SystemExit as end:
            code = end.code
    print(json.dumps({"code": code, "out": out.text(), "err": err.text()}), flush=True)
