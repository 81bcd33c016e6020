"""Predictions over HTTP from an ONNX file alone: onnxruntime, NumPy and Python's own server, no torch and no regtrain.

    python serve.py digits.onnx --port 8000

`GET /` says what the file holds and takes. `POST /` with `{"inputs": [[…], …]}`, for each input a list with an entry a
sample, answers with the outputs by name; where the file names its classes, with those of the highest scores too.
"""

from __future__ import annotations

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import onnxruntime

TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}
LIMIT = 16 << 20  # bytes of a request


class Model:
    """An ONNX file with its names, shapes and metadata."""

    def __init__(self, path: str) -> None:
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.about = dict(self.session.get_modelmeta().custom_metadata_map)
        self.inputs = {one.name: one for one in self.session.get_inputs()}
        self.outputs = [one.name for one in self.session.get_outputs()]
        self.labels = [label for label in self.about.get("labels", "").split(",") if label]

    def describe(self) -> dict:
        taken = {name: {"type": one.type, "shape": one.shape} for name, one in self.inputs.items()}
        return {**self.about, "inputs": taken, "outputs": self.outputs}

    def predict(self, request: dict) -> dict:
        """Outputs by name; ValueError for what the model does not take."""
        if not isinstance(request, dict) or request.keys() != self.inputs.keys():
            raise ValueError(f"give {', '.join(self.inputs)}: one list each, with an entry for every sample")
        arrays = {name: self._array(name, value) for name, value in request.items()}
        found = dict(zip(self.outputs, self.session.run(self.outputs, arrays), strict=True))
        answer = {name: value.tolist() for name, value in found.items()}
        scores = found[self.outputs[0]]
        if self.labels and scores.ndim == 2 and scores.shape[1] == len(self.labels):
            answer["labels"] = [self.labels[number] for number in scores.argmax(1)]
        return answer

    def _array(self, name: str, value: object) -> np.ndarray:
        wanted = self.inputs[name]
        try:
            array = np.asarray(value, dtype=TYPES[wanted.type])
        except (ValueError, TypeError, OverflowError) as problem:
            raise ValueError(f"{name}: {problem}") from None
        same = array.ndim == len(wanted.shape) and all(
            side == given for side, given in zip(wanted.shape, array.shape, strict=True) if isinstance(side, int)
        )
        if not same:
            raise ValueError(f"{name} has the shape {list(array.shape)}, and {wanted.shape} is wanted")
        return array


def handler(model: Model) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(200, model.describe())

        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            if not 0 < size <= LIMIT:
                self.close_connection = True
                return self._answer(413, {"error": f"a request has 1 to {LIMIT} bytes"})
            try:
                return self._answer(200, model.predict(json.loads(self.rfile.read(size))))
            except (ValueError, RecursionError) as problem:
                return self._answer(400, {"error": str(problem)})

        def _answer(self, status: int, value: dict) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve an ONNX file over HTTP.")
    parser.add_argument("model")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0: any that is free")
    options = parser.parse_args()
    server = ThreadingHTTPServer((options.host, options.port), handler(Model(options.model)))
    print(f"http://{options.host}:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
