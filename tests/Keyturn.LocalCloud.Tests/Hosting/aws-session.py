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


# A command that writes some of its answer to a file leaves a handler in its session that does so with every later answer of that operation:
# 'aws s3 cp' after 'aws s3api get-object' then ends with "download failed: 'Body'". Such commands get a session that nobody else has.
WITH_FILES = {("s3api", "get-object"), ("lambda", "invoke"), ("iot-data", "get-thing-shadow"), ("iot-data", "update-thing-shadow"),
              ("iot-data", "delete-thing-shadow"), ("iot", "create-keys-and-certificate"), ("iot", "create-certificate-from-csr")}

driver = create_clidriver()
for line in sys.stdin:
    arguments = json.loads(line)
    own = create_clidriver() if WITH_FILES.intersection(zip(arguments, arguments[1:])) else driver
    out, err = Text(), Text()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = own.main(arguments)
        except SystemExit as end:
            code = end.code
    print(json.dumps({"code": code, "output": out.text(), "error": err.text()}), flush=True)
