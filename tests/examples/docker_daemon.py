"""A stand-in for a Docker daemon that knows one image: the routes that Testcontainers asks, over a process of `serve`.

It shows that the example asks for what the Dockerfile builds, by the Docker SDK itself. It does not show what only a
daemon can: that the image can be built, and that nothing is written to its root.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any, Final

from flask import Flask, Response, jsonify, request

from tests.servers import ROOT

IMAGE: Final = "sam3-mock"
_ENTRY: Final = re.findall(r"^ENTRYPOINT (.+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)[0]


@dataclass(slots=True)
class Daemon:
    """What the stand-in was asked for, and the process in the place of the container.

    Attributes:
        created: The body of each request for a container.
        removed: Names of the containers that were removed.
    """

    created: list[dict[str, Any]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    _process: subprocess.Popen[str] | None = None
    _port: str = ""

    def start(self) -> None:
        asked = self.created[-1]
        program, *entry = json.loads(_ENTRY)
        assert program == "sam3-contract"
        given = dict(one.split("=", 1) for one in asked["Env"])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sam3_contract", *entry, *asked["Cmd"]],
            cwd=ROOT,
            env={**os.environ, **given, "SAM3_MOCK_PORT": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self._port = self._process.stdout.readline().split()[4].rpartition(":")[2]

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()
            self._process = None

    def described(self) -> dict[str, Any]:
        """Say of the container what the SDK reads."""
        ports = {"9001/tcp": [{"HostIp": "0.0.0.0", "HostPort": self._port}]}
        state = {"Status": "running" if self._process else "created", "Running": self._process is not None}
        return {"Id": "c1", "Name": "/c1", "Image": IMAGE, "State": state, "NetworkSettings": {"Ports": ports}}


def make_daemon() -> tuple[Daemon, Flask]:
    """Make one, and the application that serves it."""
    daemon, app = Daemon(), Flask("docker")

    @app.get("/version")
    @app.get("/<_v>/version")
    def version(_v: str = "") -> Response:
        return jsonify(
            {"Version": "28.0", "ApiVersion": "1.48", "MinAPIVersion": "1.24", "Os": "linux", "Arch": "amd64"}
        )

    @app.get("/<_v>/images/<name>/json")
    def image(_v: str, name: str) -> tuple[Response, int]:
        if name != IMAGE:
            return jsonify({"message": f"No such image: {name}"}), 404
        return jsonify({"Id": IMAGE, "Os": "linux", "Architecture": "amd64"}), 200

    @app.post("/<_v>/containers/create")
    def create(_v: str) -> tuple[Response, int]:
        asked = request.get_json()
        assert asked["Image"] == IMAGE
        daemon.created.append(asked)
        return jsonify({"Id": "c1", "Warnings": []}), 201

    @app.get("/<_v>/containers/c1/json")
    def inspect(_v: str) -> Response:
        return jsonify(daemon.described())

    @app.post("/<_v>/containers/c1/start")
    def start(_v: str) -> tuple[str, int]:
        daemon.start()
        return "", 204

    @app.delete("/<_v>/containers/c1")
    def remove(_v: str) -> tuple[str, int]:
        daemon.stop()
        daemon.removed.append("c1")
        return "", 204

    return daemon, app
